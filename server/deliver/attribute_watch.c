/*
 * attribute_watch.c - one small call an hour, and what it says.
 */
#include "server/deliver/attribute_watch.h"

#include <stdio.h>

#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    STATUS_FOUND = 200,
};

void
attribute_watch_init(struct attribute_watch *watch, const struct call_tools *tools)
{
    *watch = (struct attribute_watch){.tools = *tools, .was_read = true};
    buffer_init(&watch->url, BREVO_URL_SIZE_MAX);
}

void
attribute_watch_done(struct attribute_watch *watch)
{
    http_exchange_done(&watch->exchange);
    buffer_done(&watch->url);
}

/* ---- asking ------------------------------------------------------------------------------- */

static void
answered(struct http_exchange *exchange)
{
    struct attribute_watch *watch = exchange->context;

    watch->is_asking = false;
    watch->is_answered = true;
}

static bool
is_due(const struct attribute_watch *watch, int64_t now_us)
{
    return !config_is_shadow(watch->tools.config) && now_us >= watch->next_us &&
           !watch->is_asking && brevo_auth_wait_us(watch->tools.auth, now_us) == 0 &&
           !pause_stops_all(&watch->tools.flow->pause, false);
}

/* Paced as every other call. */
static bool
may_ask(const struct attribute_watch *watch, int64_t now_us)
{
    const struct call_tools *tools = &watch->tools;

    hand_ask(tools->hand, tools->flow, BREVO_ATTRIBUTES, now_us);
    return flow_wait_us(tools->flow, BREVO_ATTRIBUTES, now_us) == 0;
}

/* Soon after a start, for the first answer; then it has an hour's time. */
static void
schedule(struct attribute_watch *watch, int64_t now_us)
{
    watch->wait_ms = watch->is_known
                         ? ATTRIBUTE_WATCH_EVERY_MS
                         : backoff_after(watch->wait_ms, ATTRIBUTE_WATCH_RETRY_MS,
                               ATTRIBUTE_WATCH_EVERY_MS);
    watch->next_us = now_us + watch->wait_ms * US_PER_MS;
}

bool
attribute_watch_compose(const struct config *config, const char *auth, struct buffer *url,
    struct http_exchange *exchange)
{
    buffer_clear(url);
    brevo_url(url, config->brevo_base_url, BREVO_ATTRIBUTES, NULL, NULL);
    *exchange = (struct http_exchange){
        .method = brevo_endpoint_method(BREVO_ATTRIBUTES),
        .url = url->data,
        .headers = {auth, "Accept: application/json"},
        .header_count = 2,
        .timeout_ms = BREVO_TIMEOUT_MS,
        .answer_max = brevo_endpoint_answer_max(BREVO_ATTRIBUTES),
        .is_ipv4_only = config->brevo_ipv4_only,
    };
    return !url->failed;
}

static void
ask(struct attribute_watch *watch, int64_t now_us)
{
    const struct call_tools *tools = &watch->tools;
    struct http_exchange *exchange = &watch->exchange;

    schedule(watch, now_us);
    http_exchange_done(exchange);
    const bool is_composed = attribute_watch_compose(
        tools->config, brevo_auth_header(tools->auth), &watch->url, exchange);

    exchange->done = answered;
    exchange->context = watch;
    if (is_composed && http_client_start(tools->client, exchange) == 0) {
        watch->is_asking = true;
        flow_take(tools->flow, BREVO_ATTRIBUTES);
    }
}

/* ---- the answer --------------------------------------------------------------------------- */

static enum attribute_problem
known_problem(const struct attribute_watch *watch, const char *name)
{
    for (size_t i = 0; i < watch->known.count; i++) {
        if (watch->known.items[i].name == name) { /* both are the configuration's */
            return watch->known.items[i].problem;
        }
    }
    return ATTRIBUTE_FINE;
}

