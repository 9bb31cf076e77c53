/*
 * batch.c - waiting → packed → one request → an outcome for each.
 */
#include "server/deliver/batch.h"

#include <assert.h>
#include <inttypes.h>
#include <sys/param.h>

#include "queue/jitter.h"
#include "server/deliver/outcome.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

enum {
    BATCH_EVENTS_MAX = 200, /* Brevo's */
    STATUS_PARTLY = 207,
};

static_assert(
    (int)HAND_BATCH_MAX <= (int)BATCH_EVENTS_MAX, "Brevo takes no more at once");
static_assert((int)BATCH_MIN <= (int)HAND_BATCH_MAX, "a batch could never be filled");

void
batch_init(struct batch *batch, const struct call_tools *tools)
{
    *batch = (struct batch){.tools = *tools};
    buffer_init(&batch->url, BREVO_URL_SIZE_MAX);
    buffer_init(&batch->body, BATCH_BYTES_MAX);
}

void
batch_done(struct batch *batch)
{
    http_exchange_done(&batch->exchange);
    buffer_done(&batch->url);
    buffer_done(&batch->body);
}

/* ---- a backlog ---------------------------------------------------------------------------- */

/* For nothing but a token. */
static bool
waits(const struct job *job)
{
    return job->stage == JOB_READY && job->next == BREVO_EVENT && !job->is_shadow;
}

/* Brevo documents no switches in the items of a batch. */
static bool
carries_switch(const json_t *event)
{
    json_t *properties = json_object_get(event, "contact_properties");
    const char *name;
    json_t *value;

    json_object_foreach(properties, name, value)
    {
        if (json_is_boolean(value)) {
            return true;
        }
    }
    return false;
}

static bool
may_join(const struct job *job)
{
    return waits(job) && !job->goes_alone && !job->is_probe && !job_is_suspect(job) &&
           !carries_switch(job->event);
}

static size_t
count_if(const struct hand *hand, bool (*is_one)(const struct job *job))
{
    size_t count = 0;

    for (size_t i = 0; i < hand->count; i++) {
        count += is_one(hand->jobs[i]);
    }
    return count;
}

static void
note_backlog(struct batch *batch, int64_t now_us)
{
    static const int64_t lasts_us = (int64_t)BATCH_BACKLOG_MS * US_PER_MS;

    if (count_if(batch->tools.hand, waits) == 0) {
        batch->waiting_us = 0;
        return;
    }
    batch->waiting_us = batch->waiting_us == 0 ? now_us : batch->waiting_us;
    if (now_us - batch->waiting_us >= lasts_us || now_us < batch->backlog_us) {
        batch->backlog_us = now_us + lasts_us;
    }
}

/* A batch could go soon: or those that wait for one would be in the way of others. */
static bool
is_due(const struct batch *batch, int64_t now_us)
{
    const int64_t wait_us = flow_wait_us(batch->tools.flow, BREVO_EVENT_BATCH, now_us);

    return batch->tools.config->brevo_batch && now_us < batch->backlog_us &&
           wait_us <= (int64_t)FLOW_WAIT_MAX_MS * US_PER_MS;
}

size_t
batch_room(const struct batch *batch, int64_t now_us)
{
    const struct hand *hand = batch->tools.hand;
    const size_t apart =
        batch->count + (is_due(batch, now_us) ? count_if(hand, may_join) : 0);
    const size_t on_their_way = hand->count - apart;

    return on_their_way < HAND_LIVE_MAX
               ? MIN(HAND_LIVE_MAX - on_their_way, HAND_JOBS_MAX - hand->count)
               : 0;
}

/* ---- packed and sent ---------------------------------------------------------------------- */

static int
add_text(const char *text, size_t size, void *context)
{
    struct buffer *body = context;

    buffer_add(body, text, size);
    return body->failed ? -1 : 0;
}

/* False, and it is out of the batch for good, when it is too large; or for now, with no room left. */
static bool
pack(struct batch *batch, struct job *job)
{
    static const char end[] = ",]}";
    const size_t size = json_dumpb(job->event, NULL, 0, REQUEST_DUMP);

    job->goes_alone = size == 0 || size > BATCH_EVENT_MAX;
    if (job->goes_alone || batch->body.size + size + sizeof(end) > BATCH_BYTES_MAX) {
        return false;
    }
    buffer_add_text(&batch->body, batch->count > 0 ? "," : "{\"events\":[");
    const int r = json_dump_callback(job->event, add_text, &batch->body, REQUEST_DUMP);

    batch->body.failed = batch->body.failed || r != 0; /* it may have broken off */
    return r == 0;
}

