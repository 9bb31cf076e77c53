/*
 * token.c - is this a Flex user's token? Twilio's IAM knows.
 *
 * IAM wants our own auth token as well, and which one of the ring it takes is not known at first:
 * then one question, the scout, walks the ring and the others are held until it is back. So a
 * wrong ring costs as many requests as it has tokens, however many agents wait, and then a pause.
 */
#include "server/proof/token.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/ops/clock.h"
#include "server/ops/gate.h"
#include "server/ops/log.h"
#include "server/ops/sha256.h"
#include "server/proof/token_cache.h"
#include "server/proof/token_question.h"

enum {
    URL_SIZE = 512,
    STATUS_UNAUTHORIZED = 401, /* of our auth token, not of the user's: code 20003 */
    STATUS_LIMITED = 429,
};

struct token_checker {
    struct http_client *client;
    char *account_sid;
    char url[URL_SIZE];
    struct token_ring ring;
    int64_t pause_until_us;
    struct question *scout; /* one of those under way; NULL when none is needed */
    struct questions questions;
    struct gate unknown;
    struct token_cache cache;
};

static const struct token_answer unknown = {.verdict = TOKEN_UNKNOWN};

static struct token_now
read_clocks(void)
{
    return (struct token_now){clock_monotonic_us(), clock_unix_ms()};
}

/* ---- asking ------------------------------------------------------------------------------- */

static void on_answer(struct http_exchange *exchange);

static int
send_question(struct question *question, int64_t now_us)
{
    const struct token_checker *checker = question->checker;

    if (now_us >= question->deadline_us || question->tries >= TOKEN_TRIES_MAX) {
        return -ETIMEDOUT;
    }
    if (now_us < checker->pause_until_us) {
        return -EBUSY;
    }
    question->tries++;
    token_ring_pick(&checker->ring, &question->pick);
    http_exchange_done(&question->exchange); /* an answer before */
    question->exchange = (struct http_exchange){
        .method = "POST",
        .url = checker->url,
        .headers = {question->pick.header, "Content-Type: application/json",
            "Cache-Control: no-cache"},
        .header_count = 3,
        .body = buffer_slice(&question->body),
        .timeout_ms = (question->deadline_us - now_us) / US_PER_MS + 1,
        .done = on_answer,
        .context = question,
    };
    return http_client_start(checker->client, &question->exchange);
}

/* Sends the question, or holds it until the scout has found an auth token that IAM takes. */
static int
ask(struct question *question, int64_t now_us)
{
    struct token_checker *checker = question->checker;

    question->held =
        !checker->ring.proven && checker->scout != NULL && checker->scout != question;
    if (question->held) {
        return 0;
    }
    if (!checker->ring.proven) {
        checker->scout = question;
    }
    return send_question(question, now_us);
}

/* ---- the verdict -------------------------------------------------------------------------- */

static void
remove_question(struct token_checker *checker, struct question *question)
{
    questions_remove(&checker->questions, question);
    if (checker->scout == question) {
        checker->scout = NULL;
    }
    question_free(question);
}

static enum token_verdict
tell(struct token_check *check, const struct token_answer *answer)
{
    check->verdict = answer->verdict;
    memcpy(check->worker_sid, answer->worker_sid, sizeof(check->worker_sid));
    return check->verdict;
}

/* Ends the question and tells all who wait. */
static void
settle(struct question *question, const struct token_answer *answer, struct token_now now)
{
    struct token_check *check = question->waiting;

    token_cache_keep(&question->checker->cache, question->hash, answer, now);
    remove_question(question->checker, question);
    while (check != NULL) {
        struct token_check *next = check->next; /* `done` may free it */

        check->verdict = tell(check, answer);
        check->done(check);
        check = next;
    }
}

/*
 * Without a scout those held go on: all of them, or the oldest as the next scout. That one has the
 * least time left, so nobody is held past his own deadline.
 */
static void
release_held(struct token_checker *checker, struct token_now now)
{
    while (checker->scout == NULL) {
        struct question *question = questions_find_held(&checker->questions);

        if (question == NULL) {
            return;
        }
        if (ask(question, now.monotonic_us) < 0) {
            settle(question, &unknown, now);
        }
    }
}

/* ---- the answer --------------------------------------------------------------------------- */

/* Nobody is asked for a while. */
static void
pause_asking(struct token_checker *checker, int64_t seconds, int64_t now_us)
{
    checker->pause_until_us = now_us + seconds * US_PER_S;
}

/* IAM did not take our auth token: true when the question goes on with another one. */
static bool
ask_with_another(struct question *question, int64_t now_us)
{
    struct token_checker *checker = question->checker;

    if (token_ring_refuse(&checker->ring, &question->pick)) {
        pause_asking(checker, TOKEN_REFUSED_PAUSE_S, now_us);
    }
    return ask(question, now_us) == 0;
}

static void
honour_limit(
    struct token_checker *checker, const struct http_exchange *exchange, int64_t now_us)
{
    int64_t seconds = exchange->retry_after_s;

    if (exchange->result != HTTP_ANSWERED || exchange->status != STATUS_LIMITED) {
        return;
    }
    if (seconds <= 0) {
        seconds = TOKEN_LIMITED_PAUSE_S;
    } else if (seconds > TOKEN_LIMITED_PAUSE_MAX_S) {
        seconds = TOKEN_LIMITED_PAUSE_MAX_S;
    }
    pause_asking(checker, seconds, now_us);
}

