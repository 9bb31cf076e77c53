/*
 * test_history_said.c - what an event says of its contact, and what is written of it, and what never is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mapping/request.h"
#include "tests/unit/history_story.h"
#include "tests/unit/json_of.h"

#define KD "KD0123456789abcdef0123456789abcdef"
#define WT "WT0123456789abcdef0123456789abcdef"
#define CH "CH0123456789abcdef0123456789abcdef"

static void
told_is(const struct event *event, const struct rules *by, const char *existing,
    const char *const *facts, size_t count)
{
    AUTO(payload_release) json_t *contact = json_of(existing);
    struct history_says says;

    history_read(event, by, contact, &says);
    assert_int_equal(says.fact_count, count);
    for (size_t i = 0; i < count; i++) {
        char text[FACT_NAME_SIZE + HISTORY_TEXT_SIZE];

        (void)snprintf(text, sizeof text, "%s %s", says.names[i], says.texts[i]);
        assert_string_equal(text, facts[i]);
        assert_int_equal(says.names[i] - says.facts[i].name.data, 0);
    }
}

/* Of a contact that had nothing. */
#define NO_BASE "!base.count -", "!base.wait -", "!base.channel -"
#define TOLD_IS(event, by, existing, ...)                            \
    told_is(event, by, existing, (const char *const[]){__VA_ARGS__}, \
        LENGTH(((const char *const[]){__VA_ARGS__})))

static void
a_ticket_is_told_by_all_its_names_the_best_one_first(void **state)
{
    struct event event = {.type = EVENT_TASK_COMPLETED,
        .ticket = KD,
        .task_sid = WT,
        .conversation_sid = CH,
        .interaction_sid = KD,
        .channel = CHANNEL_SMS,
        .wait_s = 20};
    struct rules per_task = rules;

    (void)state;
    per_task.ticket_per_task = true;
    TOLD_IS(&event, &rules, "{'listIds':[32,33]}", NO_BASE, "!list.32 ", "!list.33 ",
        "+last ", "#ticket/" KD "|" WT " sms", "+channel.sms ", "$wait/" KD "|" WT " 20");
    TOLD_IS(&event, &per_task, "{}", NO_BASE, "+last ", "#ticket/" WT " sms",
        "+channel.sms ", "$wait/" WT " 20");
    event.ticket = "of|two|names";
    event.channel = CHANNEL_UNKNOWN;
    event.wait_s = -1;
    TOLD_IS(&event, &rules, "{}", NO_BASE, "+last ",
        "#ticket/of\x1ftwo\x1fnames|" WT "|" KD " ");
}

/* It says only its conversation; which interaction that was its ticket's tasks have told. */
static void
an_end_is_of_the_ticket_by_what_its_tasks_told(void **state)
{
    const struct event led = {.type = EVENT_CONVERSATION_ENDED,
        .ticket = "matter-1",
        .conversation_sid = CH,
        .told_interaction = KD,
        .wait_s = -1};
    const struct event alone = {.type = EVENT_CONVERSATION_ENDED,
        .ticket = CH,
        .conversation_sid = CH,
        .wait_s = -1};

    (void)state;
    TOLD_IS(&led, &rules, "{}", NO_BASE, "+last ", "#ticket/matter-1|" KD " ");
    TOLD_IS(&alone, &rules, "{}", NO_BASE, "+last ", "#ticket/" CH " ");
}

static void
surveys_and_messages_are_no_support(void **state)
{
    AUTO(payload_release) json_t *none = json_object();
    struct event event = {.type = EVENT_SURVEY_COMPLETED,
        .ticket = KD,
        .payload = none,
        .score = 9,
        .score_max = 10};

    (void)state;
    TOLD_IS(&event, &rules, "{}", NO_BASE, "+csat 9/10");
    event.is_other_kind = true;
    TOLD_IS(&event, &rules, "{}", NO_BASE);
    event.type = EVENT_MESSAGE_FAILED;
    TOLD_IS(&event, &rules, "{}", NO_BASE);
}

static void
what_brevo_has_is_told_as_far_as_it_can_be_read(void **state)
{
    static const struct {
        const char *attributes;
        const char *base[3];
    } cases[] = {
        {"{}", {NO_BASE}},
        {"{'SUPPORT_TICKET_COUNT':12,'AVG_WAIT_TIME':30.5,'PREFERRED_CHANNEL':'Voice'}",
            {"!base.count 12", "!base.wait 31", "!base.channel voice"}},
        {"{'SUPPORT_TICKET_COUNT':' 12 ','AVG_WAIT_TIME':'30.4',"
         "'PREFERRED_CHANNEL':' Video call '}",
            {"!base.count 12", "!base.wait 30", "!base.channel Video call"}},
        {"{'SUPPORT_TICKET_COUNT':'12 or so','AVG_WAIT_TIME':-1,'PREFERRED_CHANNEL':2}",
            {NO_BASE}},
        {"{'SUPPORT_TICKET_COUNT':1e300,'AVG_WAIT_TIME':'nan','PREFERRED_CHANNEL':''}",
            {NO_BASE}},
        {"{'SUPPORT_TICKET_COUNT':null,'AVG_WAIT_TIME':true,'PREFERRED_CHANNEL':null}",
            {NO_BASE}},
    };
    const struct event event = {.type = EVENT_MESSAGE_FAILED};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char existing[512];

        (void)snprintf(
            existing, sizeof existing, "{'attributes':%s}", cases[i].attributes);
        told_is(&event, &rules, existing, cases[i].base, LENGTH(cases[i].base));
    }
}

