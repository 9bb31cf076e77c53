/*
 * call_commit.c - the steps that turn a proven body into durable events.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/crash_point.h"
#include "server/ingest/call.h"
#include "server/ingest/sink_seen.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/sha256.h"

enum {
    TYPE_SHOWN_MAX = 80,
    ANSWER_BUDGET_MS = 2800, /* of the 3 s a caller may wait; token and commit together */
    COMMIT_WAIT_MAX_MS = 1000, /* beyond this a new request is refused early, not late */
};

/* ---- load --------------------------------------------------------------------------------- */

enum situation
call_check_load(struct call *call)
{
    struct ingest *ingest = call->ingest;
    const int64_t wait_us =
        durable_set_wait_us(ingest->options.durable, call->started_us);
    const atomic_bool *is_full = ingest->options.is_full;
    int64_t count = 0;

    if (is_full != NULL && atomic_load(is_full)) { /* said by who found out */
        call->reason = "redis_full";
        return SITUATION_UNAVAILABLE;
    }
    if (wait_us <= (int64_t)COMMIT_WAIT_MAX_MS * US_PER_MS) {
        return SITUATION_NEXT;
    }
    if (gate_pass(&ingest->overloaded, call->started_us, &count)) {
        log_warn("overload", "waiting=%zu count=%lld do=\"%s\"",
            durable_set_waiting(ingest->options.durable), (long long)count,
            "see why Redis is slow, or give it more CPU or a faster disk");
    }
    call->reason = "overload";
    return SITUATION_UNAVAILABLE;
}

static struct counter *
counter_of(const struct call *call, enum metric metric)
{
    return metrics_counter(metric, source_name(call->route->source), NULL);
}

/* ---- key ---------------------------------------------------------------------------------- */

/*
 * A proven sender's body is never thrown away, whatever is in it: it is stored whole and the
 * worker parks it. A browser's sender is there to be told.
 */
static enum situation
keep_whole(struct call *call)
{
    if (call->route->caller == CALLER_BROWSER) {
        return SITUATION_UNPARSEABLE;
    }
    call->whole.kind = KEY_RAW;
    call->whole.bytes = call->body;
    call->events.items = &call->whole;
    call->events.count = 1;
    return SITUATION_NEXT;
}

enum situation
call_key(struct call *call)
{
    const enum source source = call->route->source;

    CRASH_POINT("request_proven");
    if (call->route->caller == CALLER_BROWSER) {
        call->body = key_strip_token(
            http_body(call->request, &call->body.size), call->body.size, call->is_json);
    }
    const int r = key_events(source, call->body, call->is_json, &call->events);

    if (r < 0) {
        return SITUATION_UNAVAILABLE;
    }
    return r == KEY_OK ? SITUATION_NEXT : keep_whole(call);
}

void
call_events_done(struct call *call)
{
    if (call->events.items != &call->whole) {
        keyed_events_done(&call->events);
    }
    if (call->unit.puts != &call->one_put) {
        free(call->unit.puts);
    }
}

/* ---- commit ------------------------------------------------------------------------------- */

/* What cannot be named by what it is about is named by what it is. */
static bool
key_raw_bytes(enum source source, struct keyed_event *event, struct queue_put *put)
{
    char hash[SHA256_HEX_SIZE];

    if (!sha256_try_hex(event->bytes, hash)) {
        return false;
    }
    const int size =
        snprintf(event->key, sizeof(event->key), "raw/%s/%s", source_name(source), hash);

    put->key = (struct slice){.data = event->key, .size = (size_t)size};
    put->subject = slice_skip(put->key, put->key.size - strlen(hash));
    return true;
}

/* Several events of one name are told apart by what is in them. */
static bool
key_by_content(struct keyed_event *event)
{
    char hash[SHA256_HEX_SIZE];

    if (!sha256_try_hex(event->bytes, hash)) {
        return false;
    }
    key_add_content(event, hash);
    return true;
}

int
call_fill_put(enum source source, struct keyed_event *event, struct queue_put *put)
{
    put->route = slice_of(source_route(source));
    put->bytes = event->bytes;
    if (event->kind == KEY_RAW) {
        return key_raw_bytes(source, event, put) ? 0 : -ENOMEM;
    }
    if (event->by_content && !key_by_content(event)) {
        return -ENOMEM;
    }
    put->key = slice_of(event->key);
    put->subject = slice_of(event->subject);
    return 0;
}

