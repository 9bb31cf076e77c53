/*
 * golden_file.h - reads, writes and compares the files of a golden case.
 */
#pragma once

#include "mapping/base.h"

enum {
    PATH_SIZE_MAX = 4096,
};

/* Ends the program with what is wrong and where, unless it holds. */
void golden_must(bool holds, const char *what, const char *path);
void golden_make_path(char path[PATH_SIZE_MAX], const char *format, ...) PRINTF(2, 3);
/* The whole file as text for the caller to free; NULL when there is none. */
char *golden_read_file(const char *path);
void golden_write_file(const char *path, const char *text);
/* The lines between what both texts begin with and what both end with. */
void golden_print_difference(const char *expected, const char *actual);