/* Oldest first. False when there are too few, or memory is out. */
static bool
compose(struct batch *batch)
{
    const struct hand *hand = batch->tools.hand;

    batch->count = 0;
    buffer_clear(&batch->body);
    for (size_t i = 0; i < hand->count && batch->count < HAND_BATCH_MAX; i++) {
        if (may_join(hand->jobs[i]) && pack(batch, hand->jobs[i])) {
            batch->jobs[batch->count++] = hand->jobs[i];
        }
    }
    buffer_add_text(&batch->body, "]}");
    buffer_clear(&batch->url);
    brevo_url(
        &batch->url, batch->tools.config->brevo_base_url, BREVO_EVENT_BATCH, NULL, NULL);
    return batch->count >= BATCH_MIN && !batch->body.failed && !batch->url.failed;
}

static void
answered(struct http_exchange *exchange)
{
    struct batch *batch = exchange->context;

    batch->is_answered = true;
}

/* False when memory is out: its jobs are still where they were. */
static bool
start(struct batch *batch)
{
    http_exchange_done(&batch->exchange);
    batch->auth_number = brevo_auth_number(batch->tools.auth);
    batch->exchange = (struct http_exchange){
        .method = brevo_endpoint_method(BREVO_EVENT_BATCH),
        .url = batch->url.data,
        .headers = {brevo_auth_header(batch->tools.auth), "Accept: application/json",
            "Content-Type: application/json"},
        .header_count = 3,
        .body = buffer_slice(&batch->body),
        .timeout_ms = BREVO_TIMEOUT_MS,
        .is_ipv4_only = batch->tools.config->brevo_ipv4_only,
        .done = answered,
        .context = batch,
    };
    return http_client_start(batch->tools.client, &batch->exchange) == 0;
}

void
batch_run(struct batch *batch, bool is_filling, int64_t now_us)
{
    const struct call_tools *tools = &batch->tools;

    note_backlog(batch, now_us);
    if (is_filling || batch->count > 0 || !is_due(batch, now_us) ||
        brevo_auth_wait_us(tools->auth, now_us) > 0 ||
        count_if(tools->hand, may_join) < BATCH_MIN) {
        return;
    }
    hand_ask(tools->hand, tools->flow, BREVO_EVENT_BATCH, now_us);
    if (flow_wait_us(tools->flow, BREVO_EVENT_BATCH, now_us) > 0) {
        return;
    }
    flow_take(tools->flow, BREVO_EVENT_BATCH);
    if (!compose(batch) || !start(batch)) {
        batch->count = 0;
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        job_batch(batch->jobs[i]);
    }
}

/* ---- answered ----------------------------------------------------------------------------- */

/* Marks whom an error names. False: it names nobody, or somebody who was not in the batch. */
static bool
read_error(const json_t *error, size_t count, bool refused[HAND_BATCH_MAX])
{
    const json_t *indexes = json_object_get(error, "eventIndex");
    bool is_clear = json_array_size(indexes) > 0;

    for (size_t i = 0; i < json_array_size(indexes); i++) {
        const json_t *index = json_array_get(indexes, i);
        const json_int_t at = json_is_integer(index) ? json_integer_value(index) : -1;

        if (at >= 0 && at < (json_int_t)count) {
            refused[at] = true;
        } else {
            is_clear = false;
        }
    }
    return is_clear;
}

/* A member that says how many were refused, or the like, is right, or absent. */
static bool
agrees(const json_t *body, const char *name, size_t number)
{
    const json_t *said = json_object_get(body, name);

    return said == NULL ||
           (json_is_integer(said) && json_integer_value(said) == (json_int_t)number);
}

static bool
read_partly(const json_t *body, size_t count, bool refused[HAND_BATCH_MAX])
{
    const json_t *errors = json_object_get(body, "errors");
    bool is_clear = json_is_array(errors);
    size_t refused_count = 0;

    for (size_t i = 0; i < json_array_size(errors); i++) {
        is_clear = read_error(json_array_get(errors, i), count, refused) && is_clear;
    }
    for (size_t i = 0; i < count; i++) {
        refused_count += refused[i];
    }
    return is_clear && agrees(body, "total_events", count) &&
           agrees(body, "failed_events", refused_count) &&
           agrees(body, "successful_events", count - refused_count);
}

