/*
 * test_sentinel.c - the master is found and followed, whatever some Sentinels say.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "queue/handle.h"
#include "tests/unit/failover_fixture.h"

/* ---- finding ------------------------------------------------------------------------------ */

/* What the first Sentinel may say; the second is right. */
static const struct misleading {
    const char *what;
    const char *answer; /* NULL: names `port` */
    const uint16_t *port;
} first_says[] = {
    {"nothing", "", NULL},
    {"hangs up", "close", NULL},
    {"unknown name", "*-1\r\n", NULL},
    {"wants a password", "-NOAUTH Authentication required.\r\n", NULL},
    {"a host name", "*2\r\n$7\r\nr.local\r\n$4\r\n6379\r\n", NULL},
    {"port 0", "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n", NULL},
    {"three parts", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n", NULL},
    {"no protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", NULL},
    {"a dead master", NULL, &closed_port},
    {"a replica", NULL, &other_port},
};

static void
mislead(const struct misleading *how)
{
    if (how->answer != NULL) {
        (void)snprintf(
            sentinels[0].answer, sizeof(sentinels[0].answer), "%s", how->answer);
    } else {
        sentinel_names(0, *how->port);
    }
}

static void
a_call_finds_the_master_whatever_the_first_sentinel_says(void **state)
{
    (void)state;
    become_replica(&other, redis_port);
    for (size_t i = 0; i < LENGTH(first_says); i++) {
        const int asked = sentinels[0].asked;
        struct queue *queue = open_via_sentinels("");

        mislead(&first_says[i]);
        if (queue_ping(queue) != QUEUE_OK) {
            fail_msg("%s: %s", first_says[i].what, queue_error(queue));
        }
        assert_int_equal(sentinels[0].asked, asked + 1);
        queue_close(&queue);
    }
}

static void
a_group_commit_finds_the_master_whatever_the_first_sentinel_says(void **state)
{
    (void)state;
    become_replica(&other, redis_port);
    for (size_t i = 0; i < LENGTH(first_says); i++) {
        mislead(&first_says[i]);
        commit = open_patient_commit("");
        (void)add(i);
        run_until_done();
        if (units[i].status != 0) {
            fail_msg("%s: %s", first_says[i].what, group_commit_error(commit));
        }
        group_commit_close(&commit);
    }
    assert_int_equal(stored(), LENGTH(first_says));
}

/* The owner must not find its thread asleep while it could serve others. */
static void
a_silent_sentinel_is_passed_over_without_blocking(void **state)
{
    (void)state;
    sentinels[0].answer[0] = '\0';
    commit = open_patient_commit("");
    (void)add(0);
    group_commit_run(commit, 0); /* at a clock of our own: no time passes by itself */
    while (sentinels[0].asked == 0) {
        group_commit_run(commit, 0);
    }
    assert_int_equal(group_commit_timeout_ms(commit, 0), 300);
    group_commit_run(commit, 299 * US_PER_MS);
    assert_int_equal(sentinels[1].asked, 0);
    assert_int_equal(units[0].status, NOT_DONE);
    while (units[0].status == NOT_DONE) {
        group_commit_run(commit, 300 * US_PER_MS);
    }
    assert_int_equal(units[0].status, 0);
    (void)REDIS_DO(&redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    while (group_commit_healthy(commit)) {
        group_commit_run(commit, 300 * US_PER_MS);
    }
    while (!group_commit_healthy(commit)) {
        group_commit_run(commit, 300 * US_PER_MS);
    }
    assert_int_equal(sentinels[0].asked, 1); /* who answered is asked first */
}

static void
when_no_sentinel_knows_it_is_said_why(void **state)
{
    struct queue *queue = open_via_sentinels("");

    (void)state;
    for (int i = 0; i < SENTINELS; i++) {
        (void)snprintf(sentinels[i].answer, sizeof(sentinels[i].answer), "%s", "*-1\r\n");
    }
    assert_int_equal(queue_ping(queue), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "knows no master of that name"));
    for (int i = 0; i < SENTINELS; i++) {
        assert_int_equal(sentinels[i].asked, 1);
    }
    all_name(redis_port);
    assert_int_equal(queue_ping(queue), QUEUE_OK);
    queue_close(&queue);
}

static void
sentinels_and_the_master_have_passwords_of_their_own(void **state)
{
    struct queue_options options = default_options(NULL);

    (void)state;
    (void)REDIS_DO(&redis, "CONFIG", "SET", "requirepass", "data-secret");
    options.url =
        sentinel_url(":data-secret@", "?sentinel_user=s&sentinel_password=watch-secret");
    struct queue *queue = open_queue(&options);

    if (queue_ping(queue) != QUEUE_OK) {
        fail_msg("%s", queue_error(queue));
    }
    assert_non_null(strstr(
        sentinels[0].question, "*3\r\n$4\r\nAUTH\r\n$1\r\ns\r\n$12\r\nwatch-secret\r\n"));
    assert_non_null(strstr(sentinels[0].question, "$8\r\nmymaster\r\n"));
    assert_null(strstr(sentinels[0].question, "data-secret"));
    queue_close(&queue);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "requirepass", "");
}

