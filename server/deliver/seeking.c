/*
 * seeking.c - whom a conversation was with, asked of Twilio's REST API.
 */
#include "server/deliver/seeking.h"

#include <inttypes.h>
#include <sys/param.h>

#include "mapping/participants.h"
#include "mapping/sid.h"
#include "queue/jitter.h"
#include "server/ops/log.h"

enum {
    STATUS_OK = 200,
    STATUS_UNAUTHORIZED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_TOO_MANY = 429,
    STATUS_SERVER = 500,
    RETRY_MS = 15 * 1000, /* doubled with each attempt, the first one included */
    RETRY_AFTER_MAX_S = 10 * 60,
    TURN_MIN_MS = 2 * 1000, /* until one that was put back looks again; */
    TURN_MAX_MS = 60 * 1000,
    TURN_PARTS = 4, /* a part of what it has waited: ever more seldom */
};

struct credentials {
    const char *user;
    const char *password;
};

/* A key can be taken back without harm to the account, so it goes first. */
static struct credentials
credentials_of(const struct config *config)
{
    if (config->api_key_sid != NULL && config->api_key_secret != NULL) {
        return (struct credentials){config->api_key_sid, config->api_key_secret};
    }
    if (config->account_sid != NULL && config->auth_token != NULL) {
        return (struct credentials){config->account_sid, config->auth_token};
    }
    return (struct credentials){0};
}

bool
seeking_may_help(const struct job *job, const struct config *config)
{
    return config->identity_asks_twilio && !job->has_sought &&
           job->reading.lacks_customer && job->says.ticket != NULL &&
           job->reading.event.conversation_sid != NULL &&
           credentials_of(config).user != NULL;
}

/* ---- asked -------------------------------------------------------------------------------- */

static void
answered(struct http_exchange *exchange)
{
    struct job *job = exchange->context;

    job->stage = JOB_ASKED;
}

/* A conversation of another service than the account's default is found under that one only. */
static void
write_url(struct job *job, const struct config *config)
{
    const char *service = payload_text(job->payload, "chat_service_sid");
    const bool has_service = service != NULL && sid_is(service, "IS");

    buffer_clear(&job->url);
    buffer_addf(&job->url, "%s/v1/%s%s%sConversations/%s/Participants?PageSize=100",
        config->conversations_url, has_service ? "Services/" : "",
        has_service ? service : "", has_service ? "/" : "",
        job->reading.event.conversation_sid);
}

static void
ask(struct job *job, const struct config *config, struct http_client *client)
{
    const struct credentials credentials = credentials_of(config);

    http_exchange_done(&job->exchange);
    write_url(job, config);
    job->exchange = (struct http_exchange){
        .method = "GET",
        .url = job->url.data,
        .headers = {"Accept: application/json"},
        .header_count = 1,
        .user = credentials.user,
        .password = credentials.password,
        .timeout_ms = SEEKING_TIMEOUT_MS,
        .done = answered,
        .context = job,
    };
    if (job->url.failed || http_client_start(client, &job->exchange) != 0) {
        job_lack_memory(job);
        return;
    }
    job->stage = JOB_ASKING;
}

