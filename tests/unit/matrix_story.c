/*
 * matrix_story.c - what docs/mapping.md speaks of where it shows all rules together, as records.
 */
#include "tests/unit/matrix_story.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/deliver/job.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"
#include "tests/unit/page_table.h"

#define OTHER "WTfedcba9876543210fedcba9876543210"

enum {
    TOLD_MAX = 6,
    SETTLED_S = 300,
    BEGAN_S = 1767225600,
    OLD_S = 7200,
};

/* ---- the words ------------------------------------------------------------------------------ */

const struct matrix_event matrix_events[MATRIX_EVENTS] = {
    {"created", "task.created", "", 0, true},
    {"completed", "task.completed", "", 100, true},
    {"hung up", "task.canceled", "hangup", 100, true},
    {"out of time", "task.canceled", "Task TTL Exceeded", 100, true},
    {"hung up at once", "task.canceled", "hangup", 3, true},
    {"canceled otherwise", "task.canceled", "cleaned up", 100, true},
    {"conversation ended", "conversation.ended", "", 100, false},
    {"call ended", "conversation.ended", "", 100, true},
    {"survey answered", "survey.completed", "", 100, true},
};

static const char ana[] = "{'email':'ana@example.com'}";

const char *const matrix_titles[DIMENSIONS] = {
    "its ticket has", "the task is for", "it was begun by", "its customer is", "it is"};

const struct matrix_value matrix_values[] = {
    {BY_TICKET, "no other task", .kind = NULL},
    {BY_TICKET, "an agent who took it",
        .steps = {{.type = "reservation.accepted", .at_s = 1, .is_own = true}}},
    {BY_TICKET, "an earlier task, open",
        .steps = {{.type = "task.created", .at_s = -100}}},
    {BY_TICKET, "an earlier task, completed",
        .steps = {{.type = "task.created", .at_s = -100},
            {.type = "reservation.accepted", .at_s = -90},
            {.type = "task.completed", .at_s = -50}}},
    {BY_TICKET, "a later task, open", .steps = {{.type = "task.created", .at_s = 1}}},
    {BY_TICKET, "a later task, canceled",
        .steps = {{.type = "task.created", .at_s = 1},
            {.type = "task.canceled", .at_s = 2}}},
    {BY_TICKET, "a survey beside it",
        .steps = {{.type = "task.created", .at_s = 1, .kind = "Survey"}}},
    {BY_TICKET, "a parked conversation",
        .steps = {{.type = "conversation.inactive", .at_s = 2}}},
    {BY_TICKET, "an earlier task, begun by the business",
        .steps = {{.type = "task.created", .at_s = -1, .direction = "outbound"},
            {.type = "task.deleted", .at_s = 0}}},

    {BY_KIND, "support", .kind = ""},
    {BY_KIND, "a survey", .kind = "Survey"},
    {BY_KIND, "a survey, answered", .kind = "Survey", .score = "4"},
    {BY_KIND, "a callback", .kind = "Callback"},
    {BY_KIND, "a voicemail", .kind = "Voicemail"},

    {BY_DIRECTION, "the customer", .direction = "inbound"},
    {BY_DIRECTION, "nobody knows whom", .direction = ""},
    {BY_DIRECTION, "the business", .direction = "outbound"},
    {BY_DIRECTION, "the business; outbound: ignore", .direction = "outbound",
        .outbound = RULES_OUTBOUND_IGNORE},
    {BY_DIRECTION, "the business; outbound: all", .direction = "outbound",
        .outbound = RULES_OUTBOUND_ALL},

    {BY_CUSTOMER, "named", .attributes = ana},
    {BY_CUSTOMER, "named by another record only", .attributes = "{}",
        .is_told_elsewhere = true},
    {BY_CUSTOMER, "not named", .attributes = "{}"},
    {BY_CUSTOMER, "a caller without a number", .attributes = "{'phone':'anonymous'}"},
    {BY_CUSTOMER, "one of own_numbers", .attributes = "{'phone':'+15550100000'}"},
    {BY_CUSTOMER, "of internal_domains",
        .attributes = "{'email':'max@staff.example.com'}"},
    {BY_CUSTOMER, "not in brevo.only_contacts", .attributes = ana, .is_stranger = true},

    {BY_AGE, "new", .is_old = false},
    {BY_AGE, "older than brevo.max_event_age", .is_old = true},
    {DIMENSIONS, NULL, .kind = NULL},
};

