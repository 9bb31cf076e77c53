/*
 * test_config_extractors.c - `csat.extractors`: what it may say, and where it is told what is wrong.
 */
#include <stdio.h>

#include "mapping/payload.h"
#include "server/config/config_print.h"
#include "tests/unit/config_fixture.h"
#include "tests/unit/json_of.h"

#define LINES "csat:\n  extractors:\n"
#define KEY ": csat.extractors"

static void
without_one_a_survey_is_what_flex_insights_calls_so(void **state)
{
    (void)state;
    AUTO(config_done) struct config config = load(NULL);
    const struct rules *rules = &config.rules;
    AUTO(payload_release) json_t *printed = config_to_json(&config);

    assert_int_equal(rules->csat_settle_ms, 600000);
    assert_int_equal(rules->csat_queue_wait_ms, 60000);
    assert_int_equal(rules->extractor_count, 1);
    assert_json(json_object_get(json_object_get(printed, "csat"), "extractors"),
        "[{'in':'survey_task','attribute':'conversations.kind=Survey',"
        "'score':'conversations.conversation_measure_1','scale':5}]");
}

static void
each_replaces_the_default_and_is_printed_as_it_was_written(void **state)
{
    static const struct {
        const char *written;
        const char *printed;
    } cases[] = {
        {"[]", "[]"},
        {"[{in: endpoint}]", "[{'in':'endpoint'}]"},
        {"[{in: support_task, score: rating, kind: nps, survey_id: q-1.a}]",
            "[{'in':'support_task','score':'rating','survey_id':'q-1.a','kind':'nps'}]"},
        {"[{scale: ' 1 - 10 ', queue: After call, comment: c.d, in: survey_task, "
         "workflow: WW01, channel: Voice, score: a.b},{in: endpoint, score: stars}]",
            "[{'in':'survey_task','workflow':'WW01','queue':'After call','channel':"
            "'voice','score':'a.b','scale':'1-10','comment':'c.d'},"
            "{'in':'endpoint','score':'stars'}]"},
        {"[{in: survey_task, attribute: 'a = b=c', score: a}]",
            "[{'in':'survey_task','attribute':'a=b=c','score':'a'}]"},
        {"[{in: survey_task, attribute: a.b, score: a}]",
            "[{'in':'survey_task','attribute':'a.b','score':'a'}]"},
        /* as field_mapping has it */
        {"[{in: survey_task, attribute: attributes.a=b, score: attributes.c.d, "
         "comment: attributes.E}]",
            "[{'in':'survey_task','attribute':'a=b','score':'c.d','comment':'E'}]"},
        {"[{in: endpoint, score: attributes.stars, comment: attributes.Text}]",
            "[{'in':'endpoint','score':'stars','comment':'attributes.Text'}]"},
        {"[{in: endpoint, attribute: attributes.Form=s, score: My.Stars}]",
            "[{'in':'endpoint','attribute':'attributes.Form=s','score':'My.Stars'}]"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char text[512];

        (void)snprintf(text, sizeof text, "csat: {extractors: %s}\n", cases[i].written);
        AUTO(config_done) struct config config = load(text);
        AUTO(payload_release) json_t *printed = config_to_json(&config);

        assert_json(json_object_get(json_object_get(printed, "csat"), "extractors"),
            cases[i].printed);
    }
}

static void
what_is_wrong_is_told_with_its_place(void **state)
{
    static const struct refusal refusals[] = {
        {"csat: {extractors: all}\n",
            "not a list of maps: c.yaml:1:20" KEY
            " (write a list of maps: `- name: value` and more such lines below it)"},
        {LINES "    - all\n",
            "not a list of maps: c.yaml:3:7" KEY
            " (write a list of maps: `- name: value` and more such lines below it)"},
        {LINES "    - score: a\n",
            "an extractor does not say what it looks in: c.yaml:3:7" KEY
            " (say in: survey_task, support_task or endpoint)"},
        {LINES "    - in: task\n      score: a\n",
            "\"task\" is not a place for answers: c.yaml:3:11" KEY
            ".in (expected survey_task, support_task or endpoint)"},
        {LINES "    - in: support_task\n",
            "an extractor does not say where the score is: c.yaml:3:7" KEY
            " (say score: and the path of the attribute)"},
        {LINES "    - in: endpoint\n    - { in: survey_task, score: a }\n",
            "an extractor would take every task for a survey: c.yaml:4:7" KEY
            " (say attribute:, workflow:, queue: or channel:)"},
        {LINES "    - in: support_task\n      skore: a\n",
            "an extractor has no \"skore\": c.yaml:4:7" KEY " (did you mean score?)"},
        {LINES "    - in: support_task\n      points: a\n",
            "an extractor has no \"points\": c.yaml:4:7" KEY
            " (expected in, attribute, workflow, queue, channel, score, scale, comment, "
            "survey_id, kind)"},
        {LINES "    - in: support_task\n      score: {a: b}\n",
            "not a value: c.yaml:4:14" KEY ".score (write one value)"},
        {LINES "    - in: support_task\n      score:\n",
            "\"\" is not a path: c.yaml:4:13" KEY
            ".score (expected one like csat.score)"},
        {LINES "    - { in: support_task, score: a, scale: 5-1 }\n",
            "\"5-1\" is not a scale: c.yaml:3:44" KEY
            ".scale (expected the best score, like 5, or both ends, like 1-5; 1000 at most)"},
        {LINES "    - { in: support_task, score: a, scale: 1001 }\n",
            "\"1001\" is not a scale: c.yaml:3:44" KEY
            ".scale (expected the best score, like 5, or both ends, like 1-5; 1000 at most)"},
        {LINES "    - { in: support_task, score: a, channel: fax }\n",
            "\"fax\" is not a channel: c.yaml:3:46" KEY
            ".channel (expected voice, sms, whatsapp, webchat, email, messenger, video or "
            "other)"},
        {LINES "    - { in: support_task, score: a, survey_id: a/b }\n",
            "\"a/b\" is not a survey's name: c.yaml:3:48" KEY
            ".survey_id (expected 1 to 64 letters, digits, dots, - or _)"},
        {LINES "    - { in: support_task, score: a, attribute: b= }\n",
            "\"b=\" is not an attribute: c.yaml:3:48" KEY
            ".attribute (expected a path, or path=value, like conversations.kind=Survey)"},
        {LINES "    - { in: support_task, in: endpoint }\n",
            "a key is given twice: c.yaml:3:27" KEY ".in (keep one of the two)"},
        {LINES "    - { in: support_task, score: attributes. }\n",
            "\"attributes.\" is not a path: c.yaml:3:34" KEY
            ".score (expected one like csat.score)"},
        {"csat: {settle: 2h}\n",
            "\"2h\" is out of range: c.yaml:1:16: csat.settle (expected 0 to 1h)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
a_field_of_a_post_is_called_as_posts_are_read(void **state)
{
    static const struct refusal refusals[] = {
        {LINES "    - { in: endpoint, attribute: SurveyName=short }\n",
            "no field of a post is called \"SurveyName\": c.yaml:3:34" KEY
            ".attribute (write survey_name, or attributes.SurveyName of its TaskAttributes)"},
        {LINES "    - score: Stars\n      in: endpoint\n",
            "no field of a post is called \"Stars\": c.yaml:3:14" KEY
            ".score (write stars, or attributes.Stars of its TaskAttributes)"},
        {LINES "    - { in: endpoint, comment: myText }\n",
            "no field of a post is called \"myText\": c.yaml:3:32" KEY
            ".comment (write my_text, or attributes.myText of its TaskAttributes)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
none_stands_behind_one_that_always_is_taken_before_it(void **state)
{
#define SHADOWED                                        \
    KEY " (put it before extractor 1, give it more or " \
        "other conditions, or a survey_id of its own)"
#define SHADOWED_POST \
    KEY " (put it before extractor 1, or give it more or other conditions)"
    static const struct refusal refusals[] = {
        {LINES "    - { in: support_task, channel: voice, score: a }\n"
               "    - { in: support_task, channel: voice, score: b }\n",
            "extractor 1 applies whenever this one does: c.yaml:4:7" SHADOWED},
        {LINES "    - { in: support_task, score: a, survey_id: default }\n"
               "    - { in: survey_task, attribute: a=b, score: b }\n",
            "extractor 1 applies whenever this one does: c.yaml:4:7" SHADOWED},
        {LINES "    - { in: survey_task, attribute: a, score: a }\n"
               "    - { in: survey_task, attribute: a=B, queue: q, score: b }\n",
            "extractor 1 applies whenever this one does: c.yaml:4:7" SHADOWED},
        {LINES "    - { in: survey_task, workflow: Ask, score: a }\n"
               "    - { in: survey_task, workflow: ASK, score: b }\n",
            "extractor 1 applies whenever this one does: c.yaml:4:7" SHADOWED},
        {LINES "    - { in: endpoint, score: a }\n"
               "    - { in: endpoint, score: b, attribute: c, survey_id: own }\n",
            "extractor 1 applies whenever this one does: c.yaml:4:7" SHADOWED_POST},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
    AUTO(config_done)
    struct config config =
        load(LINES "    - { in: survey_task, attribute: a=b, score: a }\n"
                   "    - { in: survey_task, attribute: a, score: a }\n"
                   "    - { in: survey_task, attribute: c, score: a }\n"
                   "    - { in: support_task, score: a, survey_id: own }\n"
                   "    - { in: support_task, score: a }\n"
                   "    - { in: endpoint, attribute: c, score: a }\n"
                   "    - { in: endpoint, score: a }\n");

    assert_int_equal(config.rules.extractor_count, 7);
}

static void
there_are_sixteen_at_most(void **state)
{
    AUTO(buffer_done) struct buffer text = {.max = 4096};

    (void)state;
    buffer_add_text(&text, LINES);
    for (int i = 0; i < RULES_EXTRACTORS_MAX; i++) {
        buffer_addf(&text, "    - { in: support_task, score: a, survey_id: s%d }\n", i);
    }
    AUTO(config_done) struct config config = load(text.data);

    assert_int_equal(config.rules.extractor_count, RULES_EXTRACTORS_MAX);
    buffer_add_text(&text, "    - { in: support_task, score: a }\n");
    expect_refusal(
        CONFIG_FOR_RUN, text.data, "too many values: c.yaml:19:7" KEY " (remove some)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(without_one_a_survey_is_what_flex_insights_calls_so),
        CONFIG_TEST(each_replaces_the_default_and_is_printed_as_it_was_written),
        CONFIG_TEST(what_is_wrong_is_told_with_its_place),
        CONFIG_TEST(a_field_of_a_post_is_called_as_posts_are_read),
        CONFIG_TEST(none_stands_behind_one_that_always_is_taken_before_it),
        CONFIG_TEST(there_are_sixteen_at_most),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
