/*
 * ingest.c - from a webhook request to an answer.
 *
 * A request takes the steps listed below, in this order, until one of them says what the request
 * turned out to be (enum situation); having taken all of them it is durable. Nothing of a request
 * is parsed, stored, looked up or logged before call_verify(). Two steps may have to wait, for
 * Twilio's IAM and for Redis: the call then goes on from there, in the same thread.
 */
#include "server/ingest/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/crash_point.h"
#include "server/ingest/call.h"
#include "server/ingest/cors.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/proof/alarm.h"

enum {
    HEADERS_MAX = CORS_HEADERS_MAX + 3,
};

static enum situation
call_find_route(struct call *call)
{
    call->route = route_find(http_path(call->request));
    return call->route != NULL ? SITUATION_NEXT : SITUATION_NOT_FOUND;
}

static enum situation
call_check_method(struct call *call)
{
    const struct slice method = http_method(call->request);

    if (slice_is(method, "OPTIONS") && call->route->caller == CALLER_BROWSER) {
        return SITUATION_PREFLIGHT;
    }
    return slice_is(method, "POST") ? SITUATION_NEXT : SITUATION_METHOD;
}

static enum situation
call_take_body(struct call *call)
{
    if (http_body_refused(call->request)) {
        return SITUATION_TOO_LARGE;
    }
    if (http_body_no_room(call->request) || call->ingest->refusing) {
        return SITUATION_UNAVAILABLE;
    }
    call->body.data = http_body(call->request, &call->body.size);
    return SITUATION_NEXT;
}

/* "application/json; charset=utf-8" is application/json. */
static struct slice
media_type(struct slice value)
{
    return slice_trim(slice_before(value, ';'));
}

bool
call_type_is_json(struct slice content_type)
{
    static const char *const types[] = {"application/json",
        "application/cloudevents+json", "application/cloudevents-batch+json"};
    const struct slice type = media_type(content_type);

    for (size_t i = 0; i < LENGTH(types); i++) {
        if (slice_is_nocase(type, types[i])) {
            return true;
        }
    }
    return false;
}

static enum situation
call_check_media_type(struct call *call)
{
    const struct slice encoding = http_header_value(call->request, "Content-Encoding");
    const struct slice type = http_header_value(call->request, "Content-Type");
    const bool is_form =
        slice_is_nocase(media_type(type), "application/x-www-form-urlencoded");

    call->is_json = call_type_is_json(type);
    if ((encoding.size > 0 && !slice_is_nocase(encoding, "identity")) ||
        !((is_form && call->route->takes_form) ||
            (call->is_json && call->route->takes_json))) {
        return SITUATION_MEDIA_TYPE;
    }
    return SITUATION_NEXT;
}

static const char *
route_source(const struct route *route)
{
    return route != NULL ? source_name(route->source) : "none";
}

/* A rejection is counted always and said now and then: anybody can cause one. */
static void
call_note(struct call *call, enum situation situation)
{
    struct ingest *ingest = call->ingest;
    const struct situation_text *text = situation_text(call->route, situation);
    const char *reason = call->reason != NULL ? call->reason : text->code;
    const int64_t now_us = clock_monotonic_us();
    int64_t count = 0;

    if (situation == SITUATION_DONE) {
        metrics_observe(HISTOGRAM_INGEST, now_us - call->started_us);
        return;
    }
    if (situation == SITUATION_PREFLIGHT) {
        return;
    }
    counter_add(
        metrics_counter(METRIC_REQUESTS_REJECTED, route_source(call->route), reason), 1);
    if (text->remedy != NULL &&
        gate_pass(&ingest->rejected[call->route != NULL ? call->route->source
                                                        : SOURCE_COUNT][situation],
            now_us, &count)) {
        log_warn("request_rejected",
            "source=%s reason=%s status=%u count=%lld public_url=%s do=\"%s\"",
            route_source(call->route), reason, route_status(call->route, situation),
            (long long)count,
            call->route != NULL
                ? config_public_url(ingest->options.config, call->route->source)
                : ingest->options.config->public_urls.items[0],
            text->remedy);
    }
}

static size_t
call_headers(const struct call *call, enum situation situation,
    struct http_header headers[HEADERS_MAX])
{
    size_t count = 0;

    if (call->route == NULL) {
        return 0;
    }
    if (call->route->caller == CALLER_BROWSER) {
        count = cors_headers(&call->ingest->options.config->cors_origins,
            http_header_value(call->request, "Origin"), situation == SITUATION_PREFLIGHT,
            headers);
    }
    if (situation == SITUATION_DONE && call->route->success_type != NULL) {
        headers[count++] =
            (struct http_header){"Content-Type", call->route->success_type};
    }
    if (situation == SITUATION_METHOD || situation == SITUATION_PREFLIGHT) {
        headers[count++] = (struct http_header){"Allow", call->route->allow};
    }
    if (route_status(call->route, situation) == 429) {
        headers[count++] = (struct http_header){"Retry-After", INGEST_RETRY_AFTER_S};
    }
    return count;
}

/*
 * What none of our tokens and URLs explains may be our own mistake, and most callers call once: it
 * is kept until that is mended. Not a browser's: it cannot sign, and its body holds a token; nor
 * what lacks a second proof, which is not kept and so could not be asked for later.
 */