static_assert(LENGTH(matrix_values) <= MATRIX_VALUES_MAX, "the page's rows have room");

/* ---- circumstances ------------------------------------------------------------------------- */

size_t
matrix_first_of(enum matrix_dimension dimension)
{
    size_t i = 0;

    while (matrix_values[i].dimension != dimension) {
        i++;
    }
    return i;
}

struct circumstances
matrix_ordinary(void)
{
    struct circumstances all = {0};

    for (size_t i = 0; i < DIMENSIONS; i++) {
        all.of[i] = matrix_first_of((enum matrix_dimension)i);
    }
    return all;
}

const struct matrix_value *
matrix_value_of(const struct circumstances *all, enum matrix_dimension dimension)
{
    return &matrix_values[all->of[dimension]];
}

bool
matrix_next(struct circumstances *all)
{
    for (size_t i = 0; i < DIMENSIONS; i++) {
        const size_t value = all->of[i] + 1;

        if (matrix_values[value].dimension == (enum matrix_dimension)i) {
            all->of[i] = value;
            return true;
        }
        all->of[i] = matrix_first_of((enum matrix_dimension)i);
    }
    return false;
}

static void
set_config(const struct circumstances *all, struct config *config)
{
    static char create[] = "always";
    struct rules *by = &config->rules;

    *config = (struct config){.rules = rules, .contacts_create = create};
    by->event_names[EVENT_SURVEY_COMPLETED] = "CSAT_SUBMITTED";
    by->sync_csat = true;
    by->csat_scale = 5;
    by->csat_settle_ms = 120000;
    by->extractors[0] = (struct rules_extractor){.in = RULES_IN_SURVEY_TASK,
        .attribute = "conversations.kind",
        .attribute_value = "Survey",
        .score = "conversations.conversation_measure_1",
        .score_max = 5};
    by->extractor_count = 1;
    by->max_event_age_ms = (int64_t)OLD_S * MS_PER_S;
    by->ticket_settle_ms = 5000;
    by->ticket_abandoned_after_ms = 120000;
    by->ticket_min_wait_ms = 5000;
    by->ticket_join_wait_ms = 300000;
    by->ticket_voice_end_ms = 120000;
    by->identity_wait_ms = 200000;
    by->own_numbers = (struct rules_texts){{"+15550100000"}, 1};
    by->internal_domains = (struct rules_texts){{"staff.example.com"}, 1};
    by->outbound = matrix_value_of(all, BY_DIRECTION)->outbound;
    by->ticket_per_task = all->is_per_task;
    if (matrix_value_of(all, BY_CUSTOMER)->is_stranger) {
        by->only_contacts = (struct rules_texts){{"lena@example.com"}, 1};
    }
}

/* ---- a story ------------------------------------------------------------------------------- */

struct story {
    struct config config;
    struct queue_record records[TOLD_MAX];
    char keys[TOLD_MAX][96];
    struct job jobs[TOLD_MAX]; /* the last one is of the event in question */
    size_t count;
};

static json_t *
attributes_of(
    const struct circumstances *all, const struct matrix_step *step, bool names_customer)
{
    const char *kind =
        step->kind != NULL ? step->kind : matrix_value_of(all, BY_KIND)->kind;
    const char *direction = step->direction != NULL
                                ? step->direction
                                : matrix_value_of(all, BY_DIRECTION)->direction;
    json_t *attributes =
        json_of(names_customer ? ana : matrix_value_of(all, BY_CUSTOMER)->attributes);

    assert_int_equal(
        json_object_update_new(attributes,
            json_pack("{s:s, s:s, s:{s:s, s:s*}}", "flexInteractionSid", INTERACTION,
                "direction", direction, "conversations", "kind", kind,
                "conversation_measure_1", matrix_value_of(all, BY_KIND)->score)),
        0);
    return attributes;
}

