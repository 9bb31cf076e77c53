/*
 * base.h - the few things every layer needs: attributes, units, slices, a bounded buffer.
 *
 * The only header of mapping/ that queue/ may include.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define AUTO(release) __attribute__((cleanup(release)))
#define PRINTF(string, first) __attribute__((format(printf, string, first)))
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MS_PER_S = 1000,
    US_PER_MS = 1000,
    US_PER_S = 1000 * 1000,
};

/* Bytes somebody else owns. Not NUL-terminated; may hold NUL. {NULL, 0} is "absent". */
struct slice {
    const char *data;
    size_t size;
};

/* `text` may be NULL: an absent slice. */
struct slice slice_of(const char *text);
bool slice_equal(struct slice a, struct slice b);
bool slice_is(struct slice value, const char *text);
bool slice_is_nocase(struct slice value, const char *text);
bool slice_starts(struct slice value, const char *prefix);
bool slice_starts_nocase(struct slice value, const char *prefix);
struct slice slice_skip(struct slice value, size_t count); /* count <= value.size */
struct slice slice_trim(struct slice value); /* blanks and line ends, both sides */
/* The part before the first `mark`, or all of it. */
struct slice slice_before(struct slice value, char mark);
/* The first `max` bytes of UTF-8 text, fewer where they would end inside a character. */
struct slice slice_cut_text(struct slice value, size_t max);
/* A NUL-terminated copy for the caller to free(); NULL when memory is out. */
char *slice_copy(struct slice value) MUST_USE;
/* Copies to *end, where there is room for it, and moves *end behind it. Returns the copy. */
struct slice slice_append(char **end, struct slice value);
/*
 * Copies into `text` (`capacity` bytes with the NUL).
 * False, and an empty text, when it does not fit or holds a NUL.
 */
bool slice_to_text(struct slice value, char *text, size_t capacity) MUST_USE;

/*
 * Decimal digits only, with one optional sign; the whole slice. False on anything else or on
 * overflow, *ret_number untouched.
 */
bool slice_to_int64(struct slice value, int64_t *ret_number) MUST_USE;

/* How long to wait after a wait of `last`: `first` after none (0), then twice as long, to `max`. */
static inline int64_t
backoff_after(int64_t last, int64_t first, int64_t max)
{
    if (last <= 0) {
        return first;
    }
    return last <= max / 2 ? last * 2 : max;
}

/* What a hexadecimal digit of either case stands for; -1 for any other character. */
static inline int
hex_digit(char c)
{
    const unsigned digit = (unsigned char)c - (unsigned)'0';
    const unsigned letter = ((unsigned char)c | 0x20U) - 'a'; /* to lower case */

    return digit < 10 ? (int)digit : letter < 6 ? (int)letter + 10 : -1;
}

/*
 * A growable buffer created with its maximum. A write that would pass it, or that finds no
 * memory, sets `failed` and changes nothing; so does every write after it: check once, at the
 * end. `data` is kept NUL-terminated. buffer_done() frees; zeroed buffers and second calls are
 * fine.
 */
struct buffer {
    char *data;
    size_t size;
    size_t capacity;
    size_t max;
    bool failed;
};

void buffer_init(struct buffer *buffer, size_t max);
void buffer_done(struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* keeps the memory, forgets a failure */
void buffer_add(struct buffer *buffer, const void *data, size_t size);
void buffer_add_slice(struct buffer *buffer, struct slice value);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_addf(struct buffer *buffer, const char *format, ...) PRINTF(2, 3);
/* RFC 3986: everything but its unreserved characters as %XX; '+', '@' and blanks among them. */
void buffer_add_percent_encoded(struct buffer *buffer, struct slice value);
struct slice buffer_slice(const struct buffer *buffer);
