/*
 * test_analytics.c - what the end of a task adds to which counters, and what an agent's does.
 */
#include <stdio.h>
#include <string.h>

#include "mapping/analytics.h"
#include "mapping/ticket.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"

enum {
    TOLD_MAX = 6,
    COUNTS_SIZE = 1024,
    KEY_SIZE = 96,
    BEGAN_S = 1767225600, /* 2026-01-01T00:00:00Z */
};

#define AGENT "WK0123456789abcdef0123456789abcdef"
#define OTHER_TASK "WT00000000000000000000000000000002"

struct told {
    const char *type;
    long at_s;           /* from the task's creation on */
    const char *changes; /* of the payload; NULL: none */
};

#define QUEUE "'task_queue_name':'Support ES'"
#define OUTBOUND "'task_attributes':{'direction':'outbound','email':'ana@example.com'}"
#define KIND(kind) "'task_attributes':{'conversations':{'kind':'" kind "'}}"
#define HANGUP "'task_canceled_reason':'hangup'"
#define TIMEOUT "'task_canceled_reason':'Task TTL Exceeded'"
#define OF_OTHER "'task_sid':'" OTHER_TASK "'"

static const struct row {
    const char *says;
    struct told told[TOLD_MAX]; /* the last one is the end in question */
    const char *counts;
} rows[] = {
    {"served: the wait from the queue's entry, the handling up to the wrap-up",
        {{"task.created", 0, NULL}, {"task-queue.entered", 2, NULL},
            {"reservation.accepted", 14, NULL}, {"task.wrapup", 100, NULL},
            {"task.completed", 130, QUEUE}},
        "2026-01-01 | handled sms unknown Support ES=1; wait_20 sms unknown Support ES=1; "
        "wait_ms sms unknown Support ES=12000; handle sms unknown Support ES=1; "
        "handle_ms sms unknown Support ES=86000; wrapup sms unknown Support ES=1; "
        "wrapup_ms sms unknown Support ES=30000; "},
    {"without an entry it waited since its creation, without a wrap-up it was handled to its end",
        {{"task.created", 0, NULL}, {"reservation.accepted", 5, NULL},
            {"task.completed", 65, NULL}},
        "2026-01-01 | handled sms unknown unknown=1; wait_5 sms unknown unknown=1; "
        "wait_ms sms unknown unknown=5000; handle sms unknown unknown=1; "
        "handle_ms sms unknown unknown=60000; "},
    {"who is put into another queue later has waited for the first one",
        {{"reservation.accepted", 1801, NULL}, {"task-queue.entered", 2000, NULL},
            {"task.completed", 3600, QUEUE}},
        "2026-01-01 | handled sms unknown Support ES=1; wait_longer sms unknown Support ES=1; "
        "wait_ms sms unknown Support ES=1801000; handle sms unknown Support ES=1; "
        "handle_ms sms unknown Support ES=1799000; "},
    {"when it was taken nobody told: counted, and not measured",
        {{"task.created", 0, NULL}, {"task.completed", 130, QUEUE}},
        "2026-01-01 | handled sms unknown Support ES=1; "},
    {"when it was taken nobody told, but when it was written up",
        {{"task.wrapup", 100, NULL}, {"task.completed", 130, QUEUE}},
        "2026-01-01 | handled sms unknown Support ES=1; wrapup sms unknown Support ES=1; "
        "wrapup_ms sms unknown Support ES=30000; "},
    {"each task of a ticket waits for itself",
        {{"task.created", 0, OF_OTHER}, {"reservation.accepted", 3, OF_OTHER},
            {"task.created", 0, NULL}, {"reservation.accepted", 50, NULL},
            {"task.completed", 80, NULL}},
        "2026-01-01 | handled sms unknown unknown=1; wait_60 sms unknown unknown=1; "
        "wait_ms sms unknown unknown=50000; handle sms unknown unknown=1; "
        "handle_ms sms unknown unknown=30000; "},
    {"who hung up has abandoned",
        {{"task-queue.entered", 1, NULL}, {"task.canceled", 46, HANGUP}},
        "2026-01-01 | abandoned sms unknown unknown=1; abandon sms unknown unknown=1; "
        "abandon_ms sms unknown unknown=45000; "},
    {"at once: nobody could have come",
        {{"task.created", 0, NULL}, {"task.canceled", 4, HANGUP}},
        "2026-01-01 | short sms unknown unknown=1; "},
    {"since when nobody told: no short one",
        {{"task.canceled", 4, HANGUP ",'task_age':null"}},
        "2026-01-01 | abandoned sms unknown unknown=1; "},
    {"who was served elsewhere, handed on, and hung up there, has abandoned there",
        {{"reservation.accepted", 3, OF_OTHER}, {"task.canceled", 90, HANGUP}},
        "2026-01-01 | abandoned sms unknown unknown=1; abandon sms unknown unknown=1; "
        "abandon_ms sms unknown unknown=90000; "},
    {"nobody came", {{"task.canceled", 3600, TIMEOUT}},
        "2026-01-01 | unserved sms unknown unknown=1; "},
    {"taken back", {{"task.canceled", 60, "'task_canceled_reason':'merged'"}},
        "2026-01-01 | canceled sms unknown unknown=1; "},
    {"outbound: nobody waits",
        {{"reservation.accepted", 9, OUTBOUND}, {"task.completed", 69, OUTBOUND}},
        "2026-01-01 | handled sms outbound unknown=1; handle sms outbound unknown=1; "
        "handle_ms sms outbound unknown=60000; "},
    {"outbound: nobody abandons", {{"task.canceled", 60, HANGUP "," OUTBOUND}},
        "2026-01-01 | canceled sms outbound unknown=1; "},
    {"a callback is not waited for",
        {{"reservation.accepted", 900, NULL}, {"task.completed", 960, KIND("Callback")}},
        "2026-01-01 | handled sms unknown unknown=1; handle sms unknown unknown=1; "
        "handle_ms sms unknown unknown=60000; "},
    {"a voicemail is not given up", {{"task.canceled", 60, HANGUP "," KIND("Voicemail")}},
        "2026-01-01 | canceled sms unknown unknown=1; "},
    {"a callback nobody made", {{"task.canceled", 3600, TIMEOUT "," KIND("Callback")}},
        "2026-01-01 | unserved sms unknown unknown=1; "},
    {"a survey's task is no support", {{"task.completed", 60, KIND("Survey")}}, " | "},
    {"what is of another account is not ours",
        {{"task.completed", 60, "'account_sid':'AC02'"}}, " | "},
    {"a beginning is no end", {{"task.created", 0, NULL}}, " | "},
    {"of nobody we know, by an unknown channel",
        {{"task.completed", 60, "'task_attributes':{},'task_channel_unique_name':null"}},
        "2026-01-01 | handled unknown unknown unknown=1; "},
    {"counted on the day of its end", {{"task.completed", 86400, NULL}},
        "2026-01-02 | handled sms unknown unknown=1; "},
};