static void
note_ignored(const struct call *call, const struct keyed_event *event)
{
    const size_t shown =
        event->type.size < TYPE_SHOWN_MAX ? event->type.size : TYPE_SHOWN_MAX;

    counter_add(counter_of(call, METRIC_EVENTS_IGNORED), 1);
    log_debug("event_ignored", "source=%s type=%.*s", source_name(call->route->source),
        (int)shown, shown > 0 ? event->type.data : "");
}

static size_t
count_wanted(const struct call *call)
{
    size_t wanted = 0;

    for (size_t i = 0; i < call->events.count; i++) {
        wanted += call->events.items[i].kind != KEY_IGNORED ? 1 : 0;
    }
    return wanted;
}

static int
fill_unit(struct call *call)
{
    int r = 0;

    for (size_t i = 0; i < call->events.count && r == 0; i++) {
        struct keyed_event *event = &call->events.items[i];

        if (event->kind == KEY_IGNORED) {
            note_ignored(call, event);
        } else {
            r = call_fill_put(
                call->route->source, event, &call->unit.puts[call->unit.put_count++]);
        }
    }
    return r;
}

/* What is in the spool is counted when it comes to Redis, which says what it is. */
static void
count_results(const struct call *call)
{
    int64_t duplicates = 0;
    int64_t accepted = 0;

    for (size_t i = 0; i < call->unit.put_count; i++) {
        const enum queue_put_result result = call->unit.puts[i].result;

        duplicates += result == QUEUE_PUT_DUPLICATE ? 1 : 0;
        accepted += result == QUEUE_PUT_NEW || result == QUEUE_PUT_MERGED ? 1 : 0;
    }
    counter_add(counter_of(call, METRIC_EVENTS_DUPLICATE), duplicates);
    counter_add(counter_of(call, METRIC_EVENTS_ACCEPTED), accepted);
    counter_set(counter_of(call, METRIC_LAST_EVENT), clock_unix_ms() / MS_PER_S);
}

/* For whoever sets a sink up: Twilio asks for the id in return. */
static void
tell_sink_tests(const struct call *call)
{
    static const char type[] = "sink.test/";

    for (size_t i = 0; i < call->unit.put_count; i++) {
        const struct slice key = call->unit.puts[i].key;

        if (slice_starts(key, type)) {
            const struct slice id = slice_skip(key, strlen(type));

            log_info("event_streams_test", "test_id=%.*s", (int)id.size, id.data);
            sink_seen_tell(id, clock_unix_ms());
        }
    }
}

static void
on_durable(struct durable_unit *unit, int status)
{
    struct call *call = (struct call *)((char *)unit - offsetof(struct call, unit));
    int64_t count = 0;

    if (status == 0) {
        CRASH_POINT("put_durable");
        count_results(call);
        tell_sink_tests(call);
        call_continue(call, SITUATION_NEXT);
        return;
    }
    if (gate_pass(&call->ingest->not_durable, clock_monotonic_us(), &count)) {
        log_warn("not_durable", "error=\"%s\" count=%lld",
            durable_set_error(call->ingest->options.durable), (long long)count);
    }
    call->reason = "not_durable";
    call_continue(call, SITUATION_UNAVAILABLE);
}

enum situation
call_commit(struct call *call)
{
    const size_t wanted = count_wanted(call);

    call->unit.done = on_durable;
    call->unit.deadline_us = call->started_us + (int64_t)ANSWER_BUDGET_MS * US_PER_MS;
    call->unit.puts =
        wanted <= 1 ? &call->one_put : calloc(wanted, sizeof(*call->unit.puts));
    if (call->unit.puts == NULL || fill_unit(call) < 0) {
        return SITUATION_UNAVAILABLE;
    }
    if (wanted == 0) {
        return SITUATION_DONE;
    }
    durable_set_add(call->ingest->options.durable, &call->unit);
    CRASH_POINT("put_waits");
    return SITUATION_WAITING;
}
