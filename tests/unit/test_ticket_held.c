/*
 * test_ticket_held.c - what a browser tells of a task's end waits while another agent has the task.
 */
#include <stdio.h>
#include <string.h>

#include "mapping/ticket.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"

#define WR1 "WR00000000000000000000000000000001"
#define WR2 "WR00000000000000000000000000000002"
#define OTHER_TASK "WT00000000000000000000000000000009"

enum {
    TOLD_MAX = 4,
    LOOK_MS = 1000,
    TURN_MS = 60000,
    HOUR_MS = 60 * TURN_MS,
};

struct told {
    const char *type; /* NULL ends them */
    const char *reservation;
    int64_t at_ms;
    const char *task;
};

/* What Twilio told of reservations, in this order or the other one. */
static void
tell(const struct told told[TOLD_MAX], bool is_backwards, struct facts *facts,
    struct ticket_says says[TOLD_MAX], json_t *payloads[TOLD_MAX])
{
    size_t count = 0;

    while (count < TOLD_MAX && told[count].type != NULL) {
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        const struct told *one = &told[is_backwards ? count - 1 - i : i];
        struct event_reading reading;
        char changes[256];

        (void)snprintf(changes, sizeof changes,
            "{'event_type':'%s','reservation_sid':'%s','date_ms':%lld,'task_sid':'%s'}",
            one->type, one->reservation, (long long)(received_ms + one->at_ms),
            one->task != NULL ? one->task : TASK);
        payloads[i] = read_changed(changes, &rules, one->type, &reading);
        ticket_read(&reading, payloads[i], &rules, received_ms, &says[i]);
        for (size_t j = 0; j < says[i].fact_count; j++) {
            facts_add(facts, says[i].facts[j]);
        }
    }
}

static int64_t
left_ms(const struct told told[TOLD_MAX], const char *posted, int64_t age_ms,
    bool is_backwards, size_t *ret_traces)
{
    static struct ticket_says says[TOLD_MAX];
    json_t *payloads[TOLD_MAX] = {NULL};
    struct facts facts = {0};
    struct event_reading reading;
    char changes[256];
    const struct ticket_times times = {
        .read_ms = received_ms, .now_ms = received_ms + age_ms};

    tell(told, is_backwards, &facts, says, payloads);
    (void)snprintf(changes, sizeof changes, "{'reservation_sid':'%s','date_ms':%lld}",
        posted, (long long)received_ms);
    AUTO(payload_release)
    json_t *payload = read_changed(changes, &rules, "task.completed/" TASK, &reading);
    assert_non_null(payload);
    const size_t before = reading.trace_count;
    const int64_t left = ticket_held_left_ms(&reading, &facts, &rules, &times);

    *ret_traces = reading.trace_count - before;
    for (size_t i = 0; i < TOLD_MAX; i++) {
        json_decref(payloads[i]);
    }
    return left;
}

static void
a_browsers_word_waits_while_another_reservation_of_its_task_goes_on(void **state)
{
    static const char took[] = "reservation.accepted";
    static const char left[] = "reservation.completed";
    static const struct {
        struct told told[TOLD_MAX];
        const char *posted;
        int64_t age_ms;
        int64_t left_ms;
    } cases[] = {
        {{{0}}, WR1, 0, 0}, /* nobody but the browser tells anything */
        {{{took, WR1, 1, NULL}}, WR1, 0, 0},
        {{{took, WR1, 1, NULL}, {left, WR1, 2, NULL}}, WR1, 0, 0},
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}}, WR1, 0, LOOK_MS},
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}}, WR2, 0, LOOK_MS},
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}, {left, WR2, 3, NULL}}, WR1, 0, 0},
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}, {left, WR2, 2, NULL}}, WR1, 0, 0},
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}, {left, WR1, 3, NULL}}, WR1, 0,
            LOOK_MS},
        {{{took, WR2, 2, NULL}}, WR1, 0, LOOK_MS},
        {{{took, WR2, 2, OTHER_TASK}}, WR1, 0, 0}, /* the ticket's rules have that */
        {{{took, WR1, 1, NULL}}, "", 0, 0},        /* its own, or nobody knows better */
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}}, "undefined", 0, LOOK_MS},
        {{{left, WR1, 1, NULL}, {left, WR2, 2, NULL}}, "", 0, 0},
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}}, WR1, 8000, 2000},
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}}, WR1, HOUR_MS, TURN_MS},
        {{{took, WR1, 1, NULL}, {took, WR2, 2, NULL}}, WR1, 24 * HOUR_MS, 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        for (int is_backwards = 0; is_backwards < 2; is_backwards++) {
            size_t traces;
            const int64_t left_now = left_ms(cases[i].told, cases[i].posted,
                cases[i].age_ms, is_backwards != 0, &traces);

            if (left_now != cases[i].left_ms) {
                fail_msg("case %zu: waits %lld ms", i, (long long)left_now);
            }
            assert_int_equal(traces, left_now > 0 ? 1 : 0);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_browsers_word_waits_while_another_reservation_of_its_task_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
