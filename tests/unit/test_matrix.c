/*
 * test_matrix.c - docs/mapping.md says what becomes of each event under each circumstance, and this
 * makes it true, also of all circumstances together.
 *
 * A circumstance is a row of the page, an event a column. Each combination is told record by record
 * to the code that a worker runs, and judged twice: when others had their time to tell, and when
 * nothing is waited for any more.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/deliver/job.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"
#include "tests/unit/page_table.h"

#define OTHER "WTfedcba9876543210fedcba9876543210"

enum {
    EVENTS = 8,
    WORDS = 2, /* columns before the events */
    TOLD_MAX = 6,
    STEPS_MAX = 3,
    VALUES_MAX = 24,
    RANKS_MAX = 16,
    SETTLED_S = 300,
    BEGAN_S = 1767225600,
    OLD_S = 7200,
};

/* ---- what the page speaks of ---------------------------------------------------------------- */

static const struct {
    const char *words; /* the column's head, and of the order's row */
    const char *type;
    const char *reason; /* of a cancellation */
    int age_s;          /* of the task, then */
} events[EVENTS] = {
    {"created", "task.created", "", 0},
    {"completed", "task.completed", "", 100},
    {"hung up", "task.canceled", "hangup", 100},
    {"out of time", "task.canceled", "Task TTL Exceeded", 100},
    {"hung up at once", "task.canceled", "hangup", 3},
    {"canceled otherwise", "task.canceled", "cleaned up", 100},
    {"conversation ended", "conversation.ended", "", 100},
    {"survey answered", "survey.completed", "", 100},
};

enum dimension {
    BY_TICKET,
    BY_KIND,
    BY_DIRECTION,
    BY_CUSTOMER,
    BY_AGE,
    DIMENSIONS
};

/* What else was told: `at_s` counts from the creation of the task in question. */
struct step {
    const char *type;
    int at_s;
    bool is_own;
    const char *kind;
    const char *direction;
};

/* Absent members are as in the first row. */
struct value {
    enum dimension dimension;
    const char *words;
    struct step steps[STEPS_MAX];
    const char *kind;
    const char *direction;
    enum rules_outbound outbound; /* the setting */
    const char *attributes;
    bool is_told_elsewhere; /* whom it is about */
    bool is_stranger;
    bool is_old;
};

static const char ana[] = "{'email':'ana@example.com'}";

static const char *const titles[DIMENSIONS] = {
    "its ticket has", "the task is for", "it was begun by", "its customer is", "it is"};

/* The first of each dimension is what the first row of the page says. */
static const struct value values[] = {
    {BY_TICKET, "no other task", .kind = NULL},
    {BY_TICKET, "an agent who took it",
        .steps = {{"reservation.accepted", 1, .is_own = true}}},
    {BY_TICKET, "an earlier task, open", .steps = {{"task.created", -100}}},
    {BY_TICKET, "an earlier task, completed",
        .steps = {{"task.created", -100}, {"reservation.accepted", -90},
            {"task.completed", -50}}},
    {BY_TICKET, "a later task, open", .steps = {{"task.created", 1}}},
    {BY_TICKET, "a later task, canceled",
        .steps = {{"task.created", 1}, {"task.canceled", 2}}},
    {BY_TICKET, "a survey beside it", .steps = {{"task.created", 1, .kind = "Survey"}}},
    {BY_TICKET, "a parked conversation", .steps = {{"conversation.inactive", 2}}},
    {BY_TICKET, "an earlier task, begun by the business",
        .steps = {{"task.created", -1, .direction = "outbound"}, {"task.deleted", 0}}},

    {BY_KIND, "support", .kind = ""},
    {BY_KIND, "a survey", .kind = "Survey"},
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
};

/* ---- the page ------------------------------------------------------------------------------ */

static struct {
    char cells[LENGTH(values)][EVENTS][64]; /* "": as in the first row */
    bool is_shown[LENGTH(values)];
    char ranks[EVENTS][RANKS_MAX][32]; /* what is said first */
} page;

/* The cells of "| a | b |", trimmed and without backticks; returns how many. */
static size_t
split(char *line, char *cells[], size_t max)
{
    size_t count = 0;

    for (char *cell = line[0] == '|' ? line + 1 : NULL; cell != NULL && count < max;) {
        char *end = strchr(cell, '|');
        size_t kept = 0;

        if (end == NULL) {
            break;
        }
        cells[count++] = cell;
        for (char *c = cell + strspn(cell, " "); c < end; c++) {
            if (*c != '`') {
                cell[kept++] = *c;
            }
        }
        while (kept > 0 && cell[kept - 1] == ' ') {
            kept--;
        }
        cell[kept] = '\0';
        cell = end + 1;
    }
    return count;
}

