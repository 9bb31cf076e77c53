/*
 * sink_test.c - the test events of an Event Streams sink, kept for whoever sets it up.
 */
#include "server/deliver/sink_test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char key_type[] = "sink.test/";
static const char note_name[] = "sink_test";

const char *
sink_test_id(const struct job *job)
{
    const char *key = job->record->key;

    return slice_starts(slice_of(key), key_type) ? key + strlen(key_type) : NULL;
}

int
sink_test_note(struct queue *queue, const char *id, int64_t time_ms)
{
    return queue_note_put(queue, note_name, id, time_ms);
}

int
sink_test_keep(struct queue *queue, struct job *job)
{
    const int r = sink_test_note(queue, sink_test_id(job), job->record->received_ms);

    if (r == QUEUE_OK || r == -EINVAL) { /* too long an id is no test of Twilio's */
        job_filter(job, EVENT_REASON_FACTS);
        return QUEUE_OK;
    }
    return r;
}

int
sink_test_last(struct queue *queue, struct queue_note *ret_note)
{
    return queue_note_last(queue, note_name, ret_note);
}

void
sink_test_write(const struct queue_note *note, char text[SINK_TEST_TEXT_SIZE])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    const int64_t age_ms = note->now_ms - note->time_ms;
    const int64_t age_s = age_ms > 0 ? age_ms / MS_PER_S : 0;
    size_t unit = 0;

    while (unit + 1 < LENGTH(units) && age_s < units[unit].seconds) {
        unit++;
    }
    (void)snprintf(text, SINK_TEST_TEXT_SIZE, "%s  %" PRId64 " %s ago", note->text,
        age_s / units[unit].seconds, units[unit].name);
}