static void
call_hold(const struct call *call)
{
    struct ingest *ingest = call->ingest;
    struct held_request held = {
        .time_ms = clock_unix_ms(),
        .target = http_target(call->request),
        .signature = http_header_value(call->request, "X-Twilio-Signature"),
        .content_type = http_header_value(call->request, "Content-Type"),
        .body = call->body,
    };
    int64_t count = 0;

    if (ingest->options.held == NULL || call->route->caller == CALLER_BROWSER ||
        call_lacks_basic_auth(call)) {
        return;
    }
    if (!call_read_forwarded(call, &held.forwarded)) {
        held.forwarded = (struct forwarded){0};
    }
    const int r = held_keep(ingest->options.held, &held);

    counter_add(metrics_counter(METRIC_REQUESTS_HELD,
                    r == HELD_OK       ? "kept"
                    : r == HELD_E_BUSY ? "skipped"
                                       : "failed",
                    NULL),
        1);
    if (r < 0 && gate_pass(&ingest->not_held, clock_monotonic_us(), &count)) {
        log_error("not_held", "error=\"%s\" count=%lld do=\"%s\"", strerror(-r),
            (long long)count,
            r == -EINVAL ? "remove held.key from state_dir: it is damaged"
                         : "check state_dir and its disk");
    }
}

static void
call_answer(struct call *call, enum situation situation)
{
    struct http_header headers[HEADERS_MAX];
    const size_t count = call_headers(call, situation, headers);
    const unsigned status = route_status(call->route, situation);

    call_note(call, situation);
    if (situation == SITUATION_MISMATCH) {
        call_hold(call);
    }
    if (situation == SITUATION_DONE || situation == SITUATION_PREFLIGHT) {
        http_reply(call->request, status, headers, count, (struct slice){0});
    } else {
        const struct situation_text *text = situation_text(call->route, situation);
        const struct http_error error = {.code = text->code, .message = text->message};

        http_reply_error(call->request, status, &error, headers, count);
    }
    CRASH_POINT("answer_given");
    call_events_done(call);
    free(call);
}

/* ---- the spine ---------------------------------------------------------------------------- */

static enum situation (*const steps[])(struct call *call) = {
    call_find_route,       /* whose webhook is it? */
    call_check_method,     /* a POST? */
    call_take_body,        /* with a body that fits? */
    call_check_media_type, /* in a form this caller may send? */
    call_check_load,       /* while there is room? */
    call_verify,           /* by whom it claims to be? */
    call_match_worker,     /* about that agent's own work? */
    call_key,              /* which events are in it? */
    call_commit,           /* durable, or seen before? */
};

void
call_continue(struct call *call, enum situation situation)
{
    while (situation == SITUATION_NEXT && call->step < LENGTH(steps)) {
        situation = steps[call->step++](call);
    }
    if (situation == SITUATION_WAITING) {
        return; /* whoever was asked calls us again */
    }
    call_answer(call, situation == SITUATION_NEXT ? SITUATION_DONE : situation);
}

void
ingest_handle(void *context, struct http_request *request)
{
    struct call *call = calloc(1, sizeof(*call));

    if (call == NULL) {
        http_reply(request, 503, NULL, 0, (struct slice){0});
        return;
    }
    call->ingest = context;
    call->request = request;
    call->started_us = clock_monotonic_us();
    CRASH_POINT("request_came");
    call_continue(call, SITUATION_NEXT);
}

/* ---- open and close ----------------------------------------------------------------------- */

static int
open_tokens(struct ingest *ingest)
{
    const struct token_checker_options options = {
        .iam_url = ingest->options.config->iam_url,
        .account_sid = ingest->options.config->account_sid,
        .auth_tokens = ingest->credentials->auth_tokens,
        .auth_token_count = ingest->credentials->auth_token_count,
        .client = ingest->options.client,
    };

    return token_checker_open(&options, &ingest->tokens);
}

void
ingest_refused(void *context, struct slice target, const struct http_error *why)
{
    struct ingest *ingest = context;
    const struct route *route = route_find(slice_before(target, '?'));
    const size_t index = route != NULL ? (size_t)route->source : SOURCE_COUNT;
    int64_t count = 0;

    counter_add(
        metrics_counter(METRIC_REQUESTS_REJECTED, route_source(route), why->code), 1);
    if (gate_pass(&ingest->refused[index], clock_monotonic_us(), &count)) {
        log_warn("request_malformed", "source=%s reason=%s count=%lld do=\"%s\"",
            route_source(route), why->code, (long long)count, why->message);
    }
}

int
ingest_open(const struct ingest_options *options, struct ingest **ret_ingest)
{
    struct ingest *ingest = calloc(1, sizeof(*ingest));

    if (ingest == NULL) {
        return -ENOMEM;
    }
    ingest->options = *options;
    proof_urls_init(&ingest->urls);
    alarm_open();

    int r = credentials_open(options->config, &ingest->credentials);

    if (r == 0) {
        r = open_tokens(ingest);
    }
    if (r == 0) {
        r = origin_init(&options->config->trusted_proxies, &ingest->origin);
    }
    for (size_t i = 0; r == 0 && i < SOURCE_COUNT; i++) {
        r = networks_init(&options->config->routes[i].allow_from, &ingest->allowed[i]);
    }
    if (r < 0) {
        ingest_close(&ingest);
        return r;
    }
    *ret_ingest = ingest;
    return 0;
}

int
ingest_set_credentials(struct ingest *ingest, struct credentials *credentials)
{
    const int r = token_checker_set_tokens(
        ingest->tokens, credentials->auth_tokens, credentials->auth_token_count);

    if (r == 0) {
        credentials_close(&ingest->credentials);
        ingest->credentials = credentials;
    }
    return r;
}

void
ingest_refuse(struct ingest *ingest)
{
    ingest->refusing = true;
}

void
ingest_close(struct ingest **ingest)
{
    if (*ingest == NULL) {
        return;
    }
    token_checker_close(&(*ingest)->tokens);
    credentials_close(&(*ingest)->credentials);
    proof_urls_done(&(*ingest)->urls);
    free(*ingest);
    *ingest = NULL;
}