static void
read_circumstance(char *cells[WORDS + EVENTS])
{
    for (size_t i = 0; i < LENGTH(values); i++) {
        if (strcmp(cells[0], titles[values[i].dimension]) != 0 ||
            strcmp(cells[1], values[i].words) != 0) {
            continue;
        }
        assert_false(page.is_shown[i]);
        page.is_shown[i] = true;
        for (size_t event = 0; event < EVENTS; event++) {
            assert_true(strlen(cells[WORDS + event]) < sizeof(page.cells[0][0]));
            memcpy(page.cells[i][event], cells[WORDS + event],
                strlen(cells[WORDS + event]) + 1);
        }
        return;
    }
    fail_msg("%s %s: nobody knows what that means", cells[0], cells[1]);
}

/* Whether the list, "a, b, c", has the words. */
static bool
lists(const char *list, const char *words)
{
    const size_t size = strlen(words);

    while (strncmp(list, words, size) != 0 || (list[size] != '\0' && list[size] != ',')) {
        list = strchr(list, ',');
        if (list == NULL) {
            return false;
        }
        list += strspn(list, ", ");
    }
    return true;
}

static void
read_order(size_t event, const char *order)
{
    char text[CELL_SIZE];
    char *rest = NULL;
    size_t rank = 0;

    (void)snprintf(text, sizeof(text), "%s", order);
    for (char *word = strtok_r(text, ", ", &rest); word != NULL;
         word = strtok_r(NULL, ", ", &rest)) {
        assert_true(rank < RANKS_MAX && strlen(word) < sizeof(page.ranks[0][0]));
        memcpy(page.ranks[event][rank++], word, strlen(word) + 1);
    }
}

static void
read_line(char *line)
{
    static bool is_matrix;
    static bool is_order;
    char *cells[WORDS + EVENTS + 1];
    const size_t count = split(line, cells, LENGTH(cells));

    if (count == 0) {
        is_matrix = is_order = false;
    } else if (count == WORDS + EVENTS && cells[0][0] == '\0') {
        is_matrix = true;
        for (size_t i = 0; i < EVENTS; i++) {
            assert_string_equal(cells[WORDS + i], events[i].words);
        }
    } else if (count == 2 && strcmp(cells[1], "is, in this order") == 0) {
        is_order = true;
    } else if (is_matrix && cells[0][0] != '-') {
        read_circumstance(cells);
    }
    for (size_t i = 0; is_order && count == 2 && i < EVENTS; i++) {
        if (lists(cells[0], events[i].words)) {
            read_order(i, cells[1]);
        }
    }
}

static int
read_page(void **state)
{
    const char *path = getenv("FLEXBREVO_MAPPING_MD");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    char line[2048];

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        read_line(line);
    }
    return fclose(file);
}

/* ---- circumstances ------------------------------------------------------------------------- */

/* One value of each dimension, by its place in the table. */
struct circumstances {
    size_t of[DIMENSIONS];
    bool is_per_task; /* the setting */
};

static size_t
first_of(enum dimension dimension)
{
    size_t i = 0;

    while (values[i].dimension != dimension) {
        i++;
    }
    return i;
}

static struct circumstances
ordinary(void)
{
    struct circumstances all = {0};

    for (size_t i = 0; i < DIMENSIONS; i++) {
        all.of[i] = first_of((enum dimension)i);
    }
    return all;
}

static const struct value *
value_of(const struct circumstances *all, enum dimension dimension)
{
    return &values[all->of[dimension]];
}

/* The next combination; false behind the last. */
static bool
next(struct circumstances *all)
{
    for (size_t i = 0; i < DIMENSIONS; i++) {
        const size_t value = all->of[i] + 1;

        if (value < LENGTH(values) && values[value].dimension == (enum dimension)i) {
            all->of[i] = value;
            return true;
        }
        all->of[i] = first_of((enum dimension)i);
    }
    return false;
}

