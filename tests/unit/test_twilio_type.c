/*
 * test_twilio_type.c - what becomes of every type Twilio documents, by each route that has it.
 */
#include <stdio.h>

#include "mapping/twilio_type.h"
#include "tests/unit/key_check.h"

#define EV "EV3f0c6f0d2a7e4b7f9c1d2e3f4a5b6c01"
#define WK "WK0123456789abcdef0123456789abcdef"

enum {
    BODY_SIZE = 2048,
};

/* TaskRouter's whole vocabulary; `stream` only where Event Streams spells it in its own way. */
static const struct {
    const char *callback; /* NULL: only in Event Streams */
    const char *stream;
    enum key_kind kind;
    const char *key;
} taskrouter[] = {
    {"activity.created", NULL, KEY_IGNORED, ""},
    {"activity.updated", NULL, KEY_IGNORED, ""},
    {"activity.deleted", NULL, KEY_IGNORED, ""},
    {"reservation.created", NULL, KEY_IGNORED, ""},
    {"reservation.accepted", NULL, KEY_FACT, "reservation.accepted/" WR},
    {"reservation.rejected", NULL, KEY_IGNORED, ""},
    {"reservation.timeout", NULL, KEY_IGNORED, ""},
    {"reservation.canceled", NULL, KEY_IGNORED, ""},
    {"reservation.rescinded", NULL, KEY_IGNORED, ""},
    {"reservation.completed", NULL, KEY_FACT, "reservation.completed/" WR},
    {"reservation.failed", NULL, KEY_IGNORED, ""},
    {"reservation.wrapup", NULL, KEY_IGNORED, ""},
    {"task.created", NULL, KEY_EVENT, "task.created/" WT},
    {"task.updated", NULL, KEY_FACT, "task.updated/" EV},
    {"task.canceled", NULL, KEY_EVENT, "task.canceled/" WT},
    {"task.wrapup", NULL, KEY_FACT, "task.wrapup/" WT},
    {"task.completed", NULL, KEY_EVENT, "task.completed/" WT},
    {"task.deleted", NULL, KEY_FACT, "task.deleted/" WT},
    {"task.system-deleted", NULL, KEY_FACT, "task.system-deleted/" WT},
    {"task.transfer-initiated", NULL, KEY_IGNORED, ""},
    {"task.transfer-attempt-failed", NULL, KEY_IGNORED, ""},
    {"task.transfer-failed", NULL, KEY_IGNORED, ""},
    {"task.transfer-canceled", NULL, KEY_IGNORED, ""},
    {"task.transfer-completed", NULL, KEY_IGNORED, ""},
    {"task-channel.created", NULL, KEY_IGNORED, ""},
    {"task-channel.updated", NULL, KEY_IGNORED, ""},
    {"task-channel.deleted", NULL, KEY_IGNORED, ""},
    {"task-queue.created", NULL, KEY_IGNORED, ""},
    {"task-queue.deleted", NULL, KEY_IGNORED, ""},
    {"task-queue.entered", NULL, KEY_FACT, "task-queue.entered/" EV},
    {"task-queue.timeout", NULL, KEY_IGNORED, ""},
    {"task-queue.moved", NULL, KEY_IGNORED, ""},
    {"task-queue.expression.updated", "task-queue.expression-updated", KEY_IGNORED, ""},
    {"worker.created", NULL, KEY_IGNORED, ""},
    {"worker.activity.update", NULL, KEY_FACT, "worker.activity.update/" EV},
    {"worker.attributes.update", NULL, KEY_IGNORED, ""},
    {"worker.capacity.update", NULL, KEY_IGNORED, ""},
    {"worker.channel.availability.update", NULL, KEY_IGNORED, ""},
    {"worker.deleted", NULL, KEY_IGNORED, ""},
    {"workflow.created", NULL, KEY_IGNORED, ""},
    {"workflow.updated", NULL, KEY_IGNORED, ""},
    {"workflow.deleted", NULL, KEY_IGNORED, ""},
    {"workflow.target-matched", NULL, KEY_IGNORED, ""},
    {"workflow.entered", NULL, KEY_IGNORED, ""},
    {"workflow.timeout", NULL, KEY_IGNORED, ""},
    {"workflow.skipped", NULL, KEY_IGNORED, ""},
    {NULL, "workflow.rejected", KEY_IGNORED, ""},
    {"workspace.created", NULL, KEY_IGNORED, ""},
    {"workspace.updated", NULL, KEY_IGNORED, ""},
    {"workspace.deleted", NULL, KEY_IGNORED, ""},
};

static void
check(enum source source, const char *body, enum key_kind kind, const char *key)
{
    AUTO(keyed_events_done) struct keyed_events events = {0};

    assert_int_equal(
        key_events(source, slice_of(body), source == SOURCE_EVENT_STREAMS, &events),
        KEY_OK);
    assert_int_equal(events.count, 1);
    if (events.items[0].kind != kind || strcmp(events.items[0].key, key) != 0) {
        fail_msg("kind %d, key \"%s\" of %s", (int)events.items[0].kind,
            events.items[0].key, body);
    }
}