static bool
is_one_under_way(const struct hand *hand)
{
    for (size_t i = 0; i < hand->count; i++) {
        if (hand->jobs[i]->stage == JOB_ASKING) {
            return true;
        }
    }
    return false;
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* Since it might have asked: what came before was for its ticket to say. */
static int64_t
waited_ms(const struct job *job, const struct config *config, int64_t now_us)
{
    return job_now_ms(job, now_us) - job_read_ms(job, now_us) -
           config->rules.identity_wait_ms;
}

/* Of a backlog, only what passed since Twilio was found to be away. */
static bool
is_hopeless(const struct seeking *seeking, int64_t job_waited_ms, int64_t now_us)
{
    return seeking->rest_ms > 0 && job_waited_ms >= SEEKING_PATIENCE_MS &&
           (now_us - seeking->away_us) / US_PER_MS >= SEEKING_PATIENCE_MS;
}

/* In hand it would be in the way of others. */
static void
put_back(
    const struct seeking *seeking, struct job *job, int64_t job_waited_ms, int64_t now_us)
{
    const int64_t rest_ms = (seeking->until_us - now_us) / US_PER_MS;
    const int64_t turn_ms =
        jitter_of(MIN(MAX(job_waited_ms / TURN_PARTS, TURN_MIN_MS), TURN_MAX_MS));

    job_wait(job, rest_ms > 0 ? "twilio_away" : "twilio_busy",
        rest_ms > 0 ? rest_ms + turn_ms : turn_ms);
}

static void
seek(struct seeking *seeking, const struct hand *hand, struct job *job,
    struct http_client *client, int64_t now_us)
{
    const int64_t job_waited_ms = waited_ms(job, hand->config, now_us);

    if (is_hopeless(seeking, job_waited_ms, now_us)) {
        log_warn("participants_unasked", "key=%s", job->record->key);
        job->has_sought = true;
        job->stage = JOB_TELLING;
    } else if (now_us < seeking->until_us || is_one_under_way(hand)) {
        put_back(seeking, job, job_waited_ms, now_us);
    } else {
        ask(job, hand->config, client);
    }
}

/* ---- answered ----------------------------------------------------------------------------- */

/* 429 is a limit on concurrency, and never processed. What else is refused will be again. */
static bool
may_pass_by_itself(const struct http_exchange *exchange)
{
    return exchange->result != HTTP_ANSWERED || exchange->status == STATUS_TOO_MANY ||
           exchange->status >= STATUS_SERVER;
}

/* For so long, it said, it is not to be asked; negative: it said nothing. */
static int64_t
told_ms(const struct http_exchange *exchange)
{
    return MIN(exchange->retry_after_s, RETRY_AFTER_MAX_S) * MS_PER_S;
}

static void
learn(struct seeking *seeking, const struct http_exchange *exchange, int64_t now_us)
{
    if (!may_pass_by_itself(exchange)) {
        *seeking = (struct seeking){0};
        return;
    }
    seeking->away_us = seeking->rest_ms == 0 ? now_us : seeking->away_us;
    seeking->rest_ms =
        backoff_after(seeking->rest_ms, SEEKING_REST_MIN_MS, SEEKING_REST_MAX_MS);
    seeking->until_us =
        now_us + MAX(jitter_of(seeking->rest_ms), told_ms(exchange)) * US_PER_MS;
}

static void
try_again(struct job *job)
{
    const int64_t attempts = job->record->attempts;
    const int64_t wait_ms = jitter_of((int64_t)RETRY_MS << (attempts > 1 ? attempts : 1));

    job_retry(job, "twilio_away", MAX(wait_ms, told_ms(&job->exchange)));
}

/* > 0: somebody was found, and is told of; 0: nobody, -ENOMEM. */
static int
read_answer(struct job *job, const struct rules *rules)
{
    const struct buffer *answer = &job->exchange.answer;

    if (job->exchange.status != STATUS_OK || answer->failed || answer->size == 0) {
        return 0;
    }
    AUTO(payload_release)
    json_t *list = json_loadb(answer->data, answer->size, 0, NULL);

    return participants_customer(list, job->payload, rules, &job->says.customer);
}

static void
tell_found(const struct job *job, bool is_found)
{
    const long status = job->exchange.status;

    if (status == STATUS_UNAUTHORIZED || status == STATUS_FORBIDDEN) {
        log_error("participants_refused",
            "key=%s status=%ld do=\"check api_key_sid and api_key_secret, or account_sid "
            "and auth_token\"",
            job->record->key, status);
    } else {
        log_info("participants", "key=%s status=%ld found=%s", job->record->key, status,
            is_found ? "yes" : "no");
    }
}

static void
hear(
    struct seeking *seeking, struct job *job, const struct config *config, int64_t now_us)
{
    const struct http_exchange *exchange = &job->exchange;
    const bool is_passing = may_pass_by_itself(exchange);

    learn(seeking, exchange, now_us);
    if (is_passing && job->record->attempts < SEEKING_ATTEMPTS_MAX) {
        log_warn("participants_unknown",
            "key=%s status=%ld rest_ms=%" PRId64 " error=\"%s\"", job->record->key,
            exchange->status, (seeking->until_us - now_us) / US_PER_MS, exchange->error);
        try_again(job);
        return;
    }
    const int found = is_passing ? 0 : read_answer(job, &config->rules);

    if (found < 0) {
        job_lack_memory(job);
        return;
    }
    tell_found(job, found > 0);
    if (found > 0) {
        ticket_say_customer(&job->says.customer, job->reading.event.date_ms, &job->says);
    }
    job->has_sought = true;
    job->stage = JOB_TELLING;
}

void
seeking_step(struct seeking *seeking, const struct hand *hand, struct job *job,
    struct http_client *client, int64_t now_us)
{
    if (job->stage == JOB_ASKED) {
        hear(seeking, job, hand->config, now_us);
    }
    if (job->stage == JOB_SEEKING) {
        seek(seeking, hand, job, client, now_us);
    }
}
