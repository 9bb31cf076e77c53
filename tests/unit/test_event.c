/*
 * test_event.c - how an event is read and judged.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"

#define RESERVATION "WR0123456789abcdef0123456789abcdef"

static bool
has_trace(const struct event_reading *reading, const char *rule)
{
    for (size_t i = 0; i < reading->trace_count; i++) {
        if (strstr(reading->trace[i], rule) != NULL) {
            return true;
        }
    }
    return false;
}

static void
reads_every_property_of_a_completed_task(void **state)
{
    const struct rules with_agent = {.event_names = {[EVENT_TASK_COMPLETED] = "DONE"},
        .sync_tasks = true,
        .channels = {[CHANNEL_SMS] = true},
        .agent = RULES_AGENT_NAME};
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload = read_changed(
        "{'task_queue_name':'Support','workflow_name':'Any','worker_name':'mary',"
        "'worker_attributes':{'full_name':'Mary Smith'},'task_completed_reason':'done',"
        "'task_attributes':{'email':'ana@example.com','direction':'inbound',"
        "'conversationSid':'" CONVERSATION "','flexInteractionSid':'" INTERACTION "',"
        "'conversations':{'conversation_id':'KD01','outcome':'refund','content':'bills'}}}",
        &with_agent, "task.completed/" TASK, &reading);
    const struct event *event = &reading.event;

    (void)state;
    assert_non_null(payload);
    assert_int_equal(reading.verdict, EVENT_DELIVER);
    assert_int_equal(event->type, EVENT_TASK_COMPLETED);
    assert_int_equal(event->date_ms, 1767225600123);
    assert_string_equal(event->effect_key, "resolved/KD01");
    assert_string_equal(event->source_event_id, "EV01");
    assert_string_equal(event->task_sid, TASK);
    assert_string_equal(event->ticket, "KD01");
    assert_string_equal(event->conversation_sid, CONVERSATION);
    assert_string_equal(event->interaction_sid, INTERACTION);
    assert_int_equal(event->channel, CHANNEL_SMS);
    assert_int_equal(event->direction, DIRECTION_INBOUND);
    assert_string_equal(event->queue, "Support");
    assert_string_equal(event->workflow, "Any");
    assert_string_equal(event->agent, "Mary Smith");
    assert_string_equal(event->reason, "done");
    assert_string_equal(event->outcome, "refund");
    assert_string_equal(event->content, "bills");
    assert_int_equal(event->duration_s, 912);
    assert_int_equal(event->priority, 5);
    assert_string_equal(event->customer.email, "ana@example.com");
}

/* As a Studio flow or a CRM writes them: the same ticket, whichever way its name is written. */
static void
takes_a_number_for_the_text_it_is(void **state)
{
    static const struct {
        const char *id;
        const char *ticket;
    } cases[] = {{"4711", "4711"}, {"'4711'", "4711"}, {"4711.0", "4711"},
        {"9007199254740993", "9007199254740993"}, {"47.5", TASK}, {"0", TASK},
        {"true", TASK}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        char changes[256];

        (void)snprintf(changes, sizeof changes,
            "{'task_attributes':{'email':'ana@example.com','conversations':"
            "{'conversation_id':%s,'outcome':3,'content':1234567890123}}}",
            cases[i].id);
        AUTO(payload_release)
        json_t *payload = read_changed(changes, &rules, "task.completed/" TASK, &reading);

        assert_non_null(payload);
        assert_string_equal(reading.event.ticket, cases[i].ticket);
        assert_string_equal(reading.event.outcome, "3");
        assert_string_equal(reading.event.content, "1234567890123");
    }
}

static void
names_the_effect_by_task_conversation_or_interaction(void **state)
{
    static const struct {
        const char *changes;
        const char *effect;
    } cases[] = {
        {"{'event_type':'task.created'}", "requested/" TASK},
        {"{'event_type':'task.completed'}", "resolved/" TASK},
        {"{'event_type':'task.canceled'}", "abandoned/" TASK},
        {"{'event_type':'conversation.ended','conversation_sid':'" CONVERSATION "'}",
            "ended/" TASK}, /* which it names, too */
        {"{'event_type':'conversation.ended','conversation_sid':'" CONVERSATION
         "','interaction_sid':'" INTERACTION "'}",
            "ended/" INTERACTION},
        {"{'event_type':'conversation.ended','interaction_sid':'" INTERACTION "'}",
            "ended/" INTERACTION},
        {"{'event_type':'conversation.ended','conversation_sid':'undefined',"
         "'interaction_sid':'" INTERACTION "'}",
            "ended/" INTERACTION},
        {"{'task_sid':'WT99999999999999999999999999999999'}", "resolved/" TASK},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        AUTO(payload_release)
        json_t *payload =
            read_changed(cases[i].changes, &rules, "task.completed/" TASK, &reading);

        assert_non_null(payload);
        assert_int_equal(reading.verdict, EVENT_DELIVER);
        assert_string_equal(reading.event.effect_key, cases[i].effect);
    }
}