static json_t *
payload_of(const struct circumstances *all, const struct matrix_step *step,
    int64_t date_ms, int age_s, bool names_customer)
{
    json_t *payload =
        json_pack("{s:s, s:I, s:s, s:s}", "event_type", step->type, "date_ms",
            (json_int_t)date_ms, "account_sid", "AC01", "interaction_sid", INTERACTION);

    if (!step->is_own &&
        strncmp(step->type, "conversation.", strlen("conversation.")) == 0) {
        (void)json_object_set_new(payload, "conversation_sid", json_string(CONVERSATION));
        return payload;
    }
    assert_int_equal(
        json_object_update_new(payload,
            json_pack("{s:s, s:s, s:i, s:o}", "task_sid", step->is_own ? TASK : OTHER,
                "task_channel_unique_name", "sms", "task_age", age_s, "task_attributes",
                attributes_of(all, step, names_customer))),
        0);
    return payload;
}

/* A record of it comes to a worker, which hears what it says of its ticket. */
static void
tell(
    struct story *story, const struct matrix_step *step, json_t *payload, int64_t told_ms)
{
    const size_t i = story->count++;
    struct job *job = &story->jobs[i];

    assert_true(i < TOLD_MAX && payload != NULL);
    (void)snprintf(story->keys[i], sizeof(story->keys[i]), "%s/%s", step->type,
        json_object_get(payload, "task_sid") == NULL ? CONVERSATION
        : step->is_own                               ? TASK
                                                     : OTHER);
    story->records[i] = (struct queue_record){.key = story->keys[i],
        .received_ms = told_ms,
        .now_ms = told_ms,
        .waits_since_ms = told_ms,
        .attempts = 1,
        .schema = QUEUE_SCHEMA};
    job_start(job, &story->records[i], 0);
    job->payload = payload;
    job->stage = JOB_PARSED;
    job_map(job, &story->config, 0);
    if (job->stage == JOB_SPLITTING) { /* its answers are records of their own by now */
        job_split(job, &story->config, 0);
    }
}

static void
tell_all(struct story *story, const struct circumstances *all, size_t event)
{
    static const struct matrix_step creation = {
        .type = "task.created", .at_s = 0, .is_own = true};
    static const struct matrix_step update = {
        .type = "task.updated", .at_s = 0, .is_own = true};
    const struct matrix_step end = {.type = matrix_events[event].type,
        .at_s = matrix_events[event].age_s,
        .is_own = matrix_events[event].is_of_task};
    const struct matrix_value *ticket = matrix_value_of(all, BY_TICKET);
    const int64_t began_ms = (int64_t)BEGAN_S * MS_PER_S;
    const int64_t end_ms = began_ms + (int64_t)end.at_s * MS_PER_S;
    const bool is_old = matrix_value_of(all, BY_AGE)->is_old;
    const bool is_told_elsewhere = matrix_value_of(all, BY_CUSTOMER)->is_told_elsewhere;
    const int64_t told_ms = end_ms + (is_old ? (int64_t)(OLD_S + 600) * MS_PER_S : 0);

    set_config(all, &story->config);
    if (event != 0) {
        tell(story, &creation, payload_of(all, &creation, began_ms, 0, false), told_ms);
    }
    if (is_told_elsewhere) {
        tell(story, &update, payload_of(all, &update, began_ms, 0, true), told_ms);
    }
    for (size_t i = 0; i < MATRIX_STEPS_MAX && ticket->steps[i].type != NULL; i++) {
        const struct matrix_step *step = &ticket->steps[i];
        const int began_s = step->is_own ? 0 : ticket->steps[0].at_s;

        tell(story, step,
            payload_of(all, step, began_ms + (int64_t)step->at_s * MS_PER_S,
                step->at_s - began_s, is_told_elsewhere && !step->is_own),
            told_ms);
    }
    json_t *payload = payload_of(all, &end, end_ms, end.at_s, false);

    (void)json_object_set_new(
        payload, "task_canceled_reason", json_string(matrix_events[event].reason));
    (void)json_object_set_new(payload, "score", json_integer(4));
    tell(story, &end, payload, told_ms);
}