/* A series for what is or was wrong only: most attributes are fine. */
static void
set_metric(const char *attribute, enum attribute_problem problem, bool is_wrong)
{
    if (problem != ATTRIBUTE_FINE) {
        counter_set(metrics_counter(METRIC_BREVO_ATTRIBUTES, attribute,
                        attribute_problem_name(problem)),
            is_wrong);
    }
}

static void
tell(const struct attribute_watch *watch, const struct attribute_finding *finding)
{
    const enum attribute_problem before = known_problem(watch, finding->name);

    if (finding->problem == before) {
        return;
    }
    set_metric(finding->name, before, false);
    set_metric(finding->name, finding->problem, true);
    if (finding->problem == ATTRIBUTE_FINE) {
        log_info("attribute_mended", "attribute=%s", finding->name);
        return;
    }
    log_warn("attribute_wrong",
        "attribute=%s problem=%s wanted=%s found=\"%s\" do=\"%s\"", finding->name,
        attribute_problem_name(finding->problem), finding->wanted, finding->found,
        attribute_problem_remedy(finding->problem));
}

static void
write_note(struct attribute_watch *watch, const struct attribute_findings *findings)
{
    const size_t wrong = attribute_wrong_count(findings);
    const int size =
        wrong == 0 ? snprintf(watch->note, sizeof(watch->note), ATTRIBUTE_WATCH_FINE)
                   : snprintf(watch->note, sizeof(watch->note), "%zu wrong: ", wrong);

    if (wrong > 0 && size > 0) {
        attribute_summary(
            findings, watch->note + size, sizeof(watch->note) - (size_t)size);
    }
    watch->note_ms = clock_unix_ms();
}

static void
take_findings(struct attribute_watch *watch, const struct attribute_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        tell(watch, &findings->items[i]);
    }
    watch->known = *findings;
    watch->is_known = true;
    watch->was_read = true;
    write_note(watch, findings);
}

bool
attribute_watch_read(const struct http_exchange *exchange, const struct rules *rules,
    struct attribute_findings *ret_findings)
{
    const struct buffer *answer = &exchange->answer;

    if (exchange->result != HTTP_ANSWERED || exchange->status != STATUS_FOUND ||
        answer->failed || answer->size == 0) {
        return false;
    }
    json_t *list = json_loadb(answer->data, answer->size, 0, NULL);
    const bool is_read = attribute_compare(rules, list, ret_findings);

    json_decref(list);
    return is_read;
}

static void
take_answer(struct attribute_watch *watch, int64_t now_us)
{
    char status[BREVO_STATUS_SIZE];
    struct attribute_findings findings;

    watch->is_answered = false;
    brevo_status_text(&watch->exchange, status);
    counter_add(metrics_counter(
                    METRIC_BREVO_REQUESTS, brevo_endpoint_name(BREVO_ATTRIBUTES), status),
        1);
    flow_learn_limits(watch->tools.flow, watch->tools.hand->queue, BREVO_ATTRIBUTES,
        &watch->exchange, 0);
    if (attribute_watch_read(&watch->exchange, &watch->tools.config->rules, &findings)) {
        take_findings(watch, &findings);
        schedule(watch, now_us); /* the first one was asked for with little patience */
        return;
    }
    if (watch->was_read) { /* once, until it works again */
        log_warn("attributes_unread",
            "status=%s do=\"nothing is known to be wrong, but whether Brevo has the "
            "attributes is not known either; flexbrevo check asks again\"",
            status);
    }
    watch->was_read = false;
}

void
attribute_watch_run(struct attribute_watch *watch, int64_t now_us, bool is_stopping)
{
    if (watch->is_answered) {
        take_answer(watch, now_us);
    }
    if (watch->note[0] != '\0' &&
        hand_note(watch->tools.hand, ATTRIBUTE_WATCH_NOTE, watch->note, watch->note_ms)) {
        watch->note[0] = '\0';
    }
    if (!is_stopping && is_due(watch, now_us) && may_ask(watch, now_us)) {
        ask(watch, now_us);
    }
}
