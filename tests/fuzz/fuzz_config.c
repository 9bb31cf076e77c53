/*
 * fuzz_config.c - any bytes as a configuration file are read, or refused in one line that says
 * where.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/config/config_print.h"
#include "server/config/options.h"
#include "tests/fuzz/fuzz.h"

enum {
    PATH_SIZE = 64,
    INPUT_MAX = 64 * 1024,
};

static bool
holds(const char *text, size_t size, const char *part)
{
    return memmem(text, size, part, strlen(part)) != NULL;
}

/* What is in the environment would win over the file. */
static void
clear_environment(void)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const char *variable = config_options[i].variable;
        char file_variable[PATH_SIZE];

        if (variable != NULL) {
            (void)snprintf(file_variable, sizeof(file_variable), "%s_FILE", variable);
            fuzz_check(
                unsetenv(variable) == 0 && unsetenv(file_variable) == 0, "unsetenv");
        }
    }
}

static void
open_file(const uint8_t *data, size_t size, int *ret_fd, char path[PATH_SIZE])
{
    const int fd = memfd_create("config", MFD_CLOEXEC);

    fuzz_check(fd >= 0, "memfd_create");
    fuzz_check(write(fd, data, size) == (ssize_t)size, "write");
    (void)snprintf(path, PATH_SIZE, "/proc/self/fd/%d", fd);
    *ret_fd = fd;
}

static size_t
skip_number(const char *text)
{
    return strspn(text, "0123456789");
}

/* "...: <path>:<line>:<column>..." */
static bool
says_where(const char *error, const char *path)
{
    const char *at = strstr(error, path);
    size_t digits = 0;

    if (at == NULL || at[strlen(path)] != ':') {
        return false;
    }
    at += strlen(path) + 1;
    digits = skip_number(at);
    return digits > 0 && at[0] != '0' && at[digits] == ':' &&
           skip_number(at + digits + 1) > 0 && at[digits + 1] != '0';
}

static void
check_error(const char error[CONFIG_ERROR_SIZE], const char *path, bool in_file)
{
    const size_t size = strnlen(error, CONFIG_ERROR_SIZE);

    fuzz_check(size > 0 && size < CONFIG_ERROR_SIZE, "an error has words");
    for (size_t i = 0; i < size; i++) {
        fuzz_check(error[i] >= ' ' && error[i] <= '~', "an error is one line of ASCII");
    }
    fuzz_check(!in_file || says_where(error, path), error);
}

/* Whatever was accepted can be shown. */
static void
check_printing(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *json = config_to_json(config);
    json_t *omissions = config_omissions(config);

    fuzz_check(out != NULL && json != NULL && omissions != NULL, "memory");
    config_print(config, out);
    fuzz_check(fclose(out) == 0 && size > 0, "it is printed");
    json_decref(json);
    json_decref(omissions);
    free(text);
}

static void
load(const char *path, enum config_command command, bool in_file)
{
    char error[CONFIG_ERROR_SIZE];
    struct config config;

    memset(error, 'x', sizeof(error));
    const int r = config_load(path, command, &config, error);

    fuzz_check(r == 0 || r == EX_CONFIG, "accepted or refused");
    if (r == 0) {
        check_printing(&config);
        config_done(&config);
        config_done(&config); /* twice is fine */
    } else {
        check_error(error, path, in_file);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool cleared;
    char path[PATH_SIZE];
    int fd = -1;

    /* a `_file` key would be followed to where reading may never end */
    if (size > INPUT_MAX || holds((const char *)data, size, "/dev") ||
        holds((const char *)data, size, "/proc")) {
        return 0;
    }
    if (!cleared) {
        clear_environment();
        cleared = true;
    }
    open_file(data, size, &fd, path);
    load(path, CONFIG_FOR_TOOL, true); /* needs no key: what is wrong is in the file */
    load(path, CONFIG_FOR_CHECK, false);
    (void)close(fd); /* only ours */
    return 0;
}