/* A success is one whatever its body, unless that says it is none of all of them. */
bool
batch_read(
    const struct http_exchange *exchange, size_t count, bool ret_refused[HAND_BATCH_MAX])
{
    const struct buffer *answer = &exchange->answer;
    AUTO(payload_release)
    json_t *body = !answer->failed && answer->size > 0
                       ? json_loadb(answer->data, answer->size, 0, NULL)
                       : NULL;

    return (exchange->status != STATUS_PARTLY &&
               json_object_get(body, "errors") == NULL) ||
           read_partly(body, count, ret_refused);
}

static struct brevo_verdict
judge(const struct http_exchange *exchange, int64_t attempts)
{
    const struct brevo_question question = {
        .endpoint = BREVO_EVENT_BATCH,
        .attempts = attempts,
        .now_ms = clock_unix_ms(),
        .random = jitter_number(),
    };
    struct brevo_verdict verdict;

    brevo_judge(&question, exchange, &verdict);
    return verdict;
}

/* After one that came to nothing: the next one later, and ever later. */
static void
rest(struct batch *batch, const struct brevo_verdict *verdict, int64_t now_us)
{
    batch->rest_ms = backoff_after(batch->rest_ms, BATCH_REST_MIN_MS, BATCH_REST_MAX_MS);
    const int64_t wait_ms = verdict->outcome == BREVO_UNTOLD
                                ? MAX(batch->rest_ms, verdict->after_ms)
                                : batch->rest_ms;

    log_warn("batch_failed", "events=%zu reason=%s rest_ms=%" PRId64, batch->count,
        verdict->reason, wait_ms);
    flow_rest(batch->tools.flow, BREVO_EVENT_BATCH, wait_ms, now_us);
}

/* What the answer says of Brevo, whatever it says of the events. */
static void
learn(struct batch *batch, const struct brevo_verdict *verdict, int64_t now_us)
{
    const struct call_tools *tools = &batch->tools;

    flow_learn_limits(tools->flow, tools->hand->queue, BREVO_EVENT_BATCH,
        &batch->exchange, verdict->is_rate_limit ? verdict->after_ms : 0);
    if (verdict->outcome == BREVO_DELIVERED) {
        batch->rest_ms = 0;
    } else if (verdict->outcome == BREVO_PAUSE) {
        pause_begin(&tools->flow->pause, BREVO_EVENT_BATCH, verdict->reason);
    } else if (!verdict->is_rate_limit && verdict->outcome != BREVO_AGAIN) {
        rest(batch, verdict, now_us);
    }
}

/* Whom the batch has brought nothing goes on by itself; the others as after an answer of their own. */
static void
share_out(const struct batch *batch, const struct http_exchange *heard,
    const struct brevo_verdict *verdict, const bool refused[HAND_BATCH_MAX])
{
    const bool is_left = verdict->outcome == BREVO_UNTOLD ||
                         verdict->outcome == BREVO_AGAIN || verdict->is_rate_limit;
    const bool are_refused = verdict->outcome == BREVO_UNTOLD && verdict->after_ms == 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct job *job = batch->jobs[i];

        if (is_left || refused[i]) {
            job->goes_alone = are_refused || refused[i];
            job_unbatch(job);
        } else {
            const struct brevo_verdict its = judge(heard, job->record->attempts);

            outcome_in_batch(job, &its, heard);
            job_advance(job, &its);
        }
    }
}

void
batch_take(struct batch *batch, int64_t now_us)
{
    const struct http_exchange none = {.result = HTTP_UNKNOWN, .retry_after_s = -1};
    const struct http_exchange *heard = &batch->exchange;
    bool refused[HAND_BATCH_MAX] = {0};

    if (!batch->is_answered) {
        return;
    }
    outcome_of_batch(heard, batch->count, batch->tools.config);
    if (judge(heard, 1).outcome == BREVO_DELIVERED &&
        !batch_read(heard, batch->count, refused)) {
        heard = &none; /* it cannot be right: as if there were none */
    }
    struct brevo_verdict verdict = judge(heard, 1);

    brevo_auth_judge(batch->tools.auth, batch->auth_number, &verdict, now_us);
    learn(batch, &verdict, now_us);
    share_out(batch, heard, &verdict, refused);
    batch->is_answered = false;
    batch->count = 0;
}
