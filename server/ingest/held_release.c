/*
 * held_release.c - judges held requests once more, and queues those that are valid now.
 */
#include "server/ingest/held_release.h"

#include <errno.h>
#include <stdlib.h>

#include "server/ingest/call.h"
#include "server/ingest/held_read.h"
#include "server/proof/signature.h"

struct release {
    const struct held_release_options *options;
    struct credentials *credentials;
    struct held_reader *reader;
    struct proof_urls urls;
};

static void
release_done(struct release *release)
{
    held_reader_close(&release->reader);
    credentials_close(&release->credentials);
    proof_urls_done(&release->urls);
}

/* ---- one request -------------------------------------------------------------------------- */

/* A verify_result or -ENOMEM. */
static int
judge(struct release *release, const struct held_request *held, enum source source)
{
    const struct signature_input input = {
        .config = release->options->config,
        .credentials = release->credentials,
        .source = source,
        .target = held->target,
        .forwarded = &held->forwarded,
        .signature = held->signature,
        .is_json = call_type_is_json(held->content_type),
        .body = held->body,
    };

    return signature_check(&input, &release->urls);
}

static int
queue_events(const struct release *release, enum source source,
    struct keyed_event *events, size_t count)
{
    struct queue_put *puts = calloc(count, sizeof(*puts));
    size_t wanted = 0;
    int r = 0;

    if (puts == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count && r == 0; i++) {
        if (events[i].kind != KEY_IGNORED) {
            r = call_fill_put(source, &events[i], &puts[wanted++]);
        }
    }
    if (r == 0 && wanted > 0) {
        r = queue_put(release->options->queue, puts, wanted);
    }
    free(puts);
    return r == 0 || r == -ENOMEM ? r : HELD_RELEASE_E_QUEUE;
}

/* As ingest does: what cannot be split is kept whole, for the worker to park. */
static int
queue_body(
    const struct release *release, enum source source, struct slice body, bool is_json)
{
    struct keyed_events events = {0};
    struct keyed_event whole = {.kind = KEY_RAW, .bytes = body};
    int r = key_events(source, body, is_json, &events);

    if (r < 0) {
        return r;
    }
    if (r != KEY_OK) {
        return queue_events(release, source, &whole, 1);
    }
    r = events.count > 0 ? queue_events(release, source, events.items, events.count) : 0;
    keyed_events_done(&events);
    return r;
}

static int
release_one(
    struct release *release, const struct held_request *held, struct held_totals *totals)
{
    const struct held_release_options *options = release->options;
    const struct slice path = slice_before(held->target, '?');
    const struct route *route = route_find(path);
    struct held_finding finding = {
        .time_ms = held->time_ms,
        .source = route != NULL ? source_name(route->source) : "none",
        .path = path,
        .bytes = held->body.size,
    };
    int r = route != NULL ? judge(release, held, route->source) : VERIFY_E_MISMATCH;

    if (r < 0) {
        return r;
    }
    finding.verdict = r == VERIFY_OK ? HELD_RELEASED : HELD_INVALID;
    finding.reason = verify_reason(r);
    if (r == VERIFY_OK && options->queue != NULL) {
        r = queue_body(
            release, route->source, held->body, call_type_is_json(held->content_type));
        r = r == 0 ? held_reader_mark(release->reader) : r;
        if (r != 0) {
            return r;
        }
    }
    totals->released += finding.verdict == HELD_RELEASED ? 1 : 0;
    totals->invalid += finding.verdict == HELD_INVALID ? 1 : 0;
    options->tell(options->context, &finding);
    return 0;
}

/* ---- all of them -------------------------------------------------------------------------- */

static int
open_parts(struct release *release)
{
    const struct config *config = release->options->config;
    int r = config->public_urls.count > 0
                ? credentials_open(config, &release->credentials)
                : -EINVAL;

    if (r < 0) {
        return r == -EINVAL ? HELD_RELEASE_E_CREDENTIALS : r;
    }
    r = held_reader_open(config->state_dir, &release->reader);
    return r == -EINVAL ? HELD_RELEASE_E_KEY : r;
}

int
held_release(const struct held_release_options *options, struct held_totals *ret_totals)
{
    AUTO(release_done) struct release release = {.options = options};
    struct held_request held;

    proof_urls_init(&release.urls);
    int r = open_parts(&release);

    *ret_totals = (struct held_totals){0};
    while (r == 0) {
        r = held_reader_next(release.reader, &held);
        if (r == HELD_READ_END) {
            r = 0;
            break;
        }
        r = r == 0 ? release_one(&release, &held, ret_totals) : r;
    }
    if (release.reader != NULL) {
        ret_totals->unreadable = held_reader_unreadable(release.reader);
    }
    return r;
}
