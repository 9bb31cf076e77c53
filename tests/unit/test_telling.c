/*
 * test_telling.c - whoever tells what of a ticket, in whichever order: all know the same.
 */
#include <stdio.h>
#include <string.h>

#include "server/deliver/telling.h"
#include "server/ops/clock.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define WT "WT0123456789abcdef0123456789abcdef"
#define KD "KD0123456789abcdef0123456789abcdef"
#define CH "CH0123456789abcdef0123456789abcdef"
#define WT2 "WTf123456789abcdef0123456789abcdef"
#define KD2 "KDf123456789abcdef0123456789abcdef"
#define CA "CA0123456789abcdef0123456789abcdef"
#define ATTRIBUTES(json) "&TaskAttributes=" json
#define TASK_FORM(type, time) \
    "EventType=" type "&TaskSid=" WT "&AccountSid=AC01&TimestampMs=17672256" time

enum {
    RECORDS = 4,
    KNOWN_SIZE = 1024,
};

static const struct config config = {.rules = {
                                         .event_names = {[EVENT_TASK_CREATED] = "A",
                                             [EVENT_TASK_COMPLETED] = "B",
                                             [EVENT_CONVERSATION_ENDED] = "C",
                                             [EVENT_SURVEY_COMPLETED] = "D"},
                                         .sync_tasks = true,
                                         .sync_csat = true,
                                         .sync_conversations = true,
                                     }};

struct told {
    const char *key;
    const char *route;
    const char *bytes;
};

/* What a record hears of its ticket when it tells; sorted, for the order of telling is none. */
static void
hear(const struct told *told, char ticket[EVENT_TICKET_SIZE], char known[KNOWN_SIZE])
{
    static char lines[FACTS_MAX][160];
    struct facts facts = {0};
    struct job job;

    (void)REDIS_DO(&redis, "DEL", "fb:{0}:r:x", "fb:{0}:stream");
    assert_int_equal(queue_prepare(queue), QUEUE_OK);
    char record[160];

    (void)snprintf(record, sizeof(record), "fb:{0}:r:%s", told->key);
    (void)REDIS_DO(&redis, "DEL", record);
    (void)put_one(queue, told->key, told->route, told->bytes);
    job_start(&job, claim_one(queue), clock_monotonic_us());
    job_parse(&job);
    job_map(&job, &config, clock_monotonic_us());
    assert_int_equal(job.stage, JOB_TELLING);
    assert_int_equal(telling_hear(queue, &job, &config.rules, &facts), QUEUE_OK);
    (void)snprintf(ticket, EVENT_TICKET_SIZE, "%s", job.reading.event.ticket);
    size_t count = 0;

    for (size_t i = 0; i < facts.count; i++) {
        const struct slice name = facts.items[i].name;
        const bool is_of_now = memmem(name.data, name.size, ".heard", 6) != NULL;

        if (!ticket_is_link(&facts.items[i]) && !is_of_now) {
            (void)snprintf(lines[count++], sizeof(lines[0]), "%.*s=%lld %.*s;",
                (int)facts.items[i].name.size, facts.items[i].name.data,
                (long long)facts.items[i].rank, (int)facts.items[i].text.size,
                facts.items[i].text.data);
        }
    }
    qsort(lines, count, sizeof(lines[0]), (int (*)(const void *, const void *))strcmp);
    known[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        (void)strncat(known, lines[i], KNOWN_SIZE - strlen(known) - 1);
    }
    telling_done(&facts);
    job_done(&job);
}

/* A task that learns its interaction late, its conversation, and a completion that knows neither. */
static const struct told story[RECORDS] = {
    {"task.created/" WT, "taskrouter", TASK_FORM("task.created", "00000")},
    {"task.updated/EV01", "taskrouter",
        TASK_FORM("task.updated", "10000") ATTRIBUTES(
            "{\"flexInteractionSid\":\"" KD "\",\"conversationSid\":\"" CH "\"}")},
    {"conversation.inactive/" CH "/1", "conversations",
        "EventType=onConversationStateUpdated&ConversationSid=" CH
        "&StateTo=inactive&StateUpdated=2026-01-01T00:00:20.000Z"},
    {"task.completed/" WT, "taskrouter", TASK_FORM("task.completed", "30000")},
};

static void
play(const size_t order[RECORDS], char known[KNOWN_SIZE])
{
    char ticket[EVENT_TICKET_SIZE];

    assert_int_equal(empty_redis(NULL), 0);
    for (size_t i = 0; i < RECORDS; i++) {
        hear(&story[order[i]], ticket, known);
    }
    /* Again, as after a crash: and now each knows all, under the one name. */
    for (size_t i = 0; i < RECORDS; i++) {
        char again[KNOWN_SIZE];

        hear(&story[i], ticket, again);
        assert_string_equal(ticket, KD);
        assert_string_equal(again, known);
    }
}

