/*
 * scanner.c - one pass over JSON: no memory, no recursion.
 */
#include "mapping/scanner.h"

#include <string.h>

#include "mapping/words.h"

static bool
skip_char(struct scanner *scanner, char c)
{
    if (scanner_peek(scanner) != c) {
        return false;
    }
    scanner->at++;
    return true;
}

static void
skip_blanks(struct scanner *scanner)
{
    for (char c = scanner_peek(scanner); c == ' ' || c == '\n' || c == '\r' || c == '\t';
         c = scanner_peek(scanner)) {
        scanner->at++;
    }
}

/*
 * Where the run of ordinary string characters ends: a quote, a backslash, a control character
 * or `end`. Strings are most of a document, so eight bytes at a time.
 */
static const char *
string_run_end(const char *at, const char *end)
{
    for (; end - at >= WORD_SIZE; at += WORD_SIZE) {
        const uint64_t word = word_at(at);
        /* with this bit flipped a quote is 0x20, next to the control characters */
        const uint64_t special =
            word_below(word ^ word_of('"' ^ 0x20), 0x21) | word_equal(word, '\\');

        if (special != 0) {
            return at + __builtin_ctzll(special) / 8;
        }
    }
    while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\') {
        at++;
    }
    return at;
}

static bool
skip_string(struct scanner *scanner)
{
    if (!skip_char(scanner, '"')) {
        return false;
    }
    for (;;) {
        scanner->at = string_run_end(scanner->at, scanner->end);
        if (skip_char(scanner, '"')) {
            return true;
        }
        if (!skip_char(scanner, '\\') || (unsigned char)scanner_peek(scanner) < 0x20) {
            return false;
        }
        scanner->at++;
    }
}

static bool
skip_digits(struct scanner *scanner)
{
    const char *start = scanner->at;

    while (scanner_peek(scanner) >= '0' && scanner_peek(scanner) <= '9') {
        scanner->at++;
    }
    return scanner->at > start;
}

static bool
skip_number(struct scanner *scanner)
{
    (void)skip_char(scanner, '-'); /* optional */
    if (!skip_char(scanner, '0') && !skip_digits(scanner)) {
        return false;
    }
    if (skip_char(scanner, '.') && !skip_digits(scanner)) {
        return false;
    }
    if (!skip_char(scanner, 'e') && !skip_char(scanner, 'E')) {
        return true;
    }
    if (!skip_char(scanner, '+')) {
        (void)skip_char(scanner, '-'); /* optional too */
    }
    return skip_digits(scanner);
}

static bool
skip_word(struct scanner *scanner, const char *word)
{
    const size_t size = strlen(word);

    if ((size_t)(scanner->end - scanner->at) < size ||
        memcmp(scanner->at, word, size) != 0) {
        return false;
    }
    scanner->at += size;
    return true;
}

static bool
open_container(struct scanner *scanner, char closer)
{
    if (scanner->depth == SCAN_DEPTH_MAX) {
        return false;
    }
    scanner->closers[scanner->depth++] = closer;
    scanner->opened = true;
    scanner->at++;
    return true;
}

bool
scanner_enter(struct scanner *scanner)
{
    switch (scanner_peek(scanner)) {
    case '"':
        return skip_string(scanner);
    case '{':
        return open_container(scanner, '}');
    case '[':
        return open_container(scanner, ']');
    case 't':
        return skip_word(scanner, "true");
    case 'f':
        return skip_word(scanner, "false");
    case 'n':
        return skip_word(scanner, "null");
    default:
        return skip_number(scanner);
    }
}

static bool
skip_name(struct scanner *scanner)
{
    const char *start = scanner->at + 1;

    if (!skip_string(scanner)) {
        return false;
    }
    scanner->name = (struct slice){start, (size_t)(scanner->at - 1 - start)};
    skip_blanks(scanner);
    if (!skip_char(scanner, ':')) {
        return false;
    }
    skip_blanks(scanner);
    return true;
}

enum scanner_step
scanner_next(struct scanner *scanner, size_t base)
{
    while (scanner->depth > base) {
        const char closer = scanner->closers[scanner->depth - 1];
        const bool first = scanner->opened;

        scanner->opened = false;
        skip_blanks(scanner);
        if (skip_char(scanner, closer)) {
            scanner->depth--;
            continue;
        }
        if (!first && !skip_char(scanner, ',')) {
            return SCANNER_BROKEN;
        }
        skip_blanks(scanner);
        return closer == ']' || skip_name(scanner) ? SCANNER_VALUE : SCANNER_BROKEN;
    }
    return SCANNER_DONE;
}

bool
scanner_skip(struct scanner *scanner)
{
    const size_t base = scanner->depth;
    enum scanner_step step = SCANNER_VALUE;

    while (step == SCANNER_VALUE) {
        if (!scanner_enter(scanner)) {
            return false;
        }
        step = scanner_next(scanner, base);
    }
    return step == SCANNER_DONE;
}

bool
scanner_take(struct scanner *scanner, struct slice *ret_value)
{
    const char *start = scanner->at;

    if (!scanner_skip(scanner)) {
        return false;
    }
    *ret_value = (struct slice){start, (size_t)(scanner->at - start)};
    return true;
}

struct scanner
scanner_of(struct slice text)
{
    struct scanner scanner = {
        .at = text.data,
        .end = text.size > 0 ? text.data + text.size : text.data,
    };

    skip_blanks(&scanner);
    return scanner;
}

int
scanner_finish(struct scanner *scanner, enum scanner_step last)
{
    skip_blanks(scanner);
    return last == SCANNER_DONE && scanner->at == scanner->end ? SCAN_OK : SCAN_E_SYNTAX;
}
