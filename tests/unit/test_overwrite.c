/*
 * test_overwrite.c - fields that overwrite: what is told of them, what is written, and when memory is doubted.
 *
 * Orders and repetitions are docs/mapping.md's rows, which test_history.c plays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/overwrite.h"
#include "mapping/profile.h"
#include "tests/unit/json_of.h"

enum {
    AT_MS = 1000,
    LATER_MS = 300,
};

static const struct rules rules = {
    .fields = {{"attributes.score", "SCORE"}, {"customer_tier", "VIP_TIER"},
        {"friendly_name", "FIRSTNAME"}},
    .field_count = 3,
    .overwrites = {true, true, false},
    .sync_customers = true,
};

/* An event, what it says, and all that is known then. */
struct telling {
    json_t *payload;
    struct event event;
    struct history_says says;
};

static void
telling_done(struct telling *telling)
{
    json_decref(telling->payload);
}

static void
tell(struct telling *telling, enum event_type type, int64_t date_ms,
    const char *attributes, const struct rules *by)
{
    telling->payload = json_pack("{s:o}", "task_attributes", json_of(attributes));
    telling->event = (struct event){.type = type,
        .told_ms = date_ms,
        .date_ms = date_ms,
        .payload = telling->payload,
        .wait_s = -1};
    telling->says = (struct history_says){0};
    overwrite_read(&telling->event, by, &telling->says);
}

static void
hear(const struct telling *telling, struct facts *known)
{
    for (size_t i = 0; i < telling->says.fact_count; i++) {
        facts_add(known, telling->says.facts[i]);
    }
}

static void
tells_the_value_and_when(void **state)
{
    AUTO(telling_done) struct telling told;

    (void)state;
    tell(&told, EVENT_TASK_COMPLETED, AT_MS,
        "{'customer_tier':'gold  1','score':1.5,'name':'Ana'}", &rules);
    assert_int_equal(told.says.fact_count, 2);
    assert_true(slice_is(told.says.facts[0].name, "+field.SCORE"));
    assert_true(slice_is(told.says.facts[0].text, "j1.5"));
    assert_true(slice_is(told.says.facts[1].name, "+field.VIP_TIER"));
    assert_true(slice_is(told.says.facts[1].text, "tgold  1"));
    assert_int_equal(told.says.facts[1].rank, AT_MS);
    assert_true(overwrite_is_told(&told.event, &rules));
    AUTO(payload_release) json_t *shown = overwrite_to_json(&told.event, &rules);

    assert_json(shown, "{'SCORE':'always','VIP_TIER':'always'}");
}

static void
a_wait_and_an_answer_tell_what_their_bytes_told_then(void **state)
{
    static const enum event_type types[] = {EVENT_TASK_WAITING, EVENT_SURVEY_COMPLETED};

    (void)state;
    for (size_t i = 0; i < LENGTH(types); i++) {
        AUTO(telling_done) struct telling told;

        tell(&told, types[i], AT_MS, "{'customerTier':'gold'}", &rules);
        told.event.date_ms = AT_MS + LATER_MS; /* when it was long, by another answer */
        told.says = (struct history_says){0};
        overwrite_read(&told.event, &rules, &told.says);
        assert_int_equal(told.says.fact_count, 1);
        assert_int_equal(told.says.facts[0].rank, AT_MS);
    }
}

/* No event, no customers, no option, no value; whatever rules say of what identifies. */
static void
tells_nothing_of_other_fields(void **state)
{
    static const char tier[] = "{'customer_tier':'gold','x':'x'}";
    struct rules off = rules;
    struct rules fill = rules;
    const struct rules hostile = {
        .fields = {{"attributes.x", "SMS"}, {"attributes.x", "EMAIL"},
            {"attributes.x", "email"}, {"total_conversations", "N"}},
        .field_count = 4,
        .overwrites = {true, true, true, true},
        .sync_customers = true,
    };
    const struct {
        enum event_type type;
        const char *attributes;
        const struct rules *by;
    } cases[] = {
        {EVENT_TYPE_COUNT, tier, &rules},
        {EVENT_TASK_COMPLETED, tier, &off},
        {EVENT_TASK_COMPLETED, tier, &fill},
        {EVENT_TASK_COMPLETED, "{'name':'Ana','customer_tier':' ','score':null}", &rules},
        {EVENT_TASK_COMPLETED, tier, &hostile},
    };

    (void)state;
    off.sync_customers = false;
    fill.overwrites[1] = false;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(telling_done) struct telling told;

        tell(&told, cases[i].type, AT_MS, cases[i].attributes, cases[i].by);
        assert_int_equal(told.says.fact_count, 0);
        assert_false(overwrite_is_told(&told.event, cases[i].by));
        assert_null(overwrite_to_json(&told.event, cases[i].by));
    }
}