static void
write_counts(const struct analytics *analytics, char counts[COUNTS_SIZE])
{
    int size = snprintf(counts, COUNTS_SIZE, "%s | ", analytics->day);

    for (size_t i = 0; i < analytics->count; i++) {
        size += snprintf(counts + size, (size_t)(COUNTS_SIZE - size), "%s=%lld; ",
            analytics->counts[i].name, (long long)analytics->counts[i].value);
    }
}

/* As Twilio tells it, with the age in whole seconds. `key` must stay. */
static json_t *
read_told(const struct told *told, const struct rules *by, char key[KEY_SIZE],
    struct event_reading *reading)
{
    const char *more = told->changes != NULL ? told->changes : "";
    char changes[COUNTS_SIZE];

    (void)snprintf(changes, sizeof(changes),
        "{'event_type':'%s','date_ms':%ld000,'task_age':%ld%s%s}", told->type,
        BEGAN_S + told->at_s, told->at_s, more[0] != '\0' ? "," : "", more);
    (void)snprintf(key, KEY_SIZE, "%s/%s", told->type,
        strstr(more, OTHER_TASK) != NULL ? OTHER_TASK : TASK);
    return read_changed(changes, by, key, reading);
}

static void
count(const struct row *row, const struct rules *by, char counts[COUNTS_SIZE])
{
    json_t *payloads[TOLD_MAX] = {0};
    struct event_reading readings[TOLD_MAX];
    struct ticket_says says[TOLD_MAX];
    char keys[TOLD_MAX][KEY_SIZE];
    struct facts facts = {0};
    struct analytics analytics;
    size_t told = 0;

    for (; told < TOLD_MAX && row->told[told].type != NULL; told++) {
        payloads[told] = read_told(&row->told[told], by, keys[told], &readings[told]);
        ticket_read(&readings[told], payloads[told], by, received_ms, &says[told]);
        for (size_t i = 0; i < says[told].fact_count; i++) {
            facts_add(&facts, says[told].facts[i]);
        }
    }
    analytics_of_task(&readings[told - 1], &facts, by, &analytics);
    write_counts(&analytics, counts);
    for (size_t i = 0; i < told; i++) {
        json_decref(payloads[i]);
    }
}