static void
set_config(const struct circumstances *all, struct config *config)
{
    struct rules *by = &config->rules;

    *config = (struct config){.rules = rules};
    by->event_names[EVENT_SURVEY_COMPLETED] = "CSAT_SUBMITTED";
    by->sync_csat = true;
    by->csat_scale = 5;
    by->max_event_age_ms = (int64_t)OLD_S * MS_PER_S;
    by->ticket_settle_ms = 5000;
    by->ticket_abandoned_after_ms = 120000;
    by->ticket_min_wait_ms = 5000;
    by->ticket_join_wait_ms = 300000;
    by->own_numbers = (struct rules_texts){{"+15550100000"}, 1};
    by->internal_domains = (struct rules_texts){{"staff.example.com"}, 1};
    by->outbound = value_of(all, BY_DIRECTION)->outbound;
    by->ticket_per_task = all->is_per_task;
    if (value_of(all, BY_CUSTOMER)->is_stranger) {
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
    int64_t now_ms;
};

static json_t *
attributes_of(
    const struct circumstances *all, const struct step *step, bool names_customer)
{
    const char *kind = step->kind != NULL ? step->kind : value_of(all, BY_KIND)->kind;
    const char *direction = step->direction != NULL
                                ? step->direction
                                : value_of(all, BY_DIRECTION)->direction;
    json_t *attributes =
        json_of(names_customer ? ana : value_of(all, BY_CUSTOMER)->attributes);

    assert_int_equal(
        json_object_update_new(attributes,
            json_pack("{s:s, s:s, s:{s:s}}", "flexInteractionSid", INTERACTION,
                "direction", direction, "conversations", "kind", kind)),
        0);
    return attributes;
}

static json_t *
payload_of(const struct circumstances *all, const struct step *step, int64_t date_ms,
    int age_s, bool names_customer)
{
    json_t *payload =
        json_pack("{s:s, s:I, s:s, s:s}", "event_type", step->type, "date_ms",
            (json_int_t)date_ms, "account_sid", "AC01", "interaction_sid", INTERACTION);

    if (strncmp(step->type, "conversation.", strlen("conversation.")) == 0) {
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
tell(struct story *story, const struct step *step, json_t *payload, int64_t told_ms)
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
        .attempts = 1,
        .schema = QUEUE_SCHEMA};
    job_start(job, &story->records[i], 0);
    job->payload = payload;
    job->stage = JOB_PARSED;
    job_map(job, &story->config, 0);
}

static void
tell_all(struct story *story, const struct circumstances *all, size_t event)
{
    static const struct step creation = {"task.created", 0, .is_own = true};
    static const struct step update = {"task.updated", 0, .is_own = true};
    const struct step end = {events[event].type, events[event].age_s, .is_own = true};
    const struct value *ticket = value_of(all, BY_TICKET);
    const int64_t began_ms = (int64_t)BEGAN_S * MS_PER_S;
    const int64_t end_ms = began_ms + (int64_t)end.at_s * MS_PER_S;
    const bool is_old = value_of(all, BY_AGE)->is_old;
    const int64_t told_ms = end_ms + (is_old ? (int64_t)(OLD_S + 600) * MS_PER_S : 0);

    set_config(all, &story->config);
    if (event != 0) {
        tell(story, &creation, payload_of(all, &creation, began_ms, 0, false), told_ms);
    }
    if (value_of(all, BY_CUSTOMER)->is_told_elsewhere) {
        tell(story, &update, payload_of(all, &update, began_ms, 0, true), told_ms);
    }
    for (size_t i = 0; i < STEPS_MAX && ticket->steps[i].type != NULL; i++) {
        const struct step *step = &ticket->steps[i];

        tell(story, step,
            payload_of(all, step, began_ms + (int64_t)step->at_s * MS_PER_S,
                step->is_own ? step->at_s : step->at_s - ticket->steps[0].at_s, false),
            told_ms);
    }
    json_t *payload = payload_of(all, &end, end_ms, end.at_s, false);

    (void)json_object_set_new(
        payload, "task_canceled_reason", json_string(events[event].reason));
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

/* The event in question, `after_s` behind its receipt; all others told in this order. */
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

static bool
is_so(const struct circumstances *all, size_t event, const char *expected, bool any_order)
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
        print_error("%s", events[event].words);
        for (size_t i = 0; i < DIMENSIONS; i++) {
            print_error(", %s %s", titles[i], value_of(all, (enum dimension)i)->words);
        }
        print_error(": is \"%s\", not \"%s\"\n", said, expected);
    }
    forget_all(&story);
    return same;
}

/* ---- what the page makes of several circumstances -------------------------------------------- */

static const char *
cell(size_t value, size_t event)
{
    const char *own = page.cells[value][event];

    return own[0] != '\0' ? own : page.cells[first_of(BY_TICKET)][event];
}

static bool
is_reason(const char *text)
{
    return islower((unsigned char)text[0]) != 0;
}

static const char *
without_waits(const char *text)
{
    return strncmp(text, "waits, ", strlen("waits, ")) == 0 ? text + strlen("waits, ")
                                                            : text;
}

