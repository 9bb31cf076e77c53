/*
 * seeking.c - whom a conversation was with, asked of Twilio's REST API.
 */
#include "server/deliver/seeking.h"

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

/* ---- answered ----------------------------------------------------------------------------- */

/* 429 is a limit on concurrency, and never processed. What else is refused will be again. */
static bool
may_pass_by_itself(const struct http_exchange *exchange)
{
    return exchange->result != HTTP_ANSWERED || exchange->status == STATUS_TOO_MANY ||
           exchange->status >= STATUS_SERVER;
}

static void
try_again(struct job *job)
{
    const int64_t attempts = job->record->attempts;
    const int64_t wait_ms = jitter_of((int64_t)RETRY_MS << (attempts > 1 ? attempts : 1));
    const int64_t told_s = job->exchange.retry_after_s;
    const int64_t told_ms =
        (told_s < RETRY_AFTER_MAX_S ? told_s : RETRY_AFTER_MAX_S) * MS_PER_S;

    job_retry(job, "twilio_away", told_ms > wait_ms ? told_ms : wait_ms);
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
hear(struct job *job, const struct config *config)
{
    const struct http_exchange *exchange = &job->exchange;
    const bool is_passing = may_pass_by_itself(exchange);

    if (is_passing && job->record->attempts < SEEKING_ATTEMPTS_MAX) {
        log_warn("participants_unknown", "key=%s status=%ld error=\"%s\"",
            job->record->key, exchange->status, exchange->error);
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
seeking_step(struct hand *hand, struct job *job, struct http_client *client)
{
    if (job->stage == JOB_ASKED) {
        hear(job, hand->config);
    }
    if (job->stage == JOB_SEEKING && !is_one_under_way(hand)) {
        ask(job, hand->config, client);
    }
}
