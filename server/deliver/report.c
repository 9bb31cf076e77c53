/*
 * report.c - sums of counters, made into queues and agents.
 */
#include "server/deliver/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/tally.h"

/* ---- summed -------------------------------------------------------------------------------- */

static void
set(struct report *report, json_t *object, struct slice name, json_t *value)
{
    char text[ANALYTICS_NAME_SIZE];

    if (!slice_to_text(name, text, sizeof(text))) { /* none of ours */
        json_decref(value);
    } else if (json_object_set_new(object, text, value) != 0) {
        report->lacks_memory = true;
    }
}

static int64_t
sum_of(const struct report *report, struct slice name)
{
    char text[ANALYTICS_NAME_SIZE];

    return slice_to_text(name, text, sizeof(text))
               ? json_integer_value(json_object_get(report->sums, text))
               : 0;
}

/* Names and values are what was written; a fault in them is somebody else's, and none of ours. */
static void
take(void *context, struct slice name, struct slice value)
{
    struct report *report = context;
    struct analytics_name read;
    int64_t number;

    if (!slice_to_int64(value, &number)) {
        return;
    }
    if (slice_is(name, QUEUE_TALLY_LEFT_OUT)) {
        report->left_out += number;
    } else if (analytics_name_read(name, &read)) {
        set(report, report->sums, name, json_integer(sum_of(report, name) + number));
    }
}

static void
take_name(void *context, struct slice name, struct slice value)
{
    struct report *report = context;

    set(report, report->called, name, json_stringn(value.data, value.size));
}

/* False when memory is out. */
static bool
begin(struct report *report)
{
    if (report->sums == NULL) {
        report->sums = json_object();
        report->called = json_object();
    }
    report->lacks_memory |= report->sums == NULL || report->called == NULL;
    return !report->lacks_memory;
}

int
report_add(struct report *report, struct queue *queue, const char *day)
{
    return begin(report) ? queue_tally_read(queue, day, take, report) : QUEUE_OK;
}

int
report_add_names(struct report *report, struct queue *queue)
{
    return begin(report) ? queue_tally_read(queue, QUEUE_TALLY_NAMES, take_name, report)
                         : QUEUE_OK;
}

void
report_done(struct report *report)
{
    json_decref(report->sums);
    json_decref(report->called);
    free(report->queues);
    free(report->agents);
    *report = (struct report){0};
}

/* ---- made ---------------------------------------------------------------------------------- */

static void
add_agent(struct report *report, const struct analytics_name *name, int64_t sum)
{
    struct report_agent *agent = &report->agents[report->agent_count];

    if (slice_to_text(name->agent, agent->agent, sizeof(agent->agent)) &&
        slice_to_text(name->activity, agent->activity, sizeof(agent->activity))) {
        agent->name = json_string_value(json_object_get(report->called, agent->agent));
        agent->time_ms = sum;
        report->agent_count++;
    }
}

/* The queue of this counter, by what stands behind the counter's own word; NULL: it has no room. */
static struct report_queue *
queue_of(struct report *report, json_t *places, const char *whose,
    const struct analytics_name *name)
{
    const json_t *place = json_object_get(places, whose);

    if (place != NULL) {
        return &report->queues[json_integer_value(place)];
    }
    struct report_queue *queue = &report->queues[report->queue_count];

    if (!slice_to_text(name->queue, queue->queue, sizeof(queue->queue)) ||
        !slice_to_text(name->channel, queue->channel, sizeof(queue->channel)) ||
        !slice_to_text(name->direction, queue->direction, sizeof(queue->direction))) {
        return NULL;
    }
    if (json_object_set_new(
            places, whose, json_integer((json_int_t)report->queue_count)) != 0) {
        report->lacks_memory = true;
        return NULL;
    }
    report->queue_count++;
    return queue;
}

static void
add_sum(struct report *report, json_t *places, const char *text, int64_t sum)
{
    struct analytics_name name;

    if (!analytics_name_read(slice_of(text), &name)) {
        return;
    }
    if (name.what == ANALYTICS_ACTIVITY_MS) {
        add_agent(report, &name, sum);
        return;
    }
    struct report_queue *queue =
        queue_of(report, places, text + strcspn(text, " "), &name);

    if (queue != NULL) {
        queue->counts[name.what] = sum;
    }
}

static int
by_queue(const void *one, const void *other)
{
    const struct report_queue *a = one;
    const struct report_queue *b = other;
    int order = strcmp(a->queue, b->queue);

    order = order != 0 ? order : strcmp(a->channel, b->channel);
    return order != 0 ? order : strcmp(a->direction, b->direction);
}

static int
by_agent(const void *one, const void *other)
{
    const struct report_agent *a = one;
    const struct report_agent *b = other;
    const int order = strcmp(a->agent, b->agent);

    return order != 0 ? order : strcmp(a->activity, b->activity);
}

int
report_make(struct report *report)
{
    const size_t sums = json_object_size(report->sums);
    json_t *places = json_object();
    const char *name;
    json_t *sum;

    report->queues = calloc(sums + 1, sizeof(*report->queues));
    report->agents = calloc(sums + 1, sizeof(*report->agents));
    report->lacks_memory |=
        places == NULL || report->queues == NULL || report->agents == NULL;
    if (!report->lacks_memory) {
        json_object_foreach(report->sums, name, sum)
        {
            add_sum(report, places, name, json_integer_value(sum));
        }
        qsort(report->queues, report->queue_count, sizeof(*report->queues), by_queue);
        qsort(report->agents, report->agent_count, sizeof(*report->agents), by_agent);
    }
    json_decref(places);
    return report->lacks_memory ? -ENOMEM : 0;
}

/* ---- asked --------------------------------------------------------------------------------- */

static double
share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : -1;
}

static int64_t
waits_up_to(const struct report_queue *queue, size_t count)
{
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += queue->counts[ANALYTICS_WAIT + i];
    }
    return sum;
}

double
report_abandonment_share(const struct report_queue *queue)
{
    const int64_t *counts = queue->counts;

    return strcmp(queue->direction, "outbound") == 0
               ? -1
               : share(counts[ANALYTICS_ABANDONED], counts[ANALYTICS_HANDLED] +
                                                        counts[ANALYTICS_ABANDONED] +
                                                        counts[ANALYTICS_UNSERVED]);
}

int64_t
report_waits(const struct report_queue *queue)
{
    return waits_up_to(queue, ANALYTICS_WAITS);
}

double
report_answered_share(const struct report_queue *queue)
{
    return share(waits_up_to(queue, REPORT_ANSWERED_WAITS), report_waits(queue));
}

double
report_average_s(const struct report_queue *queue, enum analytics_what what)
{
    const double average_ms = share(queue->counts[what + 1], queue->counts[what]);

    return average_ms >= 0 ? average_ms / MS_PER_S : average_ms;
}

double
report_average_wait_s(const struct report_queue *queue)
{
    const double average_ms =
        share(queue->counts[ANALYTICS_WAIT_MS], report_waits(queue));

    return average_ms >= 0 ? average_ms / MS_PER_S : average_ms;
}

int64_t
report_wait_at_most_s(const struct report_queue *queue, int64_t percent)
{
    const int64_t waits = report_waits(queue);

    if (waits == 0) {
        return -1;
    }
    for (size_t i = 0; i < LENGTH(analytics_waits_s); i++) {
        if (100 * waits_up_to(queue, i + 1) >= percent * waits) {
            return analytics_waits_s[i];
        }
    }
    return INT64_MAX;
}
