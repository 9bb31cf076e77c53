/*
 * test_event_survey.c - which answers reach Brevo, and as what.
 */
#include <jansson.h>
#include <stdio.h>

#include "mapping/request.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/unit.h"

#define KEY "survey.completed/" TASK "/0123456789abcdef"

static struct rules
rules_with_surveys(void)
{
    struct rules with = rules;

    with.event_names[EVENT_SURVEY_COMPLETED] = "CSAT_SUBMITTED";
    with.sync_csat = true;
    return with;
}

static json_t *
read_survey(const char *changes, struct event_reading *reading)
{
    const struct rules with = rules_with_surveys();
    char text[512];

    (void)snprintf(text, sizeof(text), "{'event_type':'survey.completed',%s}", changes);
    return read_changed(text, &with, KEY, reading);
}

static void
an_answer_is_an_event_of_its_ticket_and_survey(void **state)
{
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload = read_survey("'score':'9','score_max':10,'survey_id':'nps',"
                                  "'comment':'very private','task_attributes':"
                                  "{'email':'ana@example.com','channelType':'sms',"
                                  "'conversations':{'conversation_id':'KD01',"
                                  "'kind':'Survey'}}",
        &reading);
    const struct rules with = rules_with_surveys();
    AUTO(payload_release) json_t *request = request_event(&reading.event, &with);
    const json_t *properties = json_object_get(request, "event_properties");

    (void)state;
    assert_non_null(payload);
    assert_int_equal(reading.verdict, EVENT_DELIVER);
    assert_string_equal(reading.event.effect_key, "survey/KD01/nps");
    assert_string_equal(payload_text(request, "event_name"), "CSAT_SUBMITTED");
    assert_int_equal(json_integer_value(json_object_get(properties, "score")), 9);
    assert_int_equal(json_integer_value(json_object_get(properties, "score_max")), 10);
    assert_string_equal(payload_text(properties, "survey_id"), "nps");
    assert_null(json_object_get(properties, "comment"));
    assert_null(json_object_get(properties, "duration_s"));
}

static void
a_survey_names_its_effect_by_the_best_subject_it_has(void **state)
{
    static const struct {
        const char *subjects;
        const char *effect;
    } cases[] = {
        {"'score':4", "survey/" TASK "/default"},
        {"'score':4,'interaction_sid':'" INTERACTION "'",
            "survey/" INTERACTION "/default"},
        {"'score':4,'interaction_sid':'undefined'", "survey/" TASK "/default"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        AUTO(payload_release) json_t *payload = read_survey(cases[i].subjects, &reading);

        assert_non_null(payload);
        assert_string_equal(reading.event.effect_key, cases[i].effect);
        assert_int_equal(reading.verdict, EVENT_DELIVER);
    }
}

static void
a_survey_of_a_call_or_a_flow_has_that_for_a_ticket(void **state)
{
    static const struct {
        const char *name;
        const char *sid;
    } cases[] = {
        {"conversation_sid", CONVERSATION},
        {"call_sid", "CA0123456789abcdef0123456789abcdef"},
        {"execution_sid", "FN0123456789abcdef0123456789abcdef"},
        {"flow_execution_sid", "FN0123456789abcdef0123456789abcdef"},
    };
    const struct rules with = rules_with_surveys();

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char changes[256];
        char key[96];
        char effect[96];
        struct event_reading reading;

        (void)snprintf(changes, sizeof(changes),
            "{'event_type':'survey.completed','task_sid':null,'score':3,'%s':'%s'}",
            cases[i].name, cases[i].sid);
        (void)snprintf(key, sizeof(key), "survey.completed/%s/0123", cases[i].sid);
        (void)snprintf(effect, sizeof(effect), "survey/%s/default", cases[i].sid);
        AUTO(payload_release)
        json_t *payload = read_changed(changes, &with, key, &reading);

        assert_non_null(payload);
        assert_string_equal(reading.event.effect_key, effect);
        assert_string_equal(reading.event.ticket, cases[i].sid);
    }
}

