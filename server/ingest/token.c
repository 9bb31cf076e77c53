/*
 * token.c - is this a Flex user's token? Twilio's IAM knows.
 *
 * An entry is a token's hash with a verdict and its expiry, or with a question under way and those
 * who wait for it. There are TOKEN_KEPT_MAX of them, looked through one by one: that takes a
 * microsecond or two, once per plugin request.
 */
#include "server/ingest/token.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/scan.h"
#include "mapping/timestamp.h"
#include "server/ingest/gate.h"
#include "server/ingest/verify.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

enum {
    URL_SIZE = 512,
    HEADER_SIZE = 512,
    CREDENTIALS_SIZE = 256,
};

/* Asked about one entry; lives until IAM has answered or the client was closed. */
struct question {
    struct http_exchange exchange;
    struct token_checker *checker;
    struct entry *entry;
    size_t credential; /* index */
    size_t credentials_tried;
    int64_t deadline_us;
    char authorization[HEADER_SIZE];
    struct buffer body;
    struct token_check *waiting;
};

struct entry {
    char hash[VERIFY_SHA256_SIZE]; /* empty: free */
    enum token_verdict verdict;
    char worker_sid[TOKEN_WORKER_SIZE];
    int64_t expires_us;
    int64_t used_us;
    struct question *question; /* TOKEN_PENDING */
};

struct token_checker {
    struct token_checker_options options;
    char url[URL_SIZE];
    size_t credential; /* the one that worked last */
    size_t asking;
    struct gate unknown;
    struct entry entries[TOKEN_KEPT_MAX];
};

/* ---- what is known ------------------------------------------------------------------------ */

static bool
is_free(const struct entry *entry, int64_t now_us)
{
    return entry->hash[0] == '\0' ||
           (entry->verdict != TOKEN_PENDING && entry->expires_us <= now_us);
}

static struct entry *
find_entry(struct token_checker *checker, const char *hash, int64_t now_us)
{
    for (size_t i = 0; i < LENGTH(checker->entries); i++) {
        struct entry *entry = &checker->entries[i];

        if (strcmp(entry->hash, hash) == 0 && !is_free(entry, now_us)) {
            return entry;
        }
    }
    return NULL;
}

/* A free entry, else the least recently used: there are far fewer questions than entries. */
static struct entry *
take_entry(struct token_checker *checker, const char *hash, int64_t now_us)
{
    struct entry *taken = NULL;

    for (size_t i = 0; i < LENGTH(checker->entries); i++) {
        struct entry *entry = &checker->entries[i];

        if (is_free(entry, now_us)) {
            taken = entry;
            break;
        }
        if (entry->verdict != TOKEN_PENDING &&
            (taken == NULL || entry->used_us < taken->used_us)) {
            taken = entry;
        }
    }
    assert(taken != NULL);
    *taken = (struct entry){.verdict = TOKEN_PENDING};
    memcpy(taken->hash, hash, sizeof(taken->hash));
    return taken;
}

/* ---- asking ------------------------------------------------------------------------------- */

/* A Flex token is a JWE; anything else need not be asked about, nor quoted in JSON. */
static bool
is_token(struct slice token)
{
    for (size_t i = 0; i < token.size; i++) {
        const char c = token.data[i];

        if (c <= ' ' || c > '~' || c == '"' || c == '\\') {
            return false;
        }
    }
    return token.size > 0 && token.size < TOKEN_SIZE_MAX;
}

static bool
write_authorization(struct question *question)
{
    const struct token_checker_options *options = &question->checker->options;
    const size_t prefix = strlen("Authorization: Basic ");
    AUTO(buffer_done) struct buffer credentials = {.max = CREDENTIALS_SIZE};

    memcpy(question->authorization, "Authorization: Basic ", prefix);
    buffer_addf(&credentials, "%s:%s", options->account_sid,
        options->auth_tokens[question->credential]);
    return !credentials.failed &&
           verify_base64(buffer_slice(&credentials), question->authorization + prefix,
               sizeof(question->authorization) - prefix);
}

static void on_answer(struct http_exchange *exchange);