static void
in_every_order_each_record_knows_the_whole_ticket_by_one_name(void **state)
{
    char first[KNOWN_SIZE] = "";
    size_t plays = 0;

    (void)state;
    for (size_t n = 0; n < 256;
         n++) { /* each sequence of four, the permutations among them */
        const size_t order[RECORDS] = {n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6};
        unsigned seen = 0;
        char known[KNOWN_SIZE];

        for (size_t i = 0; i < RECORDS; i++) {
            seen |= 1U << order[i];
        }
        if (seen != (1U << RECORDS) - 1) {
            continue;
        }
        play(order, known);
        if (plays++ == 0) {
            memcpy(first, known, sizeof(first));
        }
        assert_string_equal(known, first);
    }
    assert_int_equal(plays, 24);
    assert_non_null(strstr(first, "+conversation=1767225620000 inactive;"));
    assert_non_null(strstr(first, "-" WT ".closed=1767225630000 completed;"));
}

static void
two_names_that_mean_each_other_are_one_ticket(void **state)
{
    static const struct told mutual[] = {
        {"task.updated/EV01", "taskrouter",
            TASK_FORM("task.updated", "10000")
                ATTRIBUTES("{\"flexInteractionSid\":\"" KD "\",\"conversations\":"
                           "{\"conversation_id\":\"" WT "\"}}")},
        {"task.updated/EV02", "taskrouter",
            TASK_FORM("task.updated", "20000")
                ATTRIBUTES("{\"flexInteractionSid\":\"" KD "\"}")},
        {"task.completed/" WT, "taskrouter", TASK_FORM("task.completed", "30000")},
    };
    char known[KNOWN_SIZE];
    char ticket[EVENT_TICKET_SIZE];

    (void)state;
    for (size_t i = 0; i < LENGTH(mutual); i++) {
        hear(&mutual[i], ticket, known);
    }
    for (size_t i = 0; i < LENGTH(mutual); i++) {
        hear(&mutual[i], ticket, known);
        assert_string_equal(ticket, KD);
    }
}

/* Under each of them somebody may have told Brevo of it; a name nobody told anything under is none. */
static void
what_it_was_called_is_known_wherever_its_name_came_from(void **state)
{
    static const struct told named[] = {
        {"task.created/" WT, "taskrouter",
            TASK_FORM("task.created", "00000")
                ATTRIBUTES("{\"flexInteractionSid\":\"" KD "\"}")},
        {"task.updated/EV01", "taskrouter",
            TASK_FORM("task.updated", "10000")
                ATTRIBUTES("{\"flexInteractionSid\":\"" KD "\",\"conversations\":"
                           "{\"conversation_id\":\"matter-1\"}}")},
        {"task.completed/" WT, "taskrouter", TASK_FORM("task.completed", "30000")},
    };
    char known[KNOWN_SIZE];
    char ticket[EVENT_TICKET_SIZE];

    (void)state;
    hear(&named[0], ticket, known);
    assert_string_equal(ticket, KD);
    assert_null(strstr(known, "called"));
    hear(&named[1], ticket, known);
    assert_string_equal(ticket, "matter-1");
    assert_non_null(strstr(known, "-called." KD "=0 ;"));
    assert_null(strstr(known, "-called." WT));
    hear(&named[0], ticket, known); /* it finds its way, and knows the same */
    assert_string_equal(ticket, "matter-1");
    assert_non_null(strstr(known, "-called." KD "=0 ;"));
    hear(&named[2], ticket, known); /* it knows its task alone, and tells under that */
    assert_string_equal(ticket, "matter-1");
    assert_non_null(strstr(known, "-called." KD "=0 ;"));
    assert_non_null(strstr(known, "-called." WT "=0 ;"));
}

/* A conversation that goes on through many tickets is what the first of them was called. */
static void
what_another_ticket_was_called_this_one_was_not(void **state)
{
    static const struct told later = {"task.updated/EV09", "taskrouter",
        "EventType=task.updated&TaskSid=WTf123456789abcdef0123456789abcdef&AccountSid=AC01"
        "&TimestampMs=1767225699000" ATTRIBUTES(
            "{\"flexInteractionSid\":\"KDf123456789abcdef0123456789abcdef\","
            "\"conversationSid\":\"" CH "\"}")};
    char known[KNOWN_SIZE];
    char ticket[EVENT_TICKET_SIZE];

    (void)state;
    hear(&story[2], ticket, known);
    hear(&story[1], ticket, known);
    assert_string_equal(ticket, KD);
    assert_non_null(strstr(known, "-called." CH));
    hear(&later, ticket, known);
    assert_string_not_equal(ticket, KD);
    assert_null(strstr(known, "called"));
}

#define STATE_OF_CH(state, second)                                                       \
    {                                                                                    \
        "conversation." state "/" CH "/" second, "conversations",                        \
            "EventType=onConversationStateUpdated&ConversationSid=" CH "&StateTo=" state \
            "&StateUpdated=2026-01-01T00:00:" second ".000Z"                             \
    }