static const char *
remedy_for(long status)
{
    switch (status) {
    case STATUS_UNAUTHORIZED:
        return "check account_sid and auth_token";
    case STATUS_LIMITED:
        return "nothing: IAM asks for patience and is asked again in a while";
    default:
        return "check iam_url and the network";
    }
}

static void
note_unknown(
    struct token_checker *checker, const struct http_exchange *exchange, int64_t now_us)
{
    int64_t count = 0;

    if (gate_pass(&checker->unknown, now_us, &count)) {
        log_warn("flex_token_unknown", "status=%ld error=\"%s\" count=%lld do=\"%s\"",
            exchange->status, exchange->error, (long long)count,
            remedy_for(exchange->status));
    }
}

/* What was cut off or broke off is no answer, even where it looks like one. */
static bool
is_complete(const struct http_exchange *exchange)
{
    return exchange->result == HTTP_ANSWERED && exchange->error[0] == '\0' &&
           !exchange->answer.failed;
}

static struct token_answer
judge(const struct question *question, struct token_now now)
{
    const struct http_exchange *exchange = &question->exchange;
    struct token_checker *checker = question->checker;
    struct token_answer answer = unknown;

    if (is_complete(exchange)) {
        answer = token_answer_read(
            exchange->status, buffer_slice(&exchange->answer), now.unix_ms);
    }
    if (answer.verdict == TOKEN_UNKNOWN) {
        honour_limit(checker, exchange, now.monotonic_us);
        note_unknown(checker, exchange, now.monotonic_us);
    } else {
        token_ring_accept(&checker->ring, &question->pick);
    }
    return answer;
}

static void
on_answer(struct http_exchange *exchange)
{
    struct question *question = exchange->context;
    struct token_checker *checker = question->checker;
    const struct token_now now = read_clocks();
    const bool is_refused =
        exchange->result == HTTP_ANSWERED && exchange->status == STATUS_UNAUTHORIZED;

    if (is_refused && ask_with_another(question, now.monotonic_us)) {
        return;
    }
    const struct token_answer answer = judge(question, now);

    if (checker->ring.proven) {
        checker->scout = NULL; /* whoever it is, he need not come back */
    }
    settle(question, &answer, now);
    release_held(checker, now);
}

/* ---- checks ------------------------------------------------------------------------------- */

/* A new question; NULL when it cannot be asked now. */
static struct question *
ask_first(struct token_checker *checker, const char *hash, struct slice token)
{
    const int64_t now_us = clock_monotonic_us();

    if (checker->questions.count >= TOKEN_ASKING_MAX ||
        now_us < checker->pause_until_us) {
        return NULL;
    }
    struct question *question = question_new(hash, token);

    if (question == NULL) {
        return NULL;
    }
    question->checker = checker;
    question->deadline_us = now_us + (int64_t)TOKEN_TIMEOUT_MS * US_PER_MS;
    questions_add(&checker->questions, question);
    if (ask(question, now_us) < 0) {
        remove_question(checker, question);
        return NULL;
    }
    return question;
}

enum token_verdict
token_check(struct token_checker *checker, struct slice token, struct token_check *check)
{
    static const struct token_answer invalid = {.verdict = TOKEN_INVALID};
    char hash[SHA256_HEX_SIZE];

    if (!question_is_token(token)) {
        return tell(check, &invalid);
    }
    if (!sha256_try_hex(token, hash)) {
        return tell(check, &unknown);
    }
    const struct token_answer *answer =
        token_cache_find(&checker->cache, hash, read_clocks());

    if (answer != NULL) {
        return tell(check, answer);
    }
    struct question *question = questions_find(&checker->questions, hash);

    if (question == NULL) {
        question = ask_first(checker, hash, token);
    }
    if (question == NULL) {
        return tell(check, &unknown);
    }
    question_wait(question, check);
    check->verdict = TOKEN_PENDING;
    return check->verdict;
}

/* ---- the checker -------------------------------------------------------------------------- */

int
token_checker_set_tokens(
    struct token_checker *checker, const char *const *tokens, size_t count)
{
    const int r = token_ring_set(&checker->ring, checker->account_sid, tokens, count);

    if (r == 0) {
        checker->pause_until_us = 0; /* it may be IAM did not take the old ones */
    }
    return r;
}

static bool
write_url(const struct token_checker_options *options, char url[URL_SIZE])
{
    AUTO(buffer_done) struct buffer text = {.max = URL_SIZE};

    buffer_addf(&text, "%s/v1/Accounts/%s/Tokens/validate", options->iam_url,
        options->account_sid);
    return !text.failed && slice_to_text(buffer_slice(&text), url, URL_SIZE);
}

int
token_checker_open(
    const struct token_checker_options *options, struct token_checker **ret_checker)
{
    AUTO(token_checker_close) struct token_checker *checker = calloc(1, sizeof(*checker));

    if (checker == NULL) {
        return -ENOMEM;
    }
    checker->client = options->client;
    checker->account_sid = slice_copy(slice_of(options->account_sid));
    if (checker->account_sid == NULL) {
        return -ENOMEM;
    }
    if (!write_url(options, checker->url)) {
        return -EINVAL;
    }
    const int r = token_checker_set_tokens(
        checker, options->auth_tokens, options->auth_token_count);

    if (r == 0) {
        *ret_checker = checker;
        checker = NULL;
    }
    return r;
}

void
token_checker_close(struct token_checker **checker)
{
    if (*checker == NULL) {
        return;
    }
    assert((*checker)->questions.count == 0);
    token_ring_done(&(*checker)->ring);
    free((*checker)->account_sid);
    free(*checker);
    *checker = NULL;
}
