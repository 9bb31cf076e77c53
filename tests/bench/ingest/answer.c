/*
 * answer.c - reads as much of an HTTP answer as a load generator needs.
 */
#include "tests/bench/ingest/answer.h"

#include <string.h>

/* The value of a header in `head`; absent when there is none. */
static struct slice
header_value(struct slice head, const char *name_and_colon)
{
    while (head.size > 0) {
        const struct slice line = slice_before(head, '\n');

        if (slice_starts_nocase(line, name_and_colon)) {
            return slice_trim(slice_skip(line, strlen(name_and_colon)));
        }
        head = slice_skip(head, line.size < head.size ? line.size + 1 : head.size);
    }
    return (struct slice){0};
}

enum answer_result
answer_parse(struct slice bytes, struct answer *ret_answer)
{
    static const char version[] = "HTTP/1.1 ";
    const char *end = memmem(bytes.data, bytes.size, "\r\n\r\n", 4);
    int64_t length = 0;

    if (end == NULL) {
        return ANSWER_CUT;
    }
    const struct slice head = {
        .data = bytes.data, .size = (size_t)(end - bytes.data) + 4};

    if (!slice_starts(head, version)) {
        return ANSWER_BAD;
    }
    const struct slice status = slice_skip(head, sizeof(version) - 1);

    if (status.data[0] < '1' || status.data[0] >= '0' + ANSWER_CLASSES) {
        return ANSWER_BAD;
    }
    if (!slice_starts(status, "204") &&
        !slice_to_int64(header_value(head, "content-length:"), &length)) {
        return ANSWER_BAD;
    }
    if (length < 0 || bytes.size - head.size > (size_t)length) {
        return ANSWER_BAD;
    }
    if (bytes.size - head.size < (size_t)length) {
        return ANSWER_CUT;
    }
    ret_answer->class = (unsigned)(status.data[0] - '0');
    ret_answer->closes = slice_is_nocase(header_value(head, "connection:"), "close");
    return ANSWER_OK;
}
