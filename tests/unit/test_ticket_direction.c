/*
 * test_ticket_direction.c - who began a ticket: what records tell of it, and what comes of that.
 */
#include <string.h>

#include "mapping/ticket.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"

#define FIRST "WT00000000000000000000000000000001"
#define SECOND "WT00000000000000000000000000000002"
#define STATES(direction) "{'task_attributes':{'direction':'" direction "'}}"

/* What is told by that name; "(nothing)", where nothing is. */
static struct slice
told_of(const struct ticket_says *says, const char *name)
{
    for (size_t i = 0; i < says->fact_count; i++) {
        if (slice_is(says->facts[i].name, name)) {
            return says->facts[i].text;
        }
    }
    return slice_of("(nothing)");
}

static void
a_record_tells_what_its_attributes_state(void **state)
{
    static const struct {
        const char *changes;
        const char *told;
    } cases[] = {
        {STATES("inbound"), "inbound"},
        {STATES("outbound-api"), "outbound"},
        {"{'task_attributes':{}}", "none"},
        {"{'task_attributes':null}", ""}, /* as a browser may post */
        {"{'task_attributes':{},'task_attributes_invalid':true}", ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        struct ticket_says says;
        AUTO(payload_release)
        json_t *payload =
            read_changed(cases[i].changes, &rules, "task.completed/" TASK, &reading);

        assert_non_null(payload);
        ticket_read(&reading, payload, &rules, received_ms, &says);
        print_message("%s\n", cases[i].changes);
        assert_true(slice_is(told_of(&says, "-" TASK ".created"), cases[i].told));
        assert_int_equal(slice_is(told_of(&says, "-" TASK ".outbound"), ""),
            strcmp(cases[i].told, "outbound") == 0);
    }
}

/* Of a task that began at `at_ms`. */
struct begun {
    const char *sid; /* NULL ends them */
    int64_t at_ms;
    const char *told;
    bool is_outbound; /* was stated later */
};

static void
know(const struct begun *begun, struct facts *facts)
{
    static const char *const names[][2] = {{"-" FIRST ".created", "-" FIRST ".outbound"},
        {"-" SECOND ".created", "-" SECOND ".outbound"},
        {"-" TASK ".created", "-" TASK ".outbound"}};
    const size_t i = strcmp(begun->sid, FIRST) == 0    ? 0
                     : strcmp(begun->sid, SECOND) == 0 ? 1
                                                       : 2;

    facts_add(facts, (struct fact){.name = slice_of(names[i][0]),
                         .rank = begun->at_ms,
                         .text = slice_of(begun->told)});
    if (begun->is_outbound) {
        facts_add(facts, (struct fact){.name = slice_of(names[i][1])});
    }
}

static void
an_event_has_the_direction_of_its_tickets_first_task(void **state)
{
    static const struct {
        struct begun begun[3];
        const char *own; /* stated by the event's task */
        enum event_direction direction;
    } cases[] = {
        {{{0}}, STATES("outbound"), DIRECTION_OUTBOUND}, /* nothing else is known */
        {{{0}}, "{'task_attributes':{}}", DIRECTION_UNKNOWN},
        {{{FIRST, 1, "inbound", false}}, STATES("outbound"), DIRECTION_INBOUND},
        {{{FIRST, 1, "outbound", false}}, STATES("inbound"), DIRECTION_OUTBOUND},
        {{{FIRST, 1, "none", false}}, STATES("outbound"), DIRECTION_INBOUND},
        {{{FIRST, 1, "none", false}}, "{'task_attributes':{}}", DIRECTION_UNKNOWN},
        {{{FIRST, 1, "none", true}}, STATES("outbound"), DIRECTION_OUTBOUND},
        {{{FIRST, 1, "none", true}}, "{'task_attributes':{}}", DIRECTION_OUTBOUND},
        {{{FIRST, 1, "inbound", true}}, STATES("outbound"), DIRECTION_INBOUND},
        {{{FIRST, 1, "", false}}, STATES("outbound"), DIRECTION_OUTBOUND},
        {{{FIRST, 1, "", true}}, STATES("inbound"), DIRECTION_OUTBOUND},
        {{{FIRST, 1, "", false}, {SECOND, 2, "inbound", false}}, STATES("outbound"),
            DIRECTION_INBOUND},
        {{{FIRST, 2, "outbound", false}, {SECOND, 1, "none", false}}, STATES("outbound"),
            DIRECTION_INBOUND},
        {{{FIRST, 9, "outbound", false}, {TASK, 5, "none", false}},
            "{'task_attributes':{}}", DIRECTION_UNKNOWN},
        {{{FIRST, 9, "inbound", false}, {TASK, 5, "none", true}}, STATES("outbound"),
            DIRECTION_OUTBOUND},
    };
    const struct ticket_times times = {.read_ms = received_ms, .has_waited = true};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        struct ticket_verdict verdict;
        struct ticket_wait wait;
        struct facts facts = {0};
        AUTO(payload_release)
        json_t *payload =
            read_changed(cases[i].own, &rules, "task.completed/" TASK, &reading);

        assert_non_null(payload);
        for (const struct begun *one = cases[i].begun; one->sid != NULL; one++) {
            know(one, &facts);
        }
        print_message("case %zu\n", i);
        for (int look = 0; look < 2; look++) { /* again is as once */
            ticket_waited(&reading, &facts, &rules, &wait);
            assert_int_equal(reading.event.direction, cases[i].direction);
            ticket_judge(&reading, &facts, &rules, &times, &verdict);
            assert_int_equal(reading.event.direction, cases[i].direction);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_tells_what_its_attributes_state),
        cmocka_unit_test(an_event_has_the_direction_of_its_tickets_first_task),
    };

    return cmocka_run_group_tests_name("ticket_direction", tests, NULL, NULL);
}