static bool
is_reason_of_customer(const char *reason)
{
    static const int results[] = {CUSTOMER_E_NO_IDENTITY, CUSTOMER_E_ANONYMOUS,
        CUSTOMER_E_OWN_NUMBER, CUSTOMER_E_INTERNAL};

    for (size_t i = 0; i < LENGTH(results); i++) {
        if (strcmp(customer_reason(results[i]), reason) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Where in the order; RANKS_MAX: nowhere. One that is there twice is said of the task itself first,
 * and of its ticket later.
 */
static size_t
rank_of(const char *reason, size_t event, enum dimension dimension)
{
    static const char nobody[] = "nobody"; /* that one could write to */
    const bool is_nobody = is_reason_of_customer(reason);
    size_t found = RANKS_MAX;

    for (size_t i = 0; i < RANKS_MAX; i++) {
        if (strcmp(page.ranks[event][i], is_nobody ? nobody : reason) == 0 &&
            (found == RANKS_MAX || dimension == BY_TICKET)) {
            found = i;
        }
    }
    return found;
}

/* What the row says; with `outbound: all` it is like any other earlier task. */
static const char *
said_by(const struct circumstances *all, enum dimension dimension, size_t event)
{
    const char *text = page.cells[all->of[dimension]][event];

    if (dimension == BY_TICKET && strcmp(text, "outbound") == 0 &&
        value_of(all, BY_DIRECTION)->outbound == RULES_OUTBOUND_ALL) {
        return rank_of("same_ticket", event, BY_TICKET) < RANKS_MAX ? "same_ticket" : "";
    }
    return text;
}

static void
expect(const struct circumstances *all, size_t event, char expected[CELL_SIZE])
{
    const char *ticket = cell(all->of[BY_TICKET], event);
    const bool may_wait =
        ticket != without_waits(ticket) && !value_of(all, BY_AGE)->is_old;
    const char *said = without_waits(cell(first_of(BY_TICKET), event));
    size_t best = RANKS_MAX;

    if (is_reason(said)) {
        best = rank_of(said, event, BY_TICKET);
    }
    for (size_t i = 0; i < DIMENSIONS; i++) {
        const enum dimension dimension = (enum dimension)i;
        const char *reason = without_waits(said_by(all, dimension, event));

        if (reason[0] == '\0') {
            continue;
        }
        const size_t rank = rank_of(reason, event, dimension);

        if (is_reason(reason)) {
            assert_true(rank < RANKS_MAX);
        }
        if (rank < best ||
            dimension == BY_TICKET) { /* which is not beside the first row */
            best = rank;
            said = reason;
        }
    }
    (void)snprintf(expected, CELL_SIZE, "%s%s",
        may_wait && best > rank_of("waits", event, BY_TICKET) ? "waits, " : "", said);
}

static bool
is_impossible(const struct circumstances *all, size_t event)
{
    for (size_t i = 0; i < DIMENSIONS; i++) {
        if (strcmp(page.cells[all->of[i]][event], "-") == 0) {
            return true;
        }
    }
    return false;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void
the_page_shows_every_circumstance(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(values); i++) {
        const bool is_first = first_of(values[i].dimension) == i;

        if (page.is_shown[i] != (!is_first || values[i].dimension == BY_TICKET)) {
            fail_msg("%s %s", titles[values[i].dimension], values[i].words);
        }
    }
    for (size_t event = 0; event < EVENTS; event++) {
        assert_true(page.cells[first_of(BY_TICKET)][event][0] != '\0');
        assert_true(page.ranks[event][0][0] != '\0');
    }
}

static void
each_cell_is_true_in_every_order(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < LENGTH(values); i++) {
        struct circumstances all = ordinary();

        all.of[values[i].dimension] = i;
        for (size_t event = 0; event < EVENTS; event++) {
            if (!is_impossible(&all, event)) {
                wrong += is_so(&all, event, cell(i, event), true) ? 0 : 1;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

static void
of_several_circumstances_the_first_in_the_order_is_said(void **state)
{
    struct circumstances all = ordinary();
    size_t wrong = 0;

    (void)state;
    do {
        for (size_t event = 0; event < EVENTS; event++) {
            char expected[CELL_SIZE];

            if (!is_impossible(&all, event) && wrong < 20) {
                expect(&all, event, expected);
                wrong += is_so(&all, event, expected, false) ? 0 : 1;
            }
        }
    } while (next(&all));
    assert_int_equal(wrong, 0);
}

/* But for an agent who took the task itself. */
static void
by_task_nothing_counts_that_its_ticket_has(void **state)
{
    struct circumstances all = ordinary();
    size_t wrong = 0;

    (void)state;
    all.is_per_task = true;
    for (size_t i = 0; values[i].dimension == BY_TICKET; i++) {
        const bool is_own = values[i].steps[0].is_own;

        all.of[BY_TICKET] = i;
        for (size_t event = 0; event < EVENTS; event++) {
            const char *expected = cell(is_own ? i : first_of(BY_TICKET), event);

            wrong += is_so(&all, event, expected, true) ? 0 : 1;
        }
    }
    assert_int_equal(wrong, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_shows_every_circumstance),
        cmocka_unit_test(each_cell_is_true_in_every_order),
        cmocka_unit_test(of_several_circumstances_the_first_in_the_order_is_said),
        cmocka_unit_test(by_task_nothing_counts_that_its_ticket_has),
    };

    return cmocka_run_group_tests_name("matrix", tests, read_page, NULL);
}
