/*
 * fuzz.h - what fuzz targets share.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The target. libFuzzer calls it with what it invents, fuzz_main.c with the corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise about the code under test; `what` says which, for the report. */
static inline void
fuzz_check(int holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}