/* Of the five lines of field_mapping those whose bit is set. */
static struct rules
rules_with(unsigned lines)
{
    struct rules some = rules;

    some.field_count = 0;
    for (size_t i = 0; i < rules.field_count; i++) {
        if ((lines & (1U << i)) != 0) {
            some.fields[some.field_count++] = rules.fields[i];
        }
    }
    return some;
}

static void
what_is_not_mapped_is_not_told(void **state)
{
    static const char existing[] =
        "{'attributes':{'SUPPORT_TICKET_COUNT':12,'AVG_WAIT_TIME':30}}";
    const struct event event = {.type = EVENT_SURVEY_COMPLETED, .score_max = 5};
    const struct rules none = rules_with(0);
    const struct rules only_wait = rules_with(1 << 2);

    (void)state;
    TOLD_IS(&event, &none, existing, "+csat 0/5");
    TOLD_IS(&event, &only_wait, existing, "!base.wait 30", "+csat 0/5");
}

/* Whichever lines the first event finds, and whichever are taken out again. */
static void
what_brevo_had_counts_whenever_its_line_is_added(void **state)
{
    struct word story[WORDS_MAX] = {0};
    const size_t count = read_story(
        "A.completed@1:sms:wait=69 B.completed@2:sms:wait=69 C.completed@3:sms:wait=69",
        story);

    (void)state;
    for (unsigned lines = 0; lines < 1U << rules.field_count; lines++) {
        static struct history_says says[WORDS_MAX];
        const struct rules some = rules_with(lines);
        const struct rules *by[] = {&some, &rules, &some};
        AUTO(payload_release)
        json_t *contact = contact_of("tickets=12 wait=30 channel=voice");
        struct facts known = {0};
        char then[CELL_SIZE];

        for (size_t i = 0; i < count; i++) {
            assert_true(deliver(&story[i], by[i], contact, &known, &says[i]) >= 0);
        }
        assert_true(deliver(&story[0], &rules, contact, &known, &says[count]) >= 0);
        describe(contact, then);
        assert_string_equal(then, "date=2026-01-03 tickets=15 wait=38 channel=voice");
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(story[i].payload);
    }
}

static void
a_list_once_joined_is_not_joined_again(void **state)
{
    const struct event event = {.type = EVENT_MESSAGE_FAILED};
    AUTO(payload_release) json_t *member = json_of("{'listIds':[7,32]}");
    AUTO(payload_release)
    json_t *taken_out = json_of("{'listIds':[7],'listUnsubscribed':null}");
    AUTO(payload_release)
    json_t *contact = json_of("{'email':'a@example.com','listIds':[32]}");
    struct history_says says;
    struct facts known = {0};

    (void)state;
    TOLD_IS(&event, &rules, "{'listIds':[7,32],'listUnsubscribed':[33]}", NO_BASE,
        "!list.32 ", "!list.33 ");
    history_read(&event, &rules, member, &says);
    for (size_t i = 0; i < says.fact_count; i++) {
        facts_add(&known, says.facts[i]);
    }
    assert_true(history_recall(taken_out, &known));
    assert_json(taken_out, "{'listIds':[7],'listUnsubscribed':[32]}");
    assert_true(request_contact_reduce(contact, taken_out)); /* its address is news */
    assert_null(json_object_get(contact, "listIds"));
}

/* Whatever was lost here, or written by others meanwhile. */
static void
counts_and_dates_are_never_lowered(void **state)
{
    static const struct {
        const char *existing;
        const char *written;
    } cases[] = {
        {"{'SUPPORT_TICKET_COUNT':1,'LAST_SUPPORT_DATE':'2026-01-01'}", "{}"},
        {"{'SUPPORT_TICKET_COUNT':15,'LAST_SUPPORT_DATE':'2026-01-02T00:00:00.000Z'}",
            "{}"},
        {"{'SUPPORT_TICKET_COUNT':'15','LAST_SUPPORT_DATE':'2027'}",
            "{'attributes':{'LAST_SUPPORT_DATE':'2026-01-01'}}"},
        {"{'SUPPORT_TICKET_COUNT':'0','LAST_SUPPORT_DATE':'2025-12-31'}",
            "{'attributes':{'LAST_SUPPORT_DATE':'2026-01-01','SUPPORT_TICKET_COUNT':1}}"},
    };
    const struct event event = {.type = EVENT_TASK_CREATED,
        .ticket = KD,
        .task_sid = WT,
        .date_ms = noon_ms,
        .wait_s = -1};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(payload_release) json_t *body = json_object();
        AUTO(payload_release)
        json_t *existing = json_pack("{s:o}", "attributes", json_of(cases[i].existing));
        struct history_says says;
        struct facts known = {0};

        history_read(&event, &rules, NULL, &says);
        for (size_t j = 0; j < says.fact_count; j++) {
            facts_add(&known, says.facts[j]);
        }
        assert_true(history_write(body, &known, existing, &rules) >= 0);
        assert_json(body, cases[i].written);
    }
}