/* What says no more than the conversation is about the ticket that went on in it then. */
static void
a_conversation_is_its_latest_ticket_that_had_begun(void **state)
{
    static const struct told tasks[] = {
        {"task.created/" WT, "taskrouter",
            TASK_FORM("task.created", "00000") ATTRIBUTES(
                "{\"flexInteractionSid\":\"" KD "\",\"conversationSid\":\"" CH "\"}")},
        {"task.created/" WT2, "taskrouter",
            "EventType=task.created&TaskSid=" WT2 "&AccountSid=AC01&TimestampMs="
            "1767225630000" ATTRIBUTES(
                "{\"flexInteractionSid\":\"" KD2 "\",\"conversationSid\":\"" CH "\"}")},
        /* of the first one, told by its end behind the second one's begin */
        {"task.completed/" WT, "taskrouter",
            TASK_FORM("task.completed", "40000") "&TaskAge=40" ATTRIBUTES(
                "{\"flexInteractionSid\":\"" KD "\",\"conversationSid\":\"" CH "\"}")},
    };
    static const struct told before = STATE_OF_CH("active", "01");
    static const struct {
        struct told told;
        const char *ticket;
    } cases[] = {
        {STATE_OF_CH("inactive", "20"), KD},
        {STATE_OF_CH("inactive", "30"), KD2},
        {STATE_OF_CH("active", "50"), KD2},
        {{"survey.completed/" CH "/1", "survey",
             "ConversationSid=" CH "&Score=4&Email=ana@example.com"},
            KD2},
    };
    char known[KNOWN_SIZE];
    char ticket[EVENT_TICKET_SIZE];

    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(empty_redis(NULL), 0);
        hear(&before, ticket, known);
        assert_string_equal(ticket, CH);
        for (size_t i = 0; i < LENGTH(tasks); i++) {
            hear(&tasks[turn == 0 ? i : LENGTH(tasks) - 1 - i], ticket, known);
        }
        for (size_t i = 0; i < LENGTH(cases); i++) {
            hear(&cases[i].told, ticket, known);
            assert_string_equal(ticket, cases[i].ticket);
            if (turn == 0) { /* what it was told before was told to the first */
                assert_true(
                    (strstr(known, "-called." CH) != NULL) == (strcmp(ticket, KD) == 0));
            }
        }
    }
}

static void
an_answer_is_told_to_the_ticket_it_is_about_and_links_nothing(void **state)
{
    static const struct told survey = {"survey.completed/" WT "/1", "survey",
        "TaskSid=" WT "&Score=4&Email=ana@example.com"};
    char known[KNOWN_SIZE];
    char ticket[EVENT_TICKET_SIZE];

    (void)state;
    hear(&survey, ticket, known);
    assert_string_equal(ticket, WT);
    assert_non_null(strstr(known, "+survey.default.answer="));
    hear(&story[1], ticket, known);
    assert_string_equal(ticket, KD);
    assert_non_null(strstr(known, "+survey.default.answer=")); /* brought along */
    hear(&survey, ticket, known);
    assert_string_equal(ticket, KD);
}

/* Asked by the flow the caller is in, which knows no task. */
static void
an_answer_about_a_call_is_told_to_its_tasks_ticket(void **state)
{
    static const struct told survey = {"survey.completed/" CA "/1", "survey",
        "CallSid=" CA "&Score=4&Email=ana@example.com"};
    static const struct told task = {"task.created/" WT, "taskrouter",
        TASK_FORM("task.created", "00000")
            ATTRIBUTES("{\"flexInteractionSid\":\"" KD "\",\"conversationSid\":\"" CH
                       "\",\"call_sid\":\"" CA "\"}")};
    static const struct told none = {"task.created/" WT, "taskrouter",
        TASK_FORM("task.created", "00000") ATTRIBUTES("{\"call_sid\":\"undefined\"}")};
    char known[KNOWN_SIZE];
    char ticket[EVENT_TICKET_SIZE];

    (void)state;
    hear(&none, ticket, known);
    hear(&survey, ticket, known);
    assert_string_equal(ticket, CA);
    hear(&task, ticket, known);
    assert_string_equal(ticket, KD);
    assert_non_null(strstr(known, "+survey.default.answer=")); /* brought along */
    hear(&survey, ticket, known);
    assert_string_equal(ticket, KD);
    assert_non_null(strstr(known, "-" WT ".created="));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_every_order_each_record_knows_the_whole_ticket_by_one_name),
        TEST(two_names_that_mean_each_other_are_one_ticket),
        TEST(what_it_was_called_is_known_wherever_its_name_came_from),
        TEST(what_another_ticket_was_called_this_one_was_not),
        TEST(a_conversation_is_its_latest_ticket_that_had_begun),
        TEST(an_answer_is_told_to_the_ticket_it_is_about_and_links_nothing),
        TEST(an_answer_about_a_call_is_told_to_its_tasks_ticket),
    };

    return cmocka_run_group_tests_name("telling", tests, start_redis, stop_redis);
}
