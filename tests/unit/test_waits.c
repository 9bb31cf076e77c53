/*
 * test_waits.c - what waits for others waits from when it was read, however long it was stored.
 */
#include <stdio.h>
#include <string.h>

#include "server/deliver/job.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"

#define NOBODY(type) "{'event_type':'" type "','task_attributes':{}}"
#define ENDED                                                                  \
    "{'event_type':'conversation.ended','task_sid':null,'task_attributes':{}," \
    "'conversation_sid':'" CONVERSATION "'}"
#define CALL "{'event_type':'conversation.ended','task_channel_unique_name':'voice'}"
#define HUNG_UP "{'event_type':'task.canceled','task_canceled_reason':'hangup'}"

enum {
    WAIT_MS = 60 * 1000,
    STORED_MS = 60 * WAIT_MS,
};

static struct config config;
static struct queue_record record;

/* Every wait is a minute long. */
static int
set_up(void **state)
{
    static char create[] = "always";
    struct rules *by = &config.rules;

    (void)state;
    config = (struct config){.rules = rules, .contacts_create = create};
    by->event_names[EVENT_SURVEY_COMPLETED] = "CSAT_SUBMITTED";
    by->event_names[EVENT_TASK_WAITING] = "SUPPORT_WAITING";
    by->sync_csat = true;
    by->extractors[0] = (struct rules_extractor){
        .in = RULES_IN_SURVEY_TASK, .queue = "survey", .score = "score", .score_max = 5};
    by->extractors[1] = (struct rules_extractor){.in = RULES_IN_POST, .score_max = 5};
    by->extractor_count = 2;
    by->csat_settle_ms = by->csat_queue_wait_ms = WAIT_MS;
    by->ticket_settle_ms = by->ticket_abandoned_after_ms = WAIT_MS;
    by->ticket_join_wait_ms = by->ticket_voice_end_ms = WAIT_MS;
    by->identity_wait_ms = by->wait_notify_ms = WAIT_MS;
    return 0;
}

/* So long after it was stored, by what is known by now; the job must stay while facts are used. */
static void
read_at(struct job *job, const char *key, const char *changes, int64_t age_ms,
    struct facts *facts)
{
    static char own_key[128];

    (void)snprintf(own_key, sizeof own_key, "%s", key);
    record.key = own_key;
    record.received_ms = received_ms;
    record.now_ms = received_ms + age_ms;
    job_start(job, &record, 0);
    job->payload = read_changed(changes, &config.rules, key, &job->reading);
    job->stage = JOB_PARSED;
    job_map(job, &config, 0);
    if (job->stage == JOB_SPLITTING) {
        job_split(job, &config, 0);
    }
    assert_int_equal(job->stage, JOB_TELLING);
    for (size_t i = 0; i < job->says.fact_count; i++) {
        facts_add(facts, job->says.facts[i]);
    }
    job_judge(job, facts, &config, 0);
}

static bool
waits_for(const struct job *job, const char *reason)
{
    const struct queue_settlement *settlement = &job->settlement;
    const bool waits = job->stage == JOB_FINISHED && settlement->outcome == QUEUE_DELAYED;

    assert_int_equal(settlement->is_wait, waits);
    return waits && strcmp(settlement->reason, reason) == 0;
}

static void
done(struct job *job)
{
    job->record = NULL;
    job_done(job);
}

static void
no_wait_for_others_counts_from_the_receipt(void **state)
{
    static const struct {
        const char *key;
        const char *changes;
        const char *fact; /* and is known of its ticket */
        const char *reason;
    } cases[] = {
        {"conversation.ended/" CONVERSATION, ENDED, NULL, TICKET_WAIT_JOIN},
        {"conversation.ended/" CONVERSATION, ENDED, "-" TASK ".created",
            TICKET_WAIT_IDENTITY},
        {"conversation.ended/" TASK, CALL, NULL, TICKET_WAIT_CALL},
        {"task.created/" TASK, "{'event_type':'task.created'}", NULL, TICKET_WAIT_QUEUE},
        {"task.created/" TASK, NOBODY("task.created"), "-" TASK ".queued",
            TICKET_WAIT_IDENTITY},
        {"task.completed/" TASK, NOBODY("task.completed"), NULL, TICKET_WAIT_SETTLE},
        {"task.canceled/" TASK, HUNG_UP, NULL, TICKET_WAIT_NEWER},
        {"task.waiting/" TASK, "{'event_type':'task.waiting'}", NULL, TICKET_WAIT_NOTIFY},
        {"survey.completed/" TASK "/1", "{'event_type':'survey.completed','score':4}",
            NULL, TICKET_WAIT_ANSWERS},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        static struct job jobs[3];
        struct facts facts = {0};

        if (cases[i].fact != NULL) {
            facts_add(&facts,
                (struct fact){.name = slice_of(cases[i].fact), .rank = received_ms});
        }
        record = (struct queue_record){.schema = QUEUE_SCHEMA};
        read_at(&jobs[0], cases[i].key, cases[i].changes, STORED_MS, &facts);
        assert_true(waits_for(&jobs[0], cases[i].reason));
        record.waits_since_ms = record.now_ms;
        read_at(
            &jobs[1], cases[i].key, cases[i].changes, STORED_MS + WAIT_MS - 1, &facts);
        assert_true(waits_for(&jobs[1], cases[i].reason));
        assert_int_equal(jobs[1].settlement.delay_ms, 1);
        read_at(&jobs[2], cases[i].key, cases[i].changes, STORED_MS + WAIT_MS, &facts);
        assert_false(waits_for(&jobs[2], cases[i].reason));
        for (size_t j = 0; j < LENGTH(jobs); j++) {
            done(&jobs[j]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_wait_for_others_counts_from_the_receipt, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
