/*
 * words.h - looking for rare bytes eight at a time.
 */
#pragma once

#include <endian.h>
#include <string.h>

#include "mapping/base.h"

enum {
    WORD_SIZE = sizeof(uint64_t),
};

/* WORD_SIZE bytes; the first is the lowest. */
static inline uint64_t
word_at(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return le64toh(word);
}

static inline uint64_t
word_of(unsigned char byte)
{
    return UINT64_C(0x0101010101010101) * byte;
}

/* The high bit of each byte below `limit` (at most 128); bits above the lowest set may lie. */
static inline uint64_t
word_below(uint64_t word, unsigned char limit)
{
    return (word - word_of(limit)) & ~word & word_of(0x80);
}

/* The same for each byte that is `byte`. */
static inline uint64_t
word_equal(uint64_t word, unsigned char byte)
{
    return word_below(word ^ word_of(byte), 1);
}
