/*
 * pause.c - this worker's view of the pauses, and what it adds and takes away.
 */
#include "server/deliver/pause.h"

#include <string.h>
#include <sys/param.h>

#include "server/ops/log.h"
#include "server/ops/metrics.h"

static const char operator_event[] = PAUSE_OPERATOR ":";

void
pause_init(struct pause *pause, int64_t turn_ms)
{
    *pause = (struct pause){.turn_ms = turn_ms};
}

/* ---- the view ---------------------------------------------------------------------------- */

static const struct queue_label *
find(const struct queue_labels *pauses, const char *cause)
{
    for (size_t i = 0; i < pauses->count; i++) {
        if (strcmp(pauses->items[i].name, cause) == 0) {
            return &pauses->items[i];
        }
    }
    return NULL;
}

static bool
is_on(const struct pause *pause, size_t index)
{
    return !pause->is_shadow &&
           (pause->met[index] || find(&pause->shown, brevo_causes[index].name) != NULL);
}

/* A pause that ends when a probe succeeds. */
static bool
is_probed(const struct pause *pause)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        if (is_on(pause, i)) {
            return true;
        }
    }
    return false;
}

static bool
operator_stops_all(const struct pause *pause)
{
    return find(&pause->shown, PAUSE_OPERATOR) != NULL;
}

static bool
operator_stops(const struct pause *pause, enum event_type type)
{
    for (size_t i = 0; i < pause->shown.count && type < EVENT_TYPE_COUNT; i++) {
        const struct slice cause = slice_of(pause->shown.items[i].name);

        if (slice_starts(cause, operator_event) &&
            slice_is(slice_skip(cause, strlen(operator_event)), event_type_name(type))) {
            return true;
        }
    }
    return false;
}

/* Only /events may be forbidden and yet something delivered: every delivery needs /contacts. */
static bool
spares_contacts(const struct brevo_cause *cause)
{
    return !cause->is_general && cause->class == BREVO_CLASS_EVENTS;
}

static bool
events_wait(const struct pause *pause)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        if (spares_contacts(&brevo_causes[i]) && is_on(pause, i)) {
            return true;
        }
    }
    return false;
}

/* What concerns /contacts concerns every delivery. */
static bool
all_wait(const struct pause *pause)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        if (!spares_contacts(&brevo_causes[i]) && is_on(pause, i)) {
            return true;
        }
    }
    return false;
}

bool
pause_stops_all(const struct pause *pause, bool is_probe)
{
    return !pause->has_looked || operator_stops_all(pause) ||
           (!is_probe && all_wait(pause));
}

bool
pause_may_probe(const struct pause *pause, int64_t now_us)
{
    return pause->may_probe && now_us < pause->turn_end_us && is_probed(pause) &&
           !operator_stops_all(pause);
}

enum pause_shelf
pause_shelf_of(const struct pause *pause, enum event_type type, bool needs_events)
{
    if (operator_stops(pause, type)) {
        return PAUSE_SHELF_TYPE + type;
    }
    return needs_events && events_wait(pause) ? PAUSE_SHELF_EVENTS : PAUSE_SHELF_NONE;
}

enum pause_shelf
pause_shelf_met(const char *cause)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        if (strcmp(brevo_causes[i].name, cause) == 0 &&
            spares_contacts(&brevo_causes[i])) {
            return PAUSE_SHELF_EVENTS;
        }
    }
    return PAUSE_SHELF_ALL;
}

unsigned
pause_probe_shelves(const struct pause *pause, int64_t now_us)
{
    return pause_may_probe(pause, now_us)
               ? 1U << PAUSE_SHELF_ALL | 1U << PAUSE_SHELF_EVENTS
               : 0;
}

unsigned
pause_closed_shelves(const struct pause *pause)
{
    unsigned closed = 0;

    closed |= pause_stops_all(pause, false) ? 1U << PAUSE_SHELF_ALL : 0;
    closed |= events_wait(pause) ? 1U << PAUSE_SHELF_EVENTS : 0;
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        closed |= operator_stops(pause, (enum event_type)type)
                      ? 1U << (PAUSE_SHELF_TYPE + type)
                      : 0;
    }
    return closed;
}

/* Said already. */
static bool
is_known(const struct pause *pause, const char *cause)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        if (pause->met[i] && strcmp(brevo_causes[i].name, cause) == 0) {
            return true;
        }
    }
    return find(&pause->shown, cause) != NULL;
}

/* ---- looking ----------------------------------------------------------------------------- */

static void
say_begun(const char *cause, const char *remedy)
{
    if (slice_starts(slice_of(cause), PAUSE_OPERATOR)) {
        log_warn("paused", "cause=%s do=\"%s\"", cause, remedy);
    } else {
        log_error("paused", "cause=%s remedy=\"%s\"", cause, remedy);
    }
    counter_set(metrics_counter(METRIC_BREVO_PAUSED, cause, NULL), 1);
}

static void
say_over(const char *cause)
{
    log_info("resumed", "cause=%s", cause);
    counter_set(metrics_counter(METRIC_BREVO_PAUSED, cause, NULL), 0);
}