static void
each_end_of_a_task_adds_what_its_row_says(void **state)
{
    struct rules by = rules;
    size_t wrong = 0;

    (void)state;
    by.ticket_min_wait_ms = 5000;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char counts[COUNTS_SIZE];

        count(&rows[i], &by, counts);
        if (strcmp(counts, rows[i].counts) != 0) {
            print_error("%s: is %s, not %s\n", rows[i].says, counts, rows[i].counts);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void
a_day_is_one_of_the_time_zone(void **state)
{
    static const struct zone west = {.first_s = -3600};
    char day[ANALYTICS_DAY_SIZE];

    (void)state;
    analytics_day((int64_t)BEGAN_S * MS_PER_S, &west, day);
    assert_string_equal(day, "2025-12-31");
}

static void
a_bound_belongs_to_its_bucket(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(analytics_waits_s); i++) {
        for (long more_s = 0; more_s < 2; more_s++) {
            const struct row row = {"",
                {{"reservation.accepted", (long)analytics_waits_s[i] + more_s, NULL},
                    {"task.completed", 7200, NULL}},
                ""};
            char counts[COUNTS_SIZE];
            char expected[32];

            count(&row, &rules, counts);
            (void)snprintf(expected, sizeof(expected), "; %s sms",
                analytics_what_name(
                    (enum analytics_what)(ANALYTICS_WAIT + i + (size_t)more_s)));
            assert_non_null(strstr(counts, expected));
        }
    }
}

/* Nobody remembers all of them; their ends are known all the same. */
static void
of_a_ticket_with_too_many_tasks_each_end_counts(void **state)
{
    static const struct row row = {"", {{"task.completed", 60, QUEUE}}, ""};
    struct facts facts = {0};
    char names[FACTS_MAX][TICKET_NAME_SIZE];
    struct event_reading reading;
    struct analytics analytics;
    char counts[COUNTS_SIZE];
    char key[KEY_SIZE];

    (void)state;
    for (size_t i = 0; i < FACTS_MAX; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "-WT%032zx.created", i);
        facts_add(&facts, (struct fact){.name = slice_of(names[i]), .rank = 1});
    }
    json_t *payload = read_told(&row.told[0], &rules, key, &reading);

    analytics_of_task(&reading, &facts, &rules, &analytics);
    write_counts(&analytics, counts);
    assert_string_equal(counts, "2026-01-01 | handled sms unknown Support ES=1; ");
    json_decref(payload);
}

/* ---- agents -------------------------------------------------------------------------------- */

#define ACTIVITY                                                                     \
    "'event_type':'worker.activity.update','task_sid':null,'worker_sid':'" AGENT     \
    "','worker_name':'mary','worker_activity_name':'Break','date_ms':1767225600000," \
    "'worker_previous_activity_name':'Available'"

static void
count_agent(const char *changes, const struct rules *by, char counts[COUNTS_SIZE])
{
    struct event_reading reading;
    struct analytics analytics;
    AUTO(payload_release)
    json_t *payload = read_changed(changes, by, "worker.activity.update/EV01", &reading);

    assert_non_null(payload);
    analytics_of_agent(&reading.event, by, &analytics);
    write_counts(&analytics, counts);
    if (analytics.agent_name != NULL) {
        (void)snprintf(counts + strlen(counts), COUNTS_SIZE - strlen(counts), "%s is %s",
            analytics.agent, analytics.agent_name);
    }
}

