/*
 * scanner.h - the machine inside scan.c: one cursor over JSON that checks what it passes.
 *
 * The scanner stands either before a value or behind one. scanner_enter() steps over a scalar or
 * into a container; scanner_next() goes from there to the start of the next value, closing what
 * ends on the way. Everything else is a loop over the two. `closers` remembers what is open.
 */
#pragma once

#include "mapping/scan.h"

struct scanner {
    const char *at;
    const char *end;
    struct slice name; /* the member's whose value comes next, without its quotes */
    size_t depth;
    bool opened; /* a container was just entered: no comma before its first value */
    char closers[SCAN_DEPTH_MAX];
};

enum scanner_step {
    SCANNER_VALUE, /* before the next value */
    SCANNER_DONE, /* right behind the value that closed everything above the base depth */
    SCANNER_BROKEN,
};

/* Before the first value of `text`. */
struct scanner scanner_of(struct slice text);

/* '\0' at the end: no value starts with it and none contains it. */
static inline char
scanner_peek(const struct scanner *scanner)
{
    return scanner->at < scanner->end ? *scanner->at : '\0';
}

/* False: broken syntax, here and below. */
bool scanner_enter(struct scanner *scanner) MUST_USE;
enum scanner_step scanner_next(struct scanner *scanner, size_t base) MUST_USE;
/* Steps over a whole value. */
bool scanner_skip(struct scanner *scanner) MUST_USE;
/* The same, and says which bytes it has. */
bool scanner_take(struct scanner *scanner, struct slice *ret_value) MUST_USE;
/* SCAN_OK when the last step was SCANNER_DONE and only blanks follow, else SCAN_E_SYNTAX. */
int scanner_finish(struct scanner *scanner, enum scanner_step last) MUST_USE;