static void
the_longest_text_is_kept_whole_and_more_fields_than_may_be_are_left_out(void **state)
{
    static char text[2 * PROFILE_TEXT_MAX];
    struct rules many = {.field_count = RULES_FIELDS_MAX, .sync_customers = true};
    AUTO(telling_done) struct telling told;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < RULES_FIELDS_MAX; i++) {
        many.fields[i] = (struct rules_field){"attributes.x", "X"};
        many.overwrites[i] = true;
    }
    AUTO(payload_release) json_t *attributes = json_pack("{s:s}", "x", text);
    char *dumped = json_dumps(attributes, 0);

    tell(&told, EVENT_TASK_CREATED, AT_MS, dumped, &many);
    free(dumped);
    assert_int_equal(told.says.fact_count, RULES_OVERWRITES_MAX);
    assert_int_equal(told.says.facts[0].text.size, PROFILE_TEXT_MAX + 1);
    assert_true(fact_is_kept(&told.says.facts[0]));
}

/* What Brevo has, what the event tells, and what is written then. */
static void
writes_what_brevo_has_not(void **state)
{
    static const struct {
        const char *existing;
        const char *told;
        const char *written;
    } cases[] = {
        {"{}", "{'customer_tier':'gold'}", "{'VIP_TIER':'gold'}"},
        {"{'VIP_TIER':''}", "{'customer_tier':'gold'}", "{'VIP_TIER':'gold'}"},
        {"{'VIP_TIER':'gold'}", "{'customer_tier':'gold'}", "null"},
        {"{'VIP_TIER':'Gold'}", "{'customer_tier':'gold'}", "{'VIP_TIER':'gold'}"},
        {"{'VIP_TIER':42}", "{'customer_tier':42}", "null"},
        {"{'SCORE':'1.5'}", "{'score':1.5}", "null"},
        {"{'SCORE':2.0}", "{'score':2}", "null"},
        {"{'SCORE':true}", "{'score':true}", "null"},
        {"{'SCORE':'true'}", "{'score':true}", "null"},
        {"{'SCORE':true}", "{'score':'true'}", "null"},
        {"{'SCORE':['a']}", "{'score':'a'}", "{'SCORE':'a'}"},
        {"{'SCORE':null}", "{'score':'null'}", "{'SCORE':'null'}"},
        {"{'SCORE':'old'}", "{'score':2}", "{'SCORE':2}"},
        {"{'SCORE':'old'}", "{'score':false}", "{'SCORE':false}"},
        {"{'FIRSTNAME':'Ana','SCORE':1}", "{'name':'Bea'}", "null"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(telling_done) struct telling told;
        AUTO(payload_release) json_t *body = json_object();
        AUTO(payload_release)
        json_t *existing = json_pack("{s:o}", "attributes", json_of(cases[i].existing));
        const bool is_news = strcmp(cases[i].written, "null") != 0;
        struct facts known = {0};

        tell(&told, EVENT_TASK_COMPLETED, AT_MS, cases[i].told, &rules);
        hear(&told, &known);
        assert_int_equal(
            overwrite_write(body, &told.event, &known, existing, &rules), is_news);
        if (is_news) {
            assert_json(json_object_get(body, "attributes"), cases[i].written);
        } else {
            assert_int_equal(json_object_size(body), 0);
        }
    }
}

/* A worker that wrote an older value over a newer one writes that again. */
static void
who_told_an_older_value_writes_the_newer_one(void **state)
{
    AUTO(telling_done) struct telling older;
    AUTO(telling_done) struct telling newer;
    AUTO(payload_release)
    json_t *existing = json_of("{'attributes':{'VIP_TIER':'gold'}}");
    AUTO(payload_release) json_t *body = json_object();
    struct facts known = {0};

    (void)state;
    tell(&older, EVENT_TASK_CREATED, AT_MS, "{'customer_tier':'gold'}", &rules);
    tell(&newer, EVENT_TASK_CREATED, AT_MS + 1, "{'customer_tier':'Ruby'}", &rules);
    hear(&newer, &known);
    hear(&older, &known);
    assert_int_equal(overwrite_write(body, &older.event, &known, existing, &rules), 1);
    assert_json(body, "{'attributes':{'VIP_TIER':'Ruby'}}");
}

static void
what_there_was_no_room_for_is_written_all_the_same(void **state)
{
    AUTO(telling_done) struct telling told;
    AUTO(payload_release) json_t *body = json_object();
    const struct facts nothing = {0};

    (void)state;
    tell(&told, EVENT_TASK_CREATED, AT_MS, "{'customer_tier':'gold'}", &rules);
    assert_int_equal(overwrite_write(body, &told.event, &nothing, NULL, &rules), 1);
    assert_json(body, "{'attributes':{'VIP_TIER':'gold'}}");
}

static void
is_taken_out_of_what_fills_gaps(void **state)
{
    AUTO(payload_release)
    json_t *contact = json_of("{'attributes':{'VIP_TIER':'gold','FIRSTNAME':'Ana'}}");
    AUTO(payload_release) json_t *alone = json_of("{'email':'a@example.com'}");

    (void)state;
    overwrite_hold(contact, &rules);
    assert_json(contact, "{'attributes':{'FIRSTNAME':'Ana'}}");
    overwrite_hold(alone, &rules);
    assert_json(alone, "{'email':'a@example.com'}");
}

/* Remembered, known before, told now: whether Brevo is to be asked. */
static void
memory_is_doubted_where_another_value_was_told_meanwhile(void **state)
{
    static const struct {
        const char *remembered;
        const char *before; /* NULL: nobody told any */
        const char *told;
        bool doubted;
    } cases[] = {
        {"gold", "gold", "gold", false},
        {"gold", NULL, "gold", false},
        {"gold", "ruby", "gold", true},
        {"gold", "gold", "ruby", false}, /* it is written anyway */
        {"gold", "ruby", "ruby", false},
        {"gold", "ruby", "iron", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(telling_done) struct telling told;
        AUTO(payload_release)
        json_t *existing =
            json_pack("{s:{s:s}}", "attributes", "VIP_TIER", cases[i].remembered);
        AUTO(payload_release)
        json_t *attributes = json_pack("{s:s}", "customer_tier", cases[i].told);
        char *dumped = json_dumps(attributes, 0);
        char text[HISTORY_TEXT_SIZE];
        struct facts before = {0};
        struct facts known = {0};

        if (cases[i].before != NULL) {
            (void)snprintf(text, sizeof text, "t%s", cases[i].before);
            facts_add(&before,
                (struct fact){slice_of("+field.VIP_TIER"), slice_of(text), AT_MS});
        }
        tell(&told, EVENT_TASK_CREATED, AT_MS + 1, dumped, &rules);
        free(dumped);
        hear(&told, &known);
        assert_int_equal(
            overwrite_is_doubtful(&told.event, &before, &known, existing, &rules),
            cases[i].doubted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_value_and_when),
        cmocka_unit_test(a_wait_and_an_answer_tell_what_their_bytes_told_then),
        cmocka_unit_test(tells_nothing_of_other_fields),
        cmocka_unit_test(
            the_longest_text_is_kept_whole_and_more_fields_than_may_be_are_left_out),
        cmocka_unit_test(writes_what_brevo_has_not),
        cmocka_unit_test(who_told_an_older_value_writes_the_newer_one),
        cmocka_unit_test(what_there_was_no_room_for_is_written_all_the_same),
        cmocka_unit_test(is_taken_out_of_what_fills_gaps),
        cmocka_unit_test(memory_is_doubted_where_another_value_was_told_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
