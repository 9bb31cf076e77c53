/*
 * http_answer.c - reads the few answer headers we act on.
 */
#include "server/net/http_answer.h"

#include <string.h>
#include <time.h>

enum {
    DATE_SIZE_MAX = 40, /* "Sun, 06 Nov 1994 08:49:37 GMT" */
};

/* A count: the digits up to an optional fraction; -1 for anything else. */
static int64_t
count_of(struct slice value)
{
    int64_t count = 0;

    return slice_to_int64(slice_before(value, '.'), &count) && count >= 0 ? count : -1;
}

/* Seconds, or a date (RFC 9110, 10.2.3). */
static int64_t
retry_after_of(struct slice value)
{
    char text[DATE_SIZE_MAX];
    struct tm date = {0};
    const int64_t seconds = count_of(value);

    if (seconds >= 0 || !slice_to_text(value, text, sizeof(text))) {
        return seconds;
    }
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);

    if (end == NULL || *end != '\0') {
        return -1;
    }
    const time_t when = timegm(&date);
    const time_t now = time(NULL);

    return when > now ? when - now : 0;
}

static bool
is_json_type(struct slice value)
{
    value = slice_trim(slice_before(value, ';'));
    if (slice_is_nocase(value, "application/json")) {
        return true;
    }
    return value.size > 5 && slice_is_nocase(slice_skip(value, value.size - 5), "+json");
}

static void
read_header(struct http_exchange *exchange, struct slice name, struct slice value)
{
    const struct {
        const char *name;
        int64_t *number;
    } counts[] = {
        {"x-sib-ratelimit-limit", &exchange->ratelimit_limit},
        {"x-sib-ratelimit-remaining", &exchange->ratelimit_remaining},
        {"x-sib-ratelimit-reset", &exchange->ratelimit_reset},
    };

    for (size_t i = 0; i < LENGTH(counts); i++) {
        if (slice_is_nocase(name, counts[i].name)) {
            *counts[i].number = count_of(value);
        }
    }
    if (slice_is_nocase(name, "retry-after")) {
        exchange->retry_after_s = retry_after_of(value);
    } else if (slice_is_nocase(name, "content-type")) {
        exchange->is_json = is_json_type(value);
    } else if (slice_is_nocase(name, "sib-request-id") &&
               !slice_to_text(
                   value, exchange->request_id, sizeof(exchange->request_id))) {
        exchange->request_id[0] = '\0';
    }
}

void
http_answer_forget(struct http_exchange *exchange)
{
    exchange->ratelimit_limit = -1;
    exchange->ratelimit_remaining = -1;
    exchange->ratelimit_reset = -1;
    exchange->retry_after_s = -1;
    exchange->is_json = false;
    exchange->request_id[0] = '\0';
}

void
http_answer_line(struct http_exchange *exchange, struct slice line)
{
    const struct slice name = slice_before(line, ':');

    if (slice_starts(line, "HTTP/")) {
        http_answer_forget(exchange);
    } else if (name.size < line.size) {
        read_header(exchange, name, slice_trim(slice_skip(line, name.size + 1)));
    }
}