static void
take_view(struct pause *pause, const struct queue_labels *now_shown)
{
    for (size_t i = 0; i < now_shown->count; i++) {
        const struct queue_label *label = &now_shown->items[i];

        if (!is_known(pause, label->name)) {
            say_begun(label->name, label->text);
        }
    }
    for (size_t i = 0; i < pause->shown.count; i++) {
        if (find(now_shown, pause->shown.items[i].name) == NULL) {
            say_over(pause->shown.items[i].name);
        }
    }
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        const char *cause = brevo_causes[i].name;

        if (pause->met[i] && find(&pause->shown, cause) == NULL &&
            find(now_shown, cause) == NULL) {
            say_over(cause); /* somebody was quick */
        }
        pause->met[i] = false;
    }
    pause->shown = *now_shown;
}

static int
tell(struct queue *queue, size_t index, enum brevo_endpoint endpoint)
{
    const struct queue_pause told = {
        .cause = brevo_causes[index].name,
        .where = brevo_endpoint_name(endpoint),
        .remedy = brevo_causes[index].remedy,
        .probe_first_ms = PAUSE_PROBE_MIN_MS,
        .probe_longest_ms = brevo_causes[index].probe_max_ms,
    };

    return queue_pause_put(queue, &told);
}

static int
look(struct pause *pause, struct queue *queue, int64_t now_us)
{
    struct queue_labels now_shown;
    bool may_probe = false;
    const bool asks = is_probed(pause) && !pause->is_barred &&
                      !operator_stops_all(pause) && !pause_may_probe(pause, now_us);

    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        const int r = pause->met[i] ? tell(queue, i, pause->refused[i]) : QUEUE_OK;

        if (r != QUEUE_OK) {
            return r;
        }
    }
    /* Twice what is used: a probe that begins at the end of the turn may take as long. */
    const int r =
        queue_pause_look(queue, asks ? 2 * pause->turn_ms : 0, &now_shown, &may_probe);

    if (r != QUEUE_OK) {
        return r;
    }
    take_view(pause, &now_shown);
    pause->has_looked = true;
    if (asks) {
        pause->may_probe = may_probe;
        pause->turn_end_us = now_us + pause->turn_ms * US_PER_MS;
    } else if (!is_probed(pause)) {
        pause->may_probe = false; /* the next pause is another turn */
    }
    return QUEUE_OK;
}

bool
pause_wants_look(const struct pause *pause, int64_t now_us)
{
    return now_us >= pause->look_us;
}

int
pause_look(struct pause *pause, struct queue *queue, int64_t now_us)
{
    pause->look_us = now_us + (int64_t)PAUSE_LOOK_MS * US_PER_MS;
    return look(pause, queue, now_us);
}

/* ---- met and over ------------------------------------------------------------------------ */

void
pause_begin(struct pause *pause, enum brevo_endpoint endpoint, const char *cause)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        if (strcmp(brevo_causes[i].name, cause) != 0) {
            continue;
        }
        if (!is_on(pause, i)) {
            say_begun(cause, brevo_causes[i].remedy);
        }
        pause->met[i] = true;
        pause->refused[i] = endpoint;
    }
    pause->may_probe = false;
    pause->look_us = 0;
}

/* BREVO_ENDPOINT_COUNT: none of ours. */
static enum brevo_endpoint
endpoint_named(const char *name)
{
    for (size_t i = 0; i < BREVO_ENDPOINT_COUNT; i++) {
        if (strcmp(name, brevo_endpoint_name((enum brevo_endpoint)i)) == 0) {
            return (enum brevo_endpoint)i;
        }
    }
    return BREVO_ENDPOINT_COUNT;
}

/* Earlier versions did not say where: then any success of the class will do. */
static bool
is_over(const struct pause *pause, size_t index, enum brevo_endpoint endpoint,
    bool needs_events)
{
    const struct brevo_cause *cause = &brevo_causes[index];
    const struct queue_label *shown = find(&pause->shown, cause->name);

    if (shown == NULL || cause->is_general) {
        return shown != NULL;
    }
    const enum brevo_endpoint met = endpoint_named(shown->where);
    const enum brevo_class class = brevo_endpoint_class(endpoint);

    if (met == BREVO_ENDPOINT_COUNT) {
        return cause->class == class;
    }
    if (cause->is_of_class) {
        return !needs_events || brevo_endpoint_class(met) == class;
    }
    return met == endpoint;
}

void
pause_end(struct pause *pause, struct queue *queue, enum brevo_endpoint endpoint,
    bool needs_events)
{
    bool goes_on = false;

    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        /* When Redis does not hear it, it is still on, and the next probe ends it. */
        if (is_over(pause, i, endpoint, needs_events) &&
            queue_pause_remove(queue, brevo_causes[i].name) == QUEUE_OK) {
            pause->look_us = 0;
        } else {
            goes_on = goes_on || is_on(pause, i);
        }
    }
    pause->may_probe = pause->may_probe && goes_on;
}

/* One probe is for all that is on: as often as the most urgent asks. */
static int64_t
longest_ms(const struct pause *pause)
{
    int64_t longest = PAUSE_PROBE_MAX_MS;

    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        longest = is_on(pause, i) ? MIN(longest, brevo_causes[i].probe_max_ms) : longest;
    }
    return longest;
}

void
pause_postpone(struct pause *pause, struct queue *queue)
{
    pause->may_probe = false;
    if (queue_probe_postpone(queue, PAUSE_PROBE_MIN_MS, longest_ms(pause)) != QUEUE_OK) {
        return; /* then the turn ends by itself */
    }
}