static void
asks_to_resolve_a_reservation_until_its_record_names_the_task(void **state)
{
    static const char *const changes =
        "{'task_sid':null,'reservation_sid':'" RESERVATION "'}";
    struct event_reading reading;
    json_t *payload =
        read_changed(changes, &rules, "task.completed/" RESERVATION, &reading);

    (void)state;
    assert_int_equal(reading.verdict, EVENT_UNRESOLVED);
    assert_string_equal(reading.reservation_sid, RESERVATION);
    json_decref(payload);

    payload = read_changed(changes, &rules, "task.completed/" TASK, &reading);
    assert_int_equal(reading.verdict, EVENT_DELIVER);
    assert_string_equal(reading.event.task_sid, TASK);
    assert_string_equal(reading.event.effect_key, "resolved/" TASK);
    json_decref(payload);
}

static void
parks_an_event_about_nothing(void **state)
{
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload = read_changed("{'task_sid':'XX1'}", &rules, "raw/x/y", &reading);

    (void)state;
    assert_non_null(payload);
    assert_int_equal(reading.verdict, EVENT_PARKED);
    assert_string_equal(reading.reason, "unparseable");
}

static void
falls_back_to_the_record_for_name_and_date(void **state)
{
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload = read_changed(
        "{'sid':'EZ01','date_ms':null}", &rules, "task.completed/" TASK, &reading);

    (void)state;
    assert_non_null(payload);
    assert_string_equal(reading.event.source_event_id, "task.completed/" TASK);
    assert_int_equal(reading.event.date_ms, received_ms);
    assert_true(has_trace(&reading, "receipt"));
}

/* Where Brevo is asked for one of them, it must not show the other. */
static void
what_is_told_beside_another_event_has_an_id_of_its_own(void **state)
{
    static const struct {
        const char *type;
        const char *key;
        const char *id;
    } cases[] = {
        {"task.completed", "task.completed/" TASK, "EV01"},
        {"task.completed", "survey.completed/" TASK "/nps/EV01",
            "survey.completed/" TASK "/nps/EV01"},
        {"task.completed", "survey.completed/" TASK "/csat/EV01",
            "survey.completed/" TASK "/csat/EV01"},
        {"survey.completed", "survey.completed/" TASK "/0123", "EV01"},
        {"conversation.ended", "conversation.ended/" TASK, "conversation.ended/" TASK},
        {"conversation.ended", "conversation.ended/" CONVERSATION, "EV01"},
        {"task.waiting", "task.waiting/" TASK, "task.waiting/" TASK},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        char changes[64];

        (void)snprintf(changes, sizeof changes, "{'event_type':'%s'}", cases[i].type);
        AUTO(payload_release)
        json_t *payload = read_changed(changes, &rules, cases[i].key, &reading);

        assert_non_null(payload);
        assert_string_equal(reading.event.source_event_id, cases[i].id);
    }
}

static void
finds_the_ticket_in_the_order_of_the_contract(void **state)
{
    static const struct {
        const char *attributes;
        const char *ticket;
    } cases[] = {
        {"{'conversations':{'conversation_id':'KD01'},'flexInteractionSid':'" INTERACTION
         "'}",
            "KD01"},
        {"{'flexInteractionSid':'" INTERACTION "'}", INTERACTION},
        {"{'flexInteractionSid':'undefined'}", TASK},
        {"{}", TASK},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char changes[256];
        struct event_reading reading;

        (void)snprintf(
            changes, sizeof(changes), "{'task_attributes':%s}", cases[i].attributes);
        AUTO(payload_release)
        json_t *payload = read_changed(changes, &rules, "task.completed/" TASK, &reading);

        assert_non_null(payload);
        assert_string_equal(reading.event.ticket, cases[i].ticket);
    }
}