static int
ask(struct question *question, int64_t now_us)
{
    if (now_us >= question->deadline_us) {
        return -ETIMEDOUT;
    }
    if (!write_authorization(question)) {
        return -ENAMETOOLONG;
    }
    question->exchange = (struct http_exchange){
        .method = "POST",
        .url = question->checker->url,
        .headers = {question->authorization, "Content-Type: application/json",
            "Cache-Control: no-cache"},
        .header_count = 3,
        .body = buffer_slice(&question->body),
        .timeout_ms = (question->deadline_us - now_us) / US_PER_MS + 1,
        .done = on_answer,
        .context = question,
    };
    return http_client_start(question->checker->options.client, &question->exchange);
}

static void
free_question(struct question *question)
{
    buffer_done(&question->body); /* the token */
    free(question);
}

/* ---- the answer --------------------------------------------------------------------------- */

/* From now on, but not past the token's own end. */
static int64_t
valid_until_us(struct slice expiration, int64_t now_us)
{
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t expires_ms = 0;
    int64_t left_us = (int64_t)TOKEN_VALID_S * US_PER_S;

    if (scan_text(expiration, text, sizeof(text)) &&
        timestamp_parse(slice_of(text), &expires_ms)) {
        const int64_t own_us = (expires_ms - clock_unix_ms()) * US_PER_MS;

        left_us = own_us < left_us ? own_us : left_us;
    }
    return now_us + left_us;
}

static enum token_verdict
judge(const struct http_exchange *exchange, int64_t now_us, struct entry *entry)
{
    struct scan_field fields[] = {
        {.path = "valid"}, {.path = "expiration"}, {.path = "worker_sid"}};

    if (exchange->result != HTTP_ANSWERED) {
        return TOKEN_UNKNOWN;
    }
    entry->expires_us = now_us + (int64_t)TOKEN_INVALID_S * US_PER_S;
    if (exchange->status == 400) {
        return TOKEN_INVALID;
    }
    if (exchange->status != 200 ||
        scan_fields(buffer_slice(&exchange->answer), fields, LENGTH(fields)) != SCAN_OK) {
        return TOKEN_UNKNOWN;
    }
    if (slice_is(fields[0].value, "false")) {
        return TOKEN_INVALID;
    }
    if (!slice_is(fields[0].value, "true")) {
        return TOKEN_UNKNOWN;
    }
    entry->expires_us = valid_until_us(fields[1].value, now_us);
    if (!scan_text(fields[2].value, entry->worker_sid, sizeof(entry->worker_sid))) {
        entry->worker_sid[0] = '\0';
    }
    return TOKEN_VALID;
}

static void
say_unknown(
    struct token_checker *checker, const struct http_exchange *exchange, int64_t now_us)
{
    int64_t count = 0;

    if (gate_pass(&checker->unknown, now_us, &count)) {
        log_warn("flex_token_unknown", "status=%ld error=\"%s\" count=%lld do=\"%s\"",
            exchange->status, exchange->error, (long long)count,
            exchange->status == 401 ? "check account_sid and auth_token"
                                    : "check iam_url and the network");
    }
}

static void
tell(struct token_check *check, const struct entry *entry)
{
    check->verdict = entry->verdict;
    memcpy(check->worker_sid, entry->worker_sid, sizeof(check->worker_sid));
}

/* Tells all who wait; an entry without a verdict is forgotten. */
static void
settle(struct question *question, enum token_verdict verdict, int64_t now_us)
{
    struct entry entry = *question->entry;
    struct token_check *check = question->waiting;

    entry.verdict = verdict;
    entry.used_us = now_us;
    entry.question = NULL;
    *question->entry = verdict == TOKEN_UNKNOWN ? (struct entry){0} : entry;
    question->checker->asking--;
    free_question(question);
    while (check != NULL) {
        struct token_check *next = check->next; /* `done` may free it */

        tell(check, &entry);
        check->done(check);
        check = next;
    }
}

