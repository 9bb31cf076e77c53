/*
 * test_queue_audit.c - the audit says where every record is, finds what does not fit, and puts
 * back what it is asked to, once.
 */
#include <stdio.h>
#include <string.h>

#include "queue/audit.h"
#include "queue/key_set.h"
#include "queue/witness.h"
#include "tests/unit/queue_fixture.h"

#define OTHER "task.completed/WT00000000000000000000000000000002"
#define STREAM "fb:{0}:stream"

static struct buffer told; /* "name key;" and with '!' in between what was repaired */

static void
tell(void *context, const struct queue_finding *finding)
{
    (void)context;
    buffer_addf(&told, "%.*s%s%.*s", (int)finding->name.size, finding->name.data,
        finding->repaired ? "!" : " ", (int)finding->key.size, finding->key.data);
    if (finding->count != 0) {
        buffer_addf(&told, "%lld", (long long)finding->count);
    }
    buffer_add_text(&told, ";");
}

static struct queue_audit
run_audit(bool repair, size_t held)
{
    const struct queue_audit_options options = {
        .held = held, .repair = repair, .finding = tell};
    struct queue_audit audit;

    buffer_clear(&told);
    buffer_add_text(&told, "");
    if (queue_audit(queue, &options, &audit) != QUEUE_OK) {
        fail_msg("queue_audit: %s", queue_error(queue));
    }
    return audit;
}

static int
set_up_audit(void **state)
{
    buffer_init(&told, 1024 * 1024);
    return set_up(state);
}

static int
tear_down_audit(void **state)
{
    buffer_done(&told);
    return tear_down(state);
}

static void
settle_next(enum queue_outcome outcome)
{
    struct queue_record *record = claim_one(queue);

    assert_non_null(record);
    (void)settle_as(queue, record,
        (struct queue_settlement){
            .outcome = outcome, .reason = "why", .delay_ms = 3600 * 1000});
}

/* One record in each place that a worker brings about. */
static void
fill_all_places(void)
{
    static const enum queue_outcome outcomes[] = {
        QUEUE_DELIVERED, QUEUE_FILTERED, QUEUE_DELAYED, QUEUE_PARKED};
    char key[40];

    for (size_t i = 0; i < LENGTH(outcomes); i++) {
        (void)snprintf(key, sizeof(key), "task.completed/WT%zu", i);
        (void)put_one(queue, key, "taskrouter", "signed");
        settle_next(outcomes[i]);
    }
    (void)put_one(queue, OTHER, "taskrouter", "signed");
    struct queue_record *held = claim_one(queue);

    queue_record_free(&held);
    (void)put_one(queue, TASK, "taskrouter", "signed");
}

static void
every_record_is_somewhere_and_a_healthy_queue_has_no_findings(void **state)
{
    (void)state;
    fill_all_places();
    const struct queue_audit audit = run_audit(false, 0);

    for (size_t i = 0; i < QUEUE_PLACE_COUNT; i++) {
        const bool is_empty = i == QUEUE_PLACE_DROPPED || i == QUEUE_PLACE_UNKNOWN;

        assert_int_equal(audit.records[i], is_empty ? 0 : 1);
    }
    assert_int_equal(audit.stats.accepted, 6);
    assert_string_equal(told.data, "");
}

static void
assert_told(const char *finding, size_t wound)
{
    if (strstr(told.data, finding) == NULL) {
        fail_msg("wound %zu: \"%s\" is not in \"%s\"", wound, finding, told.data);
    }
}

static void
tell_place(void *context, const struct queue_audited *record)
{
    (void)context;
    buffer_addf(&told, "%.*s %.*s %.*s%s;", (int)record->key.size, record->key.data,
        (int)record->place.size, record->place.data, (int)record->reason.size,
        record->reason.data, record->due_ms > 0 ? " due" : "");
}

static void
run_list(void)
{
    const struct queue_audit_options options = {.record = tell_place, .finding = tell};
    struct queue_audit audit;

    buffer_clear(&told);
    assert_int_equal(queue_audit(queue, &options, &audit), QUEUE_OK);
}

/* Of one that is pending again, or delivered, what it waited for is of the past. */
static void
each_record_says_why_it_is_where_it_is(void **state)
{
    static const char *const places[] = {
        "task.completed/WT0 delivered ;",
        "task.completed/WT1 filtered why;",
        "task.completed/WT2 delayed why due;",
        "task.completed/WT3 parked why;",
        TASK " pending ;",
    };

    (void)state;
    fill_all_places();
    (void)REDIS_DO(&redis, "HSET", TASK_RECORD, "e", "of the past");
    run_list();
    for (size_t i = 0; i < LENGTH(places); i++) {
        assert_told(places[i], i);
    }
}