static void
gives_a_request_neither_duration_nor_outcome(void **state)
{
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload = read_changed("{'event_type':'task.created','reason':'x',"
                                   "'task_attributes':{'email':'ana@example.com',"
                                   "'conversations':{'outcome':'o','content':'c'}}}",
        &rules, "task.created/" TASK, &reading);

    (void)state;
    assert_non_null(payload);
    assert_int_equal(reading.event.duration_s, -1);
    assert_null(reading.event.reason);
    assert_null(reading.event.outcome);
    assert_null(reading.event.content);
    assert_null(reading.event.agent);
}

/* How a customer gave up is what an abandonment ends with, whatever an agent made of it. */
static void
how_it_was_given_up_takes_the_agents_outcome_and_not_the_content(void **state)
{
    static const struct {
        const char *changes;
        const char *outcome;
    } cases[] = {
        {"'event_type':'task.completed'", "o"},
        {"'event_type':'task.canceled','task_canceled_reason':'merged'", "o"},
        {"'event_type':'task.canceled','task_canceled_reason':'hangup'", "abandoned"},
        {"'event_type':'conversation.ended'", "o"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        char changes[256];

        (void)snprintf(changes, sizeof(changes),
            "{%s,'task_attributes':{'conversations':{'outcome':'o','content':'c'}}}",
            cases[i].changes);
        AUTO(payload_release)
        json_t *payload = read_changed(changes, &rules, "task.completed/" TASK, &reading);

        assert_non_null(payload);
        assert_string_equal(reading.event.outcome, cases[i].outcome);
        assert_string_equal(reading.event.content, "c");
    }
}

static void
tells_too_old_events_by_their_own_date(void **state)
{
    const struct event event = {.date_ms = 1000000000};
    const struct rules never = {.max_event_age_ms = 0};

    (void)state;
    assert_false(event_is_too_old(&event, &rules, 1000000000 + 86400000));
    assert_true(event_is_too_old(&event, &rules, 1000000001 + 86400000));
    assert_false(event_is_too_old(&event, &rules, 0));
    assert_false(event_is_too_old(&event, &never, 4000000000000));
}

static void
learns_the_task_of_a_reservation(void **state)
{
    static const struct {
        const char *payload;
        bool known;
    } cases[] = {
        {"{'reservation_sid':'" RESERVATION "','task_sid':'" TASK "'}", true},
        {"{'resource_sid':'" RESERVATION "','task_sid':'" TASK "'}", true},
        {"{'reservation_sid':'" RESERVATION "'}", false},
        {"{'reservation_sid':'" TASK "','task_sid':'" TASK "'}", false},
        {"{'task_sid':'" TASK "'}", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(payload_release) json_t *payload = json_of(cases[i].payload);
        const char *reservation = NULL;
        const char *task = NULL;

        assert_int_equal(event_reservation(payload, &reservation, &task), cases[i].known);
        if (cases[i].known) {
            assert_string_equal(reservation, RESERVATION);
            assert_string_equal(task, TASK);
        }
    }
}

static void
shows_a_reading_as_json_without_unknown_values(void **state)
{
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload =
        read_changed("{'task_attributes':{}}", &rules, "task.completed/" TASK, &reading);
    AUTO(payload_release) json_t *shown = event_reading_to_json(&reading);
    const json_t *event = json_object_get(shown, "event");

    (void)state;
    assert_non_null(payload);
    assert_string_equal(payload_text(shown, "verdict"), "filtered");
    assert_string_equal(payload_text(shown, "reason"), "no_identity");
    assert_null(json_object_get(event, "queue"));
    assert_int_equal(json_object_size(json_object_get(event, "customer")), 0);
    assert_string_equal(payload_text(event, "type"), "task.completed");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_property_of_a_completed_task),
        cmocka_unit_test(takes_a_number_for_the_text_it_is),
        cmocka_unit_test(names_the_effect_by_task_conversation_or_interaction),
        cmocka_unit_test(asks_to_resolve_a_reservation_until_its_record_names_the_task),
        cmocka_unit_test(parks_an_event_about_nothing),
        cmocka_unit_test(falls_back_to_the_record_for_name_and_date),
        cmocka_unit_test(what_is_told_beside_another_event_has_an_id_of_its_own),
        cmocka_unit_test(finds_the_ticket_in_the_order_of_the_contract),
        cmocka_unit_test(gives_a_request_neither_duration_nor_outcome),
        cmocka_unit_test(
            how_it_was_given_up_takes_the_agents_outcome_and_not_the_content),
        cmocka_unit_test(tells_too_old_events_by_their_own_date),
        cmocka_unit_test(learns_the_task_of_a_reservation),
        cmocka_unit_test(shows_a_reading_as_json_without_unknown_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
