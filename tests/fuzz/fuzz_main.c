/*
 * fuzz_main.c - replays corpus files through a fuzz target, so that every build runs them as
 * an ordinary test. Arguments are files and directories of files.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

enum {
    INPUT_SIZE_MAX = 1 << 20,
    PATH_SIZE_MAX = 4096,
};

static void
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *whole = malloc(INPUT_SIZE_MAX);

    fuzz_check(file != NULL && whole != NULL, path);
    const size_t size = fread(whole, 1, INPUT_SIZE_MAX, file);

    fuzz_check(ferror(file) == 0 && feof(file) != 0, path);
    uint8_t *exact = malloc(size > 0 ? size : 1); /* so that reading past it is noticed */

    fuzz_check(exact != NULL, path);
    memcpy(exact, whole, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(whole);
    (void)fclose(file); /* only read from */
}

static size_t
replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;

    fuzz_check(directory != NULL, path);
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        char file[PATH_SIZE_MAX];

        if (entry->d_name[0] == '.') {
            continue;
        }
        const int size = snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);

        fuzz_check(size > 0 && (size_t)size < sizeof(file), path);
        replay_file(file);
        count++;
    }
    (void)closedir(directory);
    return count;
}

int
main(int argc, char **argv)
{
    size_t count = 0;

    for (int i = 1; i < argc; i++) {
        struct stat status;

        fuzz_check(stat(argv[i], &status) == 0, argv[i]);
        if (S_ISDIR(status.st_mode)) {
            count += replay_directory(argv[i]);
        } else {
            replay_file(argv[i]);
            count++;
        }
    }
    printf("%zu inputs replayed\n", count);
    return count > 0 ? 0 : 1; /* an empty corpus is a broken test, not a passed one */
}