/* Its time is not the clock's: it comes back when the pause ends. */
static void
what_a_pause_holds_back_is_due_at_no_time(void **state)
{
    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    struct queue_record *record = claim_one(queue);

    (void)settle_as(queue, record,
        (struct queue_settlement){
            .outcome = QUEUE_DELAYED, .reason = "paused", .shelf = 1});
    run_list();
    assert_told(TASK " delayed paused;", 0);
}

/* What hurts a healthy queue, and what is then found; NULL: nothing but this after a repair. */
static const struct {
    const char *command[8];
    const char *finding;
    const char *repaired; /* what is said when it is put back; NULL: it is not */
} wounds[] = {
    {{"XTRIM", STREAM, "MAXLEN", "0"}, "record_nowhere " TASK ";",
        "record_nowhere!" TASK ";"},
    {{"HDEL", TASK_RECORD, "r:taskrouter"}, "record_empty " TASK ";", NULL},
    {{"HSET", TASK_RECORD, "s", "gone"}, "record_unreadable " TASK ";", NULL},
    {{"PEXPIRE", TASK_RECORD, "1000000"}, "record_expires " TASK ";", NULL},
    {{"DEL", TASK_RECORD}, "entry_without_record " TASK ";", NULL},
    {{"XADD", STREAM, "9000000000000-0", "junk", "1"}, "entry_foreign 9000000000000-0;",
        NULL},
    {{"HSET", TASK_RECORD, "s", "delivered"}, "entry_of_delivered " TASK ";", NULL},
    {{"XGROUP", "SETID", STREAM, "workers", "$"}, "entry_skipped " TASK ";",
        "entry_skipped!" TASK ";"},
    {{"XGROUP", "DESTROY", STREAM, "workers"}, "no_group workers;", NULL},
    {{"ZREM", "fb:{0}:parked", "task.completed/WT3"},
        "parked_nowhere task.completed/WT3;", "parked_nowhere!task.completed/WT3;"},
    {{"ZREM", "fb:{0}:delayed", "task.completed/WT2"},
        "delayed_nowhere task.completed/WT2;", "delayed_nowhere!task.completed/WT2;"},
    {{"ZADD", "fb:{0}:delayed", "1e15", "no/such"}, "delayed_without_record no/such;",
        NULL},
    {{"ZADD", "fb:{0}:parked", "1", TASK}, "parked_elsewhere " TASK ";", NULL},
    {{"PERSIST", "fb:{0}:r:task.completed/WT0"}, "tombstone_stays task.completed/WT0;",
        NULL},
    {{"ZADD", "fb:{0}:lost", "1", "1-1 gone/WT9"}, "lost_before 1-1 gone/WT9;", NULL},
    {{"HINCRBY", "fb:{0}:stats", "accepted", "3"}, "unaccounted 3;", NULL},
    {{"HINCRBY", "fb:{0}:stats", "parked:why", "2"}, "parked_by_reason 2;", NULL},
    {{"HINCRBY", "fb:{0}:stats", "filtered:why", "2"}, "filtered_by_reason 2;", NULL},
};

static void
each_wound_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(wounds); i++) {
        queue_close(&queue);
        (void)set_up(NULL);
        fill_all_places();
        (void)redis_fixture_do(&redis, wounds[i].command);
        (void)run_audit(false, 0);
        assert_told(wounds[i].finding, i);
    }
}

static void
what_can_be_put_back_is_and_only_once(void **state)
{
    size_t repairs = 0;

    (void)state;
    for (size_t i = 0; i < LENGTH(wounds); i++) {
        if (wounds[i].repaired == NULL) {
            continue;
        }
        repairs++;
        queue_close(&queue);
        (void)set_up(NULL);
        fill_all_places();
        (void)redis_fixture_do(&redis, wounds[i].command);
        (void)run_audit(true, 0);
        assert_told(wounds[i].repaired, i);
        (void)run_audit(true, 0);
        if (strstr(told.data, "nowhere") != NULL ||
            strstr(told.data, "skipped") != NULL ||
            strstr(told.data, "unaccounted") != NULL) {
            fail_msg("wound %zu is found again: %s", i, told.data);
        }
        (void)balanced_stats(queue);
    }
    assert_int_equal(repairs, 4);
}