static void
callbacks_and_streams_lead_every_taskrouter_type_to_the_same_record(void **state)
{
    char body[BODY_SIZE];

    (void)state;
    for (size_t i = 0; i < LENGTH(taskrouter); i++) {
        const char *callback = taskrouter[i].callback;
        const char *stream =
            taskrouter[i].stream != NULL ? taskrouter[i].stream : callback;

        if (callback != NULL) {
            (void)snprintf(body, sizeof(body),
                "EventType=%s&Sid=" EV "&TaskSid=" WT "&ReservationSid=" WR
                "&WorkerSid=" WK,
                callback);
            check(SOURCE_TASKROUTER, body, taskrouter[i].kind, taskrouter[i].key);
        }
        (void)snprintf(body, sizeof(body),
            "{\"type\":\"com.twilio.taskrouter.%s\",\"data\":{\"sid\":\"" EV
            "\",\"payload\":{\"sid\":\"" EV "\",\"task_sid\":\"" WT
            "\",\"reservation_sid\":\"" WR "\",\"worker_sid\":\"" WK "\"}}}",
            stream);
        check(SOURCE_EVENT_STREAMS, body, taskrouter[i].kind, taskrouter[i].key);
    }
}

static void
what_happens_many_times_keeps_its_subject_for_the_partition(void **state)
{
    static const struct {
        const char *type;
        const char *subject;
    } cases[] = {
        {"task.updated", WT},
        {"task-queue.entered", WT},
        {"worker.activity.update", WK},
    };
    char body[BODY_SIZE];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(keyed_events_done) struct keyed_events events = {0};

        (void)snprintf(body, sizeof(body),
            "EventType=%s&Sid=" EV "&TaskSid=" WT "&WorkerSid=" WK, cases[i].type);
        assert_int_equal(
            key_events(SOURCE_TASKROUTER, slice_of(body), false, &events), KEY_OK);
        assert_string_equal(events.items[0].subject, cases[i].subject);
        assert_false(events.items[0].by_content);
    }
}

static void
what_happens_many_times_without_a_name_is_told_apart_by_its_bytes(void **state)
{
    static const char *const bodies[] = {
        "EventType=task.updated&TaskSid=" WT,
        "EventType=task.updated&TaskSid=" WT "&Sid=",
        "EventType=task.updated&TaskSid=" WT "&Sid=" WT,
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(keyed_events_done) struct keyed_events events = {0};

        assert_int_equal(
            key_events(SOURCE_TASKROUTER, slice_of(bodies[i]), false, &events), KEY_OK);
        struct keyed_event *event = &events.items[0];

        assert_int_equal(event->kind, KEY_FACT);
        assert_true(event->by_content);
        key_add_content(event, "0123456789abcdefffffffff");
        assert_string_equal(event->key, "task.updated/" WT "/0123456789abcdef");
    }
}

static void
a_callback_of_one_product_is_unknown_on_the_route_of_another(void **state)
{
    static const enum source sources[] = {
        SOURCE_CONVERSATIONS, SOURCE_INTERACTIONS, SOURCE_MESSAGING};

    (void)state;
    for (size_t i = 0; i < LENGTH(sources); i++) {
        assert_null(twilio_type_find(sources[i], "task.created", NULL));
    }
    assert_null(twilio_type_find(SOURCE_TASKROUTER, "delivered", NULL));
    assert_null(twilio_type_find(SOURCE_TASKROUTER, "onConversationStateUpdated", NULL));
    assert_null(
        twilio_type_find(SOURCE_INTERACTIONS, "onConversationStateUpdated", "closed"));
}

static void
facts_are_known_by_our_names_only(void **state)
{
    static const char *const facts[] = {"reservation.accepted", "task.wrapup",
        "task.updated", "conversation.inactive", "conversation.active", "sink.test"};
    static const char *const others[] = {"task.created", "conversation.ended",
        "message.read", "reservation.created", "reservation.", "",
        "com.twilio.eventstreams.test-event"};

    (void)state;
    for (size_t i = 0; i < LENGTH(facts); i++) {
        assert_true(twilio_type_is_fact(slice_of(facts[i])));
    }
    for (size_t i = 0; i < LENGTH(others); i++) {
        assert_false(twilio_type_is_fact(slice_of(others[i])));
    }
    assert_false(twilio_type_is_fact((struct slice){0}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            callbacks_and_streams_lead_every_taskrouter_type_to_the_same_record),
        cmocka_unit_test(what_happens_many_times_keeps_its_subject_for_the_partition),
        cmocka_unit_test(
            what_happens_many_times_without_a_name_is_told_apart_by_its_bytes),
        cmocka_unit_test(a_callback_of_one_product_is_unknown_on_the_route_of_another),
        cmocka_unit_test(facts_are_known_by_our_names_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
