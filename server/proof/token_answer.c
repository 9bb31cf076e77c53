/*
 * token_answer.c - what Twilio's IAM says of a Flex user's token.
 *
 * A member given twice, or one that is not what it should be, makes the whole answer unreadable:
 * of two readings the kinder one is never taken.
 */
#include "server/proof/token_answer.h"

#include "mapping/scan.h"
#include "mapping/timestamp.h"

enum {
    STATUS_OK = 200,
    NAME_SIZE = 16, /* longer than any name below */
};

/* Raw values; absent ones were not in the answer. */
struct members {
    struct slice valid;
    struct slice expiration;
    struct slice worker_sid;
};

static bool
take_member(void *context, struct slice name, struct slice value)
{
    struct members *members = context;
    const struct {
        const char *name;
        struct slice *value;
    } wanted[] = {
        {"valid", &members->valid},
        {"expiration", &members->expiration},
        {"worker_sid", &members->worker_sid},
    };
    char text[NAME_SIZE];

    /* decoded, so that no spelling of a name gets past us; what does not fit is none of ours */
    if (!scan_text(name, text, sizeof(text))) {
        return true;
    }
    for (size_t i = 0; i < LENGTH(wanted); i++) {
        if (slice_is(slice_of(text), wanted[i].name)) {
            const bool is_first = wanted[i].value->data == NULL;

            *wanted[i].value = value;
            return is_first; /* or stop here */
        }
    }
    return true;
}

static bool
is_nothing(struct slice value)
{
    return value.data == NULL || slice_is(value, "null");
}

/* How long a yes holds; 0 or less when its time has passed. */
static int64_t
valid_for_ms(struct slice expiration, int64_t now_unix_ms)
{
    const int64_t longest_ms = (int64_t)TOKEN_VALID_S * MS_PER_S;
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t expires_ms = 0;

    if (!scan_text(expiration, text, sizeof(text)) ||
        !timestamp_parse(slice_of(text), &expires_ms)) {
        return (int64_t)TOKEN_UNDATED_S * MS_PER_S;
    }
    const int64_t left_ms = expires_ms - now_unix_ms;

    return left_ms < longest_ms ? left_ms : longest_ms;
}

static struct token_answer
read_valid(const struct members *members, int64_t now_unix_ms)
{
    struct token_answer answer = {.verdict = TOKEN_VALID,
        .keep_ms = valid_for_ms(members->expiration, now_unix_ms)};

    if (!is_nothing(members->worker_sid) &&
        !scan_text(members->worker_sid, answer.worker_sid, sizeof(answer.worker_sid))) {
        return (struct token_answer){.verdict = TOKEN_UNKNOWN};
    }
    if (answer.keep_ms <= 0) {
        return (struct token_answer){
            .verdict = TOKEN_EXPIRED, .keep_ms = (int64_t)TOKEN_INVALID_S * MS_PER_S};
    }
    return answer;
}

struct token_answer
token_answer_read(long status, struct slice body, int64_t now_unix_ms)
{
    struct members members = {0};

    if (status != STATUS_OK || scan_members(body, take_member, &members) != SCAN_OK) {
        return (struct token_answer){.verdict = TOKEN_UNKNOWN};
    }
    if (slice_is(members.valid, "true")) {
        return read_valid(&members, now_unix_ms);
    }
    if (slice_is(members.valid, "false")) {
        return (struct token_answer){
            .verdict = TOKEN_INVALID, .keep_ms = (int64_t)TOKEN_INVALID_S * MS_PER_S};
    }
    return (struct token_answer){.verdict = TOKEN_UNKNOWN};
}
