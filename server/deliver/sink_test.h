/*
 * sink_test.h - the test events of an Event Streams sink, kept for whoever sets it up.
 *
 * Twilio calls a sink valid once it was told the `test_id` of an event its Test call made. Such an
 * event is nobody's support case: its id and time are remembered, and it is settled as facts.
 */
#pragma once

#include "server/deliver/job.h"

enum {
    SINK_TEST_TEXT_SIZE = QUEUE_NOTE_SIZE + 32,
};

/* The test's id, inside the record's key "sink.test/<id>"; NULL: the job is about another. */
const char *sink_test_id(const struct job *job);

/* Remembers the test and finishes the job. A queue_result or -errno: then the job is as it was. */
int sink_test_keep(struct queue *queue, struct job *job) MUST_USE;

/* Remembers a test before the worker has come to it. */
int sink_test_note(struct queue *queue, const char *id, int64_t time_ms) MUST_USE;

/* The latest test; its text is the id, empty when there was none. */
int sink_test_last(struct queue *queue, struct queue_note *ret_note) MUST_USE;
/* "<id>  3 min ago" */
void sink_test_write(const struct queue_note *note, char text[SINK_TEST_TEXT_SIZE]);