static void
writes_no_identifier_and_nothing_that_is_no_attribute(void **state)
{
    const struct rules hostile = {
        .fields = {{"last_conversation_date", "EMAIL"}, {"total_conversations", "SMS"},
            {"last_csat_score", "csat score"}, {"preferred_channel", "EXT_ID"}},
        .field_count = 4,
        .sync_customers = true,
        .csat_scale = 5,
    };
    const struct event event = {.type = EVENT_TASK_CREATED,
        .ticket = KD,
        .task_sid = WT,
        .channel = CHANNEL_SMS,
        .date_ms = noon_ms,
        .wait_s = -1};
    AUTO(payload_release) json_t *contact = json_of("{'email':'a@example.com'}");

    (void)state;
    assert_int_equal(history_alone(&event, &hostile, contact), 0);
    assert_json(contact, "{'email':'a@example.com'}");
}

static void
an_event_alone_says_what_a_new_contact_gets(void **state)
{
    AUTO(payload_release) json_t *payload = json_object();
    const struct event event = {.type = EVENT_TASK_COMPLETED,
        .ticket = KD,
        .task_sid = WT,
        .channel = CHANNEL_WHATSAPP,
        .date_ms = noon_ms,
        .wait_s = 42,
        .payload = payload,
        .customer = {.email = "a@example.com"}};
    AUTO(payload_release) json_t *contact = history_contact_alone(&event, &rules);

    (void)state;
    assert_json(contact,
        "{'updateEnabled':true,'email':'a@example.com','listIds':[32],'attributes':"
        "{'LAST_SUPPORT_DATE':'2026-01-01','SUPPORT_TICKET_COUNT':1,'AVG_WAIT_TIME':42,"
        "'PREFERRED_CHANNEL':'whatsapp'}}");
}

static void
what_an_event_alone_may_carry_is_not_said_of_the_contact(void **state)
{
    AUTO(payload_release) json_t *payload = json_object();
    struct event event = {.type = EVENT_TASK_CREATED,
        .ticket = KD,
        .date_ms = noon_ms,
        .wait_s = -1,
        .payload = payload};
    struct rules carrying = rules;
    AUTO(payload_release) json_t *contact = json_object();
    AUTO(payload_release) json_t *request = json_object();

    (void)state;
    carrying.contact_properties = true;
    assert_true(history_alone_said(&event, &carrying, contact, request));
    assert_json(contact, "{}");
    assert_json(request, "{'contact_properties':{'LAST_SUPPORT_DATE':'2026-01-01',"
                         "'SUPPORT_TICKET_COUNT':1}}");
    assert_true(history_alone_said(&event, &carrying, contact, NULL));
    assert_json(contact, "{'attributes':{'LAST_SUPPORT_DATE':'2026-01-01',"
                         "'SUPPORT_TICKET_COUNT':1}}");
}

static void
a_score_is_written_with_the_digits_it_has(void **state)
{
    AUTO(payload_release) json_t *payload = json_object();
    const struct event event = {
        .type = EVENT_SURVEY_COMPLETED, .payload = payload, .score = 1, .score_max = 3};
    AUTO(payload_release) json_t *body = json_object();

    (void)state;
    assert_int_equal(history_alone(&event, &rules, body), 1);
    char *text = json_dumps(body, REQUEST_DUMP);

    assert_string_equal(text, "{\"attributes\":{\"CSAT_SCORE\":1.67}}");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_told_by_all_its_names_the_best_one_first),
        cmocka_unit_test(an_end_is_of_the_ticket_by_what_its_tasks_told),
        cmocka_unit_test(surveys_and_messages_are_no_support),
        cmocka_unit_test(what_brevo_has_is_told_as_far_as_it_can_be_read),
        cmocka_unit_test(what_is_not_mapped_is_not_told),
        cmocka_unit_test(what_brevo_had_counts_whenever_its_line_is_added),
        cmocka_unit_test(a_list_once_joined_is_not_joined_again),
        cmocka_unit_test(counts_and_dates_are_never_lowered),
        cmocka_unit_test(writes_no_identifier_and_nothing_that_is_no_attribute),
        cmocka_unit_test(an_event_alone_says_what_a_new_contact_gets),
        cmocka_unit_test(what_an_event_alone_may_carry_is_not_said_of_the_contact),
        cmocka_unit_test(a_score_is_written_with_the_digits_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