static void
a_record_put_back_is_delivered(void **state)
{
    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    struct queue_record *stale = claim_one(queue);

    (void)REDIS_DO(&redis, "XTRIM", STREAM, "MAXLEN", "0");
    (void)run_audit(true, 0);
    assert_int_equal(settle_one(queue, stale, QUEUE_DELIVERED, NULL), QUEUE_STALE);
    struct queue_record *record = claim_later(queue);

    assert_string_equal(record->key, TASK);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).delivered, 1);
}

static void
looking_changes_nothing(void **state)
{
    (void)state;
    fill_all_places();
    (void)REDIS_DO(&redis, "XTRIM", STREAM, "MAXLEN", "0");
    (void)REDIS_DO(&redis, "ZREM", "fb:{0}:parked", "task.completed/WT3");
    const int64_t before = redis_fixture_calls(&redis, "xadd") +
                           redis_fixture_calls(&redis, "zadd") +
                           redis_fixture_calls(&redis, "hset");

    (void)run_audit(false, 0);
    assert_int_equal(redis_fixture_calls(&redis, "xadd") +
                         redis_fixture_calls(&redis, "zadd") +
                         redis_fixture_calls(&redis, "hset"),
        before);
}

/* Several passes, several pieces, and suspects at both ends of the stream. */
static void
a_long_stream_is_gone_through_in_shares(void **state)
{
    char key[40];

    (void)state;
    for (unsigned i = 0; i < 1500; i++) {
        (void)snprintf(key, sizeof(key), "task.completed/WT%u", i);
        (void)put_one(queue, key, "taskrouter", "signed");
        if (i == 2) {
            (void)REDIS_DO(&redis, "XTRIM", STREAM, "MAXLEN", "0");
        }
    }
    const struct queue_audit audit = run_audit(false, 400);

    assert_int_equal(audit.records[QUEUE_PLACE_PENDING], 1500);
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(key, sizeof(key), "record_nowhere task.completed/WT%u;", i);
        const char *found = strstr(told.data, key);

        assert_non_null(found);
        assert_null(strstr(found + 1, key)); /* told once */
    }
    assert_non_null(strstr(told.data, "unaccounted 3;"));
}

static void
the_witness_is_asked_without_a_change(void **state)
{
    struct queue_witness witness = {.name = "00000000000000aa"};
    struct queue_look seen;

    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    assert_int_equal(queue_witness_look(queue, &witness, &seen), QUEUE_OK);
    (void)put_one(queue, OTHER, "taskrouter", "signed");
    assert_int_equal(queue_witness_check(queue, &witness, &seen), QUEUE_OK);
    assert_int_equal(seen.sight, QUEUE_SIGHT_FINE);
    assert_int_equal(REDIS_NUMBER(&redis, "ZSCORE", "fb:{0}:witnesses", witness.name), 1);
    (void)REDIS_DO(&redis, "FLUSHALL");
    assert_int_equal(queue_witness_check(queue, &witness, &seen), QUEUE_OK);
    assert_int_equal(seen.sight, QUEUE_SIGHT_REPLACED);
    assert_int_equal(seen.missing, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", "fb:meta"), 0);
}

static void
a_set_of_keys_holds_what_was_added(void **state)
{
    struct key_set set = {0};

    (void)state;
    for (uint64_t i = 1; i <= 5000; i++) {
        assert_int_equal(key_set_add(&set, i * 1024), 0); /* all meet in a few slots */
        assert_int_equal(key_set_add(&set, i * 1024), 0);
    }
    assert_int_equal(set.count, 5000);
    for (uint64_t i = 1; i <= 5000; i++) {
        assert_true(key_set_has(&set, i * 1024));
        assert_false(key_set_has(&set, i * 1024 + 1));
    }
    key_set_clear(&set);
    assert_false(key_set_has(&set, 1024));
    key_set_done(&set);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_audit, tear_down_audit)
    const struct CMUnitTest tests[] = {
        TEST(every_record_is_somewhere_and_a_healthy_queue_has_no_findings),
        TEST(each_record_says_why_it_is_where_it_is),
        TEST(what_a_pause_holds_back_is_due_at_no_time),
        TEST(each_wound_is_found),
        TEST(what_can_be_put_back_is_and_only_once),
        TEST(a_record_put_back_is_delivered),
        TEST(looking_changes_nothing),
        TEST(a_long_stream_is_gone_through_in_shares),
        TEST(the_witness_is_asked_without_a_change),
        cmocka_unit_test(a_set_of_keys_holds_what_was_added),
    };

    return cmocka_run_group_tests_name("queue_audit", tests, start_redis, stop_redis);
}