static void
scores_are_whole_numbers_on_their_scale(void **state)
{
    static const struct {
        const char *answer;
        enum event_verdict verdict;
        const char *reason;
        int64_t score;
        int64_t score_max;
    } cases[] = {
        {"'score':4", EVENT_DELIVER, NULL, 4, 5},
        {"'score':0", EVENT_DELIVER, NULL, 0, 5},
        {"'score':5", EVENT_DELIVER, NULL, 5, 5},
        {"'score':4.0", EVENT_DELIVER, NULL, 4, 5},
        {"'score':' 4 '", EVENT_DELIVER, NULL, 4, 5},
        {"'score':'10','score_max':'10'", EVENT_DELIVER, NULL, 10, 10},
        {"'score':100,'score_max':1000", EVENT_DELIVER, NULL, 100, 1000},
        {"'score':4,'score_max':' '", EVENT_DELIVER, NULL, 4, 5},
        {"'score':9,'kind':'nps'", EVENT_DELIVER, NULL, 9, 10},
        {"'score':9,'kind':' NPS ','score_max':9", EVENT_DELIVER, NULL, 9, 9},
        {"'score':11,'kind':'nps'", EVENT_PARKED, "bad_score", 11, 10},
        {"'score':9,'kind':'csat'", EVENT_PARKED, "bad_score", 9, 5},
        {"'comment':'thanks'", EVENT_FILTERED, "no_answer", -1, -1},
        {"'comment':'thanks','score':' '", EVENT_FILTERED, "no_answer", -1, -1},
        {"'score':6", EVENT_PARKED, "bad_score", 6, 5},
        {"'score':-1", EVENT_PARKED, "bad_score", -1, 5},
        {"'score':4.5", EVENT_PARKED, "bad_score", -1, 5},
        {"'score':'four'", EVENT_PARKED, "bad_score", -1, 5},
        {"'score':'four','comment':'x'", EVENT_PARKED, "bad_score", -1, 5},
        {"'score':true", EVENT_PARKED, "bad_score", -1, 5},
        {"'score':[4]", EVENT_PARKED, "bad_score", -1, 5},
        {"'score':4,'score_max':0", EVENT_PARKED, "bad_score", 4, 0},
        {"'score':4,'score_max':'many'", EVENT_PARKED, "bad_score", 4, -1},
        {"'score':4,'score_max':1001", EVENT_PARKED, "bad_score", 4, 1001},
        {"'score':'99999999999999999999'", EVENT_PARKED, "bad_score", -1, 5},
        {"'score_max':5", EVENT_FILTERED, "no_answer", -1, -1},
        {"'score':'','comment':' '", EVENT_FILTERED, "no_answer", -1, -1},
        {"'score':null", EVENT_FILTERED, "no_answer", -1, -1},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        AUTO(payload_release) json_t *payload = read_survey(cases[i].answer, &reading);

        assert_non_null(payload);
        if (reading.verdict != cases[i].verdict) {
            fail_msg("verdict %d of %s", (int)reading.verdict, cases[i].answer);
        }
        if (cases[i].reason != NULL) {
            assert_string_equal(reading.reason, cases[i].reason);
        }
        assert_int_equal(reading.event.score, cases[i].score);
        assert_int_equal(reading.event.score_max, cases[i].score_max);
    }
}

static void
a_survey_id_is_never_cut(void **state)
{
    static const struct {
        const char *answer;
        enum event_verdict verdict;
        const char *id;
    } cases[] = {
        {"'score':4,'survey_id':7", EVENT_DELIVER, "7"},
        {"'score':4,'survey_id':' '", EVENT_DELIVER, "default"},
        {"'score':4,'survey_id':'"
         "0123456789012345678901234567890123456789012345678901234567890123'",
            EVENT_DELIVER,
            "0123456789012345678901234567890123456789012345678901234567890123"},
        {"'score':4,'survey_id':'"
         "01234567890123456789012345678901234567890123456789012345678901234'",
            EVENT_PARKED, ""},
        {"'score':4,'survey_id':{}", EVENT_PARKED, ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        AUTO(payload_release) json_t *payload = read_survey(cases[i].answer, &reading);

        assert_non_null(payload);
        assert_int_equal(reading.verdict, cases[i].verdict);
        assert_string_equal(reading.event.survey_id, cases[i].id);
    }
}

/* 100 times two bytes, the last of them cut in half by the limit. */
#define LONG_TEXT "x" TEN_N TEN_N TEN_N TEN_N TEN_N TEN_N TEN_N TEN_N TEN_N TEN_N
#define TEN_N \
    "\xC3\xB1\xC3\xB1\xC3\xB1\xC3\xB1\xC3\xB1\xC3\xB1\xC3\xB1\xC3\xB1\xC3\xB1\xC3\xB1"

static void
a_ticket_too_long_for_a_name_is_none_and_the_next_best_is_taken(void **state)
{
    static const char *const tickets[] = {LONG_TEXT, "x" LONG_TEXT};

    (void)state;
    for (size_t i = 0; i < LENGTH(tickets); i++) {
        char changes[512];
        struct event_reading reading;

        (void)snprintf(changes, sizeof(changes),
            "'score':4,'task_attributes':{'conversations':{'conversation_id':'%s'}}",
            tickets[i]);
        AUTO(payload_release) json_t *payload = read_survey(changes, &reading);
        AUTO(payload_release) json_t *shown = event_reading_to_json(&reading);

        assert_non_null(payload);
        assert_non_null(shown);
        assert_string_equal(reading.event.ticket, TASK);
    }
}

static void
anothers_bad_score_is_not_ours_to_look_at(void **state)
{
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload = read_survey("'score':'four','account_sid':'AC02'", &reading);

    (void)state;
    assert_non_null(payload);
    assert_int_equal(reading.verdict, EVENT_FILTERED);
    assert_string_equal(reading.reason, "foreign_account");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_an_event_of_its_ticket_and_survey),
        cmocka_unit_test(a_survey_names_its_effect_by_the_best_subject_it_has),
        cmocka_unit_test(a_survey_of_a_call_or_a_flow_has_that_for_a_ticket),
        cmocka_unit_test(scores_are_whole_numbers_on_their_scale),
        cmocka_unit_test(a_survey_id_is_never_cut),
        cmocka_unit_test(a_ticket_too_long_for_a_name_is_none_and_the_next_best_is_taken),
        cmocka_unit_test(anothers_bad_score_is_not_ours_to_look_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