/* ---- following ---------------------------------------------------------------------------- */

/* `redis` is demoted while we are connected, `other` is the master now. */
static void
fail_over(void)
{
    become_replica(&redis, other_port);
    all_name(other_port);
}

static void
a_call_follows_a_demotion(void **state)
{
    struct queue *queue = open_via_sentinels("");
    struct queue_put put = {.key = slice_of("a/b"),
        .subject = slice_of("b"),
        .route = slice_of("r"),
        .bytes = slice_of("x")};

    (void)state;
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    fail_over();
    put.key = slice_of("c/b");
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "READONLY"));
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    assert_int_equal(REDIS_NUMBER(&other, "XLEN", "fb:{0}:stream"), 1);
    queue_close(&queue);
}

static void
a_group_commit_follows_a_demotion(void **state)
{
    (void)state;
    commit = open_commit(sentinel_url("", ""), 1);
    (void)add(0);
    run_until_done();
    fail_over();
    (void)add(1);
    run_until_done();
    const bool was_noticed = units[1].status == 0; /* before, without traffic */

    assert_true(was_noticed || units[1].status == QUEUE_E_REFUSED);
    run_until_healthy(true);
    (void)add(2);
    run_until_done();
    assert_int_equal(units[2].status, 0);
    /* What was acknowledged is there, and nothing else. */
    assert_int_equal(REDIS_NUMBER(&other, "XLEN", "fb:{0}:stream"), was_noticed ? 2 : 1);
}

static void
a_demotion_is_noticed_without_traffic(void **state)
{
    (void)state;
    commit = open_commit(sentinel_url("", ""), 1);
    run_until_healthy(true);
    fail_over();
    run_until_healthy(false);
    run_until_healthy(true);
    assert_int_equal(REDIS_NUMBER(&other, "HGET", "fb:meta", "partitions"), 1);
}

static void
a_worker_follows_a_demotion(void **state)
{
    struct queue_options options = default_options("worker-1");
    struct queue_record *record = NULL;
    size_t count = 0;

    (void)state;
    options.url = sentinel_url("", "");
    struct queue *worker = open_queue(&options);

    assert_int_equal(queue_prepare(worker), QUEUE_OK);
    fail_over();
    assert_int_equal(queue_claim(worker, 1, &record, &count), QUEUE_E_REFUSED);
    (void)put_one(worker, TASK, "taskrouter", "x"); /* at the new master */
    record = claim_later(worker);
    assert_string_equal(record->key, TASK);
    queue_record_free(&record);
    const struct queue_alarms alarms = queue_take_alarms(worker);
    char master[QUEUE_MASTER_SIZE];

    (void)snprintf(master, sizeof(master), "127.0.0.1:%u", other_port);
    assert_string_equal(alarms.master, master);
    assert_int_equal(alarms.moves, 1);
    assert_int_equal(queue_take_alarms(worker).moves, 0);
    queue_close(&worker);
}

/* "SENTINEL FAILOVER": the old master goes on taking writes, for a while, and then loses them. */
static void
a_group_commit_leaves_a_master_that_was_replaced(void **state)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    (void)state;
    commit = open_commit(sentinel_url("", ""), 1);
    run_until_healthy(true);
    all_name(other_port);
    while (REDIS_NUMBER(&other, "EXISTS", "fb:meta") == 0) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
    run_until_healthy(true);
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(REDIS_NUMBER(&other, "XLEN", "fb:{0}:stream"), 1);
}

static void
wait_until_asked(int index, int times)
{
    const int64_t end_us = redis_now_us() + 2 * PATIENCE_US;

    while (sentinels[index].asked < times) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
}

static void
a_sentinel_that_is_behind_moves_nobody(void **state)
{
    (void)state;
    commit = open_patient_commit("");
    run_until_healthy(true);
    sentinel_names(1, other_port); /* with the epoch it had */
    const int fd = group_commit_fd(commit);

    wait_until_asked(1, 2);
    assert_true(group_commit_healthy(commit));
    assert_int_equal(group_commit_fd(commit), fd);
    assert_int_equal(REDIS_NUMBER(&other, "EXISTS", "fb:meta"), 0);
}

/* It is together with the old master on one side, we and the other Sentinels see both sides. */
static void
a_sentinel_cut_off_with_the_old_master_holds_nobody_there(void **state)
{
    (void)state;
    commit = open_patient_commit("");
    run_until_healthy(true); /* by the word of the first */
    all_name(other_port);
    sentinel_names(0, redis_port);
    sentinels[0].epoch = sentinels[0].epoch - 1;
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (REDIS_NUMBER(&other, "EXISTS", "fb:meta") == 0) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
    run_until_healthy(true);
    wait_until_asked(
        0, sentinels[0].asked + 1); /* says what it said: nobody moves back */
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(REDIS_NUMBER(&other, "XLEN", "fb:{0}:stream"), 1);
}