static void
on_answer(struct http_exchange *exchange)
{
    struct question *question = exchange->context;
    struct token_checker *checker = question->checker;
    const int64_t now_us = clock_monotonic_us();

    if (exchange->result == HTTP_ANSWERED && exchange->status == 401 &&
        question->credentials_tried < checker->options.auth_token_count) {
        question->credential =
            (question->credential + 1) % checker->options.auth_token_count;
        question->credentials_tried++;
        http_exchange_done(exchange);
        if (ask(question, now_us) == 0) {
            return;
        }
    }
    const enum token_verdict verdict = judge(exchange, now_us, question->entry);

    if (verdict == TOKEN_UNKNOWN) {
        say_unknown(checker, exchange, now_us);
    } else {
        checker->credential = question->credential;
    }
    http_exchange_done(exchange);
    settle(question, verdict, now_us);
}

/* ---- the checker -------------------------------------------------------------------------- */

int
token_checker_open(
    const struct token_checker_options *options, struct token_checker **ret_checker)
{
    struct token_checker *checker = calloc(1, sizeof(*checker));

    if (checker == NULL) {
        return -ENOMEM;
    }
    checker->options = *options;
    const int size = snprintf(checker->url, URL_SIZE, "%s/v1/Accounts/%s/Tokens/validate",
        options->iam_url, options->account_sid);

    if (size < 0 || size >= URL_SIZE || options->auth_token_count == 0) {
        free(checker);
        return -EINVAL;
    }
    *ret_checker = checker;
    return 0;
}

void
token_checker_close(struct token_checker **checker)
{
    assert(*checker == NULL || (*checker)->asking == 0);
    free(*checker);
    *checker = NULL;
}

void
token_checker_set_tokens(
    struct token_checker *checker, const char *const *auth_tokens, size_t count)
{
    checker->options.auth_tokens = auth_tokens;
    checker->options.auth_token_count = count;
    checker->credential = 0;
    for (size_t i = 0; i < LENGTH(checker->entries); i++) {
        struct question *question = checker->entries[i].question;

        if (question != NULL) {
            question->credential = count - 1; /* before the first, and none tried */
            question->credentials_tried = 0;
        }
    }
}

/* Starts the question about a new entry, with `check` as the first who waits. */
static enum token_verdict
ask_first(struct token_checker *checker, const char *hash, struct slice token,
    struct token_check *check)
{
    const int64_t now_us = clock_monotonic_us();

    if (checker->asking >= TOKEN_ASKING_MAX) {
        return TOKEN_UNKNOWN;
    }
    struct question *question = calloc(1, sizeof(*question));

    if (question == NULL) {
        return TOKEN_UNKNOWN;
    }
    question->checker = checker;
    question->credential = checker->credential;
    question->credentials_tried = 1;
    question->deadline_us = now_us + (int64_t)TOKEN_TIMEOUT_MS * US_PER_MS;
    question->waiting = check;
    buffer_init(&question->body, TOKEN_SIZE_MAX + URL_SIZE);
    buffer_add_text(&question->body, "{\"token\":\"");
    buffer_add_slice(&question->body, token);
    buffer_add_text(&question->body, "\"}");
    if (question->body.failed || ask(question, now_us) < 0) {
        free_question(question);
        return TOKEN_UNKNOWN;
    }
    question->entry = take_entry(checker, hash, now_us);
    question->entry->question = question;
    checker->asking++;
    return TOKEN_PENDING;
}

enum token_verdict
token_check(struct token_checker *checker, struct slice token, struct token_check *check)
{
    const int64_t now_us = clock_monotonic_us();
    char hash[VERIFY_SHA256_SIZE];

    check->next = NULL;
    check->worker_sid[0] = '\0';
    if (!is_token(token)) {
        check->verdict = TOKEN_INVALID;
        return check->verdict;
    }
    verify_sha256_hex(token, hash);
    struct entry *entry = find_entry(checker, hash, now_us);

    if (entry == NULL) {
        check->verdict = ask_first(checker, hash, token, check);
        return check->verdict;
    }
    entry->used_us = now_us;
    tell(check, entry);
    if (entry->verdict == TOKEN_PENDING) {
        check->next = entry->question->waiting;
        entry->question->waiting = check;
    }
    return check->verdict;
}