static void
an_agents_time_is_that_of_the_activity_before(void **state)
{
    static const struct {
        const char *changes;
        const char *counts;
    } cases[] = {
        {"{" ACTIVITY ",'worker_time_in_previous_activity':'1312',"
         "'worker_time_in_previous_activity_ms':'1312449'}",
            "2026-01-01 | activity_ms " AGENT " Available=1312449; "},
        {"{" ACTIVITY ",'worker_time_in_previous_activity':1312}",
            "2026-01-01 | activity_ms " AGENT " Available=1312000; "},
        {"{" ACTIVITY ",'worker_time_in_previous_activity':9223372036854775807}", " | "},
        {"{" ACTIVITY ",'worker_time_in_previous_activity_ms':-1}", " | "},
        {"{" ACTIVITY "}", " | "},
        {"{" ACTIVITY ",'worker_sid':'mary','worker_time_in_previous_activity':1}",
            " | "},
        {"{" ACTIVITY ",'account_sid':'AC02','worker_time_in_previous_activity':1}",
            " | "},
        {"{" ACTIVITY
         ",'event_type':'task.updated','worker_time_in_previous_activity':1}",
            " | "},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char counts[COUNTS_SIZE];

        count_agent(cases[i].changes, &rules, counts);
        assert_string_equal(counts, cases[i].counts);
    }
}

static void
an_agents_name_is_kept_only_when_it_is_asked_for(void **state)
{
    struct rules by = rules;
    char counts[COUNTS_SIZE];

    (void)state;
    by.agent = RULES_AGENT_SID;
    count_agent("{" ACTIVITY ",'worker_time_in_previous_activity':1}", &by, counts);
    assert_null(strstr(counts, "mary"));
    by.agent = RULES_AGENT_NAME;
    count_agent("{" ACTIVITY ",'worker_time_in_previous_activity':1}", &by, counts);
    assert_non_null(strstr(counts, AGENT " is mary"));
}

/* ---- names --------------------------------------------------------------------------------- */

static void
a_counters_name_is_read_as_it_was_written(void **state)
{
    struct analytics_name name;

    (void)state;
    assert_true(analytics_name_read(slice_of("wait_ms voice inbound  A  b"), &name));
    assert_int_equal(name.what, ANALYTICS_WAIT_MS);
    assert_true(slice_is(name.channel, "voice") && slice_is(name.direction, "inbound") &&
                slice_is(name.queue, " A  b"));
    assert_true(analytics_name_read(slice_of("activity_ms " AGENT " On a break"), &name));
    assert_int_equal(name.what, ANALYTICS_ACTIVITY_MS);
    assert_true(slice_is(name.agent, AGENT) && slice_is(name.activity, "On a break"));
    for (const char *const *wrong = (const char *const[]){"", "left_out",
             "handled voice inbound", "made up a b c", "activity_ms " AGENT, NULL};
         *wrong != NULL; wrong++) {
        assert_false(analytics_name_read(slice_of(*wrong), &name));
    }
}

static void
the_longest_names_fit_and_are_cut_between_characters(void **state)
{
    char queue[512];
    char counts[COUNTS_SIZE];
    size_t size = 0;

    (void)state;
    while (size + sizeof("\xc3\xa9") < sizeof(queue) - 32) {
        size += (size_t)snprintf(queue + size, sizeof(queue) - size, "%s\xc3\xa9",
            size == 0 ? "'task_queue_name':'x" : "");
    }
    queue[size] = '\'';
    queue[size + 1] = '\0';
    const struct row row = {
        "", {{"reservation.accepted", 1, NULL}, {"task.completed", 60, queue}}, ""};

    count(&row, &rules, counts);
    assert_non_null(strstr(counts, "\xc3\xa9=1; wait_5 sms unknown x\xc3\xa9"));
    assert_non_null(strstr(counts, "handle_ms"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_of_a_task_adds_what_its_row_says),
        cmocka_unit_test(a_day_is_one_of_the_time_zone),
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test(of_a_ticket_with_too_many_tasks_each_end_counts),
        cmocka_unit_test(an_agents_time_is_that_of_the_activity_before),
        cmocka_unit_test(an_agents_name_is_kept_only_when_it_is_asked_for),
        cmocka_unit_test(a_counters_name_is_read_as_it_was_written),
        cmocka_unit_test(the_longest_names_fit_and_are_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