/* Their epochs begin at 0 again: the first attempt finds nobody new enough, the next takes what
   there is. */
static void
sentinels_set_up_anew_are_believed(void **state)
{
    struct queue *queue = open_via_sentinels("");

    (void)state;
    assert_int_equal(queue_ping(queue), QUEUE_OK);
    for (int i = 0; i < SENTINELS; i++) {
        sentinels[i].epoch = 0;
    }
    (void)REDIS_DO(&redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    assert_int_equal(queue_ping(queue), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "is behind another"));
    assert_int_equal(queue_ping(queue), QUEUE_OK);
    queue_close(&queue);
}

static void
calls_leave_a_master_that_was_replaced(void **state)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;
    struct queue *queue = open_via_sentinels("");

    (void)state;
    assert_int_equal(queue_ping(queue), QUEUE_OK);
    all_name(other_port);
    while (REDIS_NUMBER(&other, "EXISTS", "fb:meta") == 0) {
        assert_int_equal(queue_ping(queue), QUEUE_OK); /* no call fails for it */
        assert_true(redis_now_us() < end_us);
    }
    queue_close(&queue);
}

/* ---- an idle server looks once a second ------------------------------------------------------ */

/* A look at a clock of our own. */
static bool
names_another(struct queue *queue, int64_t second)
{
    return guide_names_another(
        &queue->session.guide, &queue->session.redis, second * 1000 * US_PER_MS);
}

/* Before the patience of a question asked at `second` is over, however slow the machine is. */
static bool
finds_another(struct queue *queue, int64_t second)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (redis_now_us() < end_us) {
        struct pollfd ready = {
            .fd = redis_fd(&queue->session.guide.watch), .events = POLLIN};

        if (names_another(queue, second) || names_another(queue, second + 2)) {
            return true;
        }
        (void)poll(&ready, 1, 10);
    }
    return false;
}

static void
a_sentinels_answer_is_waited_for_however_seldom_one_looks(void **state)
{
    struct queue *queue = open_via_sentinels("");

    (void)state;
    assert_int_equal(queue_ping(queue), QUEUE_OK);
    all_name(other_port);
    assert_true(finds_another(queue, 1));
    queue_close(&queue);
}

static void
a_silent_sentinel_is_not_waited_for_beyond_patience(void **state)
{
    struct queue *queue = open_via_sentinels("");

    (void)state;
    assert_int_equal(queue_ping(queue), QUEUE_OK);
    all_name(other_port);
    sentinels[1].answer[0] = '\0';
    for (int second = 1; second < 5; second++) {
        assert_false(names_another(queue, second));
        assert_int_equal(queue->session.guide.watch_at, second < 4 ? 1 : 2);
    }
    assert_true(finds_another(queue, 5));
    queue_close(&queue);
}

/* Cut off from its replicas it refuses writes, and another may be the master by now. */
static void
a_master_without_replicas_is_left_for_another(void **state)
{
    (void)state;
    commit = open_commit(sentinel_url("", ""), 1);
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "min-replicas-to-write", "1");
    all_name(other_port);
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, QUEUE_E_REFUSED);
    assert_non_null(strstr(group_commit_error(commit), "NOREPLICAS"));
    run_until_healthy(true);
    (void)add(1);
    run_until_done();
    assert_int_equal(units[1].status, 0);
    assert_int_equal(REDIS_NUMBER(&other, "XLEN", "fb:{0}:stream"), 1);
}

int
main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, failover_set_up, commit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_call_finds_the_master_whatever_the_first_sentinel_says),
        TEST(a_group_commit_finds_the_master_whatever_the_first_sentinel_says),
        TEST(a_silent_sentinel_is_passed_over_without_blocking),
        TEST(when_no_sentinel_knows_it_is_said_why),
        TEST(sentinels_and_the_master_have_passwords_of_their_own),
        TEST(a_call_follows_a_demotion),
        TEST(a_group_commit_follows_a_demotion),
        TEST(a_demotion_is_noticed_without_traffic),
        TEST(a_worker_follows_a_demotion),
        TEST(a_group_commit_leaves_a_master_that_was_replaced),
        TEST(a_sentinel_that_is_behind_moves_nobody),
        TEST(a_sentinel_cut_off_with_the_old_master_holds_nobody_there),
        TEST(sentinels_set_up_anew_are_believed),
        TEST(calls_leave_a_master_that_was_replaced),
        TEST(a_sentinels_answer_is_waited_for_however_seldom_one_looks),
        TEST(a_silent_sentinel_is_not_waited_for_beyond_patience),
        TEST(a_master_without_replicas_is_left_for_another),
    };

    return cmocka_run_group_tests_name("sentinel", tests, failover_start, failover_stop);
}
