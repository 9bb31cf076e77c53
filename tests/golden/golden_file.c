/*
 * golden_file.c - reads, writes and compares the files of a golden case.
 */
#include "tests/golden/golden_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_SIZE_MAX = 1 << 20,
};

static _Noreturn void
die(const char *what, const char *path)
{
    (void)fprintf(stderr, "golden: %s: %s\n", what, path);
    exit(2);
}

void
golden_must(bool holds, const char *what, const char *path)
{
    if (!holds) {
        die(what, path);
    }
}

void
golden_make_path(char path[PATH_SIZE_MAX], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int size = vsnprintf(path, PATH_SIZE_MAX, format, arguments);

    va_end(arguments);
    golden_must(size > 0 && size < PATH_SIZE_MAX, "too long a path", format);
}

char *
golden_read_file(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        return NULL;
    }
    char *text = calloc(1, FILE_SIZE_MAX);

    golden_must(text != NULL, "no memory", path);
    const size_t size = fread(text, 1, FILE_SIZE_MAX - 1, file);

    golden_must(ferror(file) == 0 && size < FILE_SIZE_MAX - 1, "cannot be read", path);
    (void)fclose(file); /* only read from */
    return text;
}

void
golden_write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    golden_must(file != NULL, "cannot be written", path);
    golden_must(fputs(text, file) >= 0 && fclose(file) == 0, "cannot be written", path);
}

static size_t
line_size(const char *text)
{
    const size_t size = strcspn(text, "\n");

    return text[size] == '\n' ? size + 1 : size;
}

static void
print_lines(char mark, const char *text, const char *end)
{
    while (text < end) {
        const size_t size = line_size(text);

        printf("  %c %.*s\n", mark, (int)strcspn(text, "\n"), text);
        text += size;
    }
}

void
golden_print_difference(const char *expected, const char *actual)
{
    const char *expected_end = expected + strlen(expected);
    const char *actual_end = actual + strlen(actual);

    while (*expected != '\0' && line_size(expected) == line_size(actual) &&
           strncmp(expected, actual, line_size(expected)) == 0) {
        const size_t size = line_size(expected);

        expected += size;
        actual += size;
    }
    while (expected_end > expected && actual_end > actual &&
           expected_end[-1] == actual_end[-1]) {
        expected_end--;
        actual_end--;
    }
    expected_end += line_size(expected_end);
    actual_end += line_size(actual_end);
    print_lines('-', expected, expected_end);
    print_lines('+', actual, actual_end);
}
