/*
 * sink_seen.h - a sink's test that has just become durable, on its way to where it is shown.
 *
 * The worker remembers it when its turn comes, but whoever sets a sink up may not have set Brevo
 * up yet, and then everything waits. So the process that took the test says so itself. There is
 * one for the process: only the latest counts.
 */
#pragma once

#include "queue/queue.h"

struct sink_seen {
    char id[QUEUE_NOTE_SIZE];
    int64_t time_ms; /* Unix */
};

/* Any thread. An id that is too long is no test of Twilio's and is left to the worker. */
void sink_seen_tell(struct slice id, int64_t time_ms);
/* Takes it, if there is one that nobody has taken. */
bool sink_seen_take(struct sink_seen *ret_seen) MUST_USE;
/* Gives it back, to be taken again; a later one stays. */
void sink_seen_return(const struct sink_seen *seen);