static void
forget(struct job *job)
{
    json_decref(job->payload);
    json_decref(job->event);
    json_decref(job->contact);
    buffer_done(&job->url);
}

static void
forget_all(struct story *story)
{
    for (size_t i = 0; i < story->count; i++) {
        forget(&story->jobs[i]);
    }
}

/* ---- judged -------------------------------------------------------------------------------- */

static void
say(const struct job *job, const struct config *config, char said[CELL_SIZE])
{
    const char *name = job_event_name(job, config);
    const char *outcome = job->reading.event.outcome;

    if (job->stage == JOB_FINISHED) {
        (void)snprintf(said, CELL_SIZE, "%s",
            job->settlement.outcome == QUEUE_DELAYED ? "waits" : job->settlement.reason);
    } else if (job->mute != NULL) {
        (void)snprintf(said, CELL_SIZE, "%s", job->mute);
    } else {
        (void)snprintf(said, CELL_SIZE, "%s%s%s", name, outcome != NULL ? " " : "",
            outcome != NULL ? outcome : "");
    }
}

/* The event in question, `after_s` after it was read first; all others told in this order. */
static void
judge(struct story *story, const size_t *order, int64_t after_s, char said[CELL_SIZE])
{
    const size_t last = story->count - 1;
    const int64_t now_us = after_s * MS_PER_S * US_PER_MS;
    struct job job = story->jobs[last];
    struct facts facts = {0};

    for (size_t i = 0; i <= last; i++) {
        const struct ticket_says *says = &story->jobs[i < last ? order[i] : last].says;

        for (size_t j = 0; j < says->fact_count; j++) {
            facts_add(&facts, says->facts[j]);
        }
    }
    buffer_init(&job.url, BREVO_URL_SIZE_MAX);
    job.payload = json_incref(job.payload);
    if (job.stage == JOB_TELLING) {
        job_judge(&job, &facts, &story->config, now_us);
    } else {
        job.event = json_incref(job.event);
        job.contact = json_incref(job.contact);
    }
    say(&job, &story->config, said);
    forget(&job);
}

/* "waits, " and what it becomes in the end, or what it becomes at once. */
static void
becomes(struct story *story, const size_t *order, char said[CELL_SIZE])
{
    char in_the_end[CELL_SIZE];

    judge(story, order, SETTLED_S, said);
    if (strcmp(said, "waits") == 0) {
        judge(story, order, OLD_S - SETTLED_S, in_the_end);
        (void)snprintf(said, CELL_SIZE, "waits, %.300s", in_the_end);
    }
}

bool
matrix_is_so(
    const struct circumstances *all, size_t event, const char *expected, bool any_order)
{
    static const size_t straight[TOLD_MAX] = {0, 1, 2, 3, 4, 5};
    size_t order[TOLD_MAX];
    char said[CELL_SIZE];
    struct story story = {0};
    bool same = true;

    memcpy(order, straight, sizeof(order));
    tell_all(&story, all, event);
    do {
        becomes(&story, order, said);
        same = strcmp(said, expected) == 0;
    } while (same && any_order && permute(order, story.count - 1));
    if (!same) {
        print_error("%s", matrix_events[event].words);
        for (size_t i = 0; i < DIMENSIONS; i++) {
            print_error(", %s %s", matrix_titles[i],
                matrix_value_of(all, (enum matrix_dimension)i)->words);
        }
        print_error(": is \"%s\", not \"%s\"\n", said, expected);
    }
    forget_all(&story);
    return same;
}
