/*
 * test_mapping_side.c - recorded events, judged by what all of them tell; and what is kept of that.
 */
#include <string.h>

#include "server/cli/mapping_side.h"
#include "server/deliver/telling.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"
#include "tests/unit/unit.h"

static struct fact
fact(const char *name, int64_t rank, const char *text)
{
    return (struct fact){.name = slice_of(name), .rank = rank, .text = slice_of(text)};
}

/* ---- facts in memory ------------------------------------------------------------------------- */

static void
tell(struct fact_store *store, const char *subject, struct fact told, struct facts *ret)
{
    struct queue_facts item = {.subject = slice_of(subject), .facts = &told, .count = 1};

    assert_int_equal(fact_store_merge(store, &item, 1), QUEUE_OK);
    *ret = item.all;
}

static void
assert_known(const struct facts *facts, const char *name, int64_t rank, const char *text)
{
    const struct fact *known = facts_find(facts, slice_of(name));

    assert_non_null(known);
    assert_int_equal(known->rank, rank);
    assert_true(slice_is(known->text, text));
}

static void
each_subject_keeps_what_its_facts_rules_say(void **state)
{
    AUTO(fact_store_done) struct fact_store store = {.subjects_max = 9};
    char text[] = "first";

    (void)state;
    for (int i = 0; i < 2; i++) { /* again, it is the same */
        AUTO(telling_done) struct facts one = {0};
        AUTO(telling_done) struct facts other = {0};
        AUTO(telling_done) struct facts both = {0};

        tell(&store, "a", fact("-name", 2, text), &one);
        tell(&store, "b", fact("-name", 5, "other"), &other);
        tell(&store, "a", fact("-name", 3, "later"), &both);
        assert_int_equal(both.count, 1);
        assert_known(&both, "-name", 2, "first");
        assert_known(&other, "-name", 5, "other");
    }
    memset(text, 'x', sizeof text - 1); /* what was told was copied */
    AUTO(telling_done) struct facts all = {0};

    tell(&store, "a", fact("+last", 7, ""), &all);
    assert_int_equal(all.count, 2);
    assert_known(&all, "-name", 2, "first");
    assert_known(&all, "+last", 7, "");
    assert_int_equal(store.subjects, 2);
    assert_int_equal(store.left_out, 0);
}

static void
where_there_is_no_room_is_told_and_counted(void **state)
{
    AUTO(fact_store_done) struct fact_store store = {.subjects_max = 1};
    AUTO(telling_done) struct facts known = {0};
    AUTO(telling_done) struct facts unknown = {0};
    AUTO(telling_done) struct facts more = {0};

    (void)state;
    tell(&store, "a", fact("-name", 1, "a"), &known);
    tell(&store, "b", fact("-name", 1, "b"), &unknown);
    assert_known(&unknown, "-name", 1, "b");
    assert_int_equal(store.left_out, 1);
    tell(&store, "a", fact("-more", 1, ""), &more); /* which is known goes on */
    assert_int_equal(more.count, 2);
    assert_int_equal(store.left_out, 1);
    assert_int_equal(store.subjects, 1);
}

/* ---- events ---------------------------------------------------------------------------------- */

#define ENDED "conversation.ended/" CONVERSATION
#define CREATED "task.created/" TASK

#define ENDED_JSON                                                         \
    "{'event_type':'conversation.ended','conversation_sid':'" CONVERSATION \
    "','account_sid':'AC01','date_ms':1767225600123}"
#define CREATED_JSON                                                                   \
    "{'event_type':'task.created','task_sid':'" TASK "','account_sid':'AC01',"         \
    "'workspace_sid':'WS01','date_ms':1767225600123,'task_channel_unique_name':'sms'," \
    "'task_attributes':{'email':'ana@example.com','conversationSid':'" CONVERSATION    \
    "'}}"

static void
an_end_is_judged_by_the_task_that_another_record_told_of(void **state)
{
    const size_t rooms[] = {100, 0};
    const char *const doubts[] = {NULL, "no_room"};

    (void)state;
    for (size_t i = 0; i < LENGTH(rooms); i++) {
        AUTO(mapping_side_done) struct mapping_side side;
        const struct config config = {.rules = rules};
        struct mapping_judgement judgement;
        AUTO(payload_release) json_t *end = json_of(ENDED_JSON);
        AUTO(payload_release) json_t *task = json_of(CREATED_JSON);
        const struct mapping_record ended = {ENDED, end, received_ms};
        const struct mapping_record created = {CREATED, task, received_ms};

        mapping_side_init(&side, &config, received_ms);
        side.told.subjects_max = rooms[i];
        assert_int_equal(mapping_side_tell(&side, &ended), 0);
        assert_int_equal(mapping_side_tell(&side, &created), 0);
        assert_int_equal(mapping_side_judge(&side, &ended, &judgement), 0);
        assert_int_equal(
            judgement.job.reading.verdict, rooms[i] > 0 ? EVENT_DELIVER : EVENT_FILTERED);
        if (doubts[i] == NULL) {
            assert_null(judgement.doubt);
        } else {
            assert_string_equal(judgement.doubt, doubts[i]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_subject_keeps_what_its_facts_rules_say),
        cmocka_unit_test(where_there_is_no_room_is_told_and_counted),
        cmocka_unit_test(an_end_is_judged_by_the_task_that_another_record_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
