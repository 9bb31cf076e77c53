/*
 * test_survey.c - docs/mapping.md says what becomes of surveys within tasks, and this makes it true.
 *
 * Each row of its table is played: all its records tell, in every order; then the last one's answer
 * is judged, or, where it carries none, its task's event.
 */
#include <stdio.h>
#include <string.h>

#include "mapping/survey.h"
#include "mapping/ticket.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"
#include "tests/unit/page_table.h"

#define WORKFLOW "WW00000000000000000000000000000001"

enum {
    WORDS_MAX = 6,
    DETAILS_MAX = 4,
    DETAIL_SIZE = 32,
    BEGAN_S = 1767225600,
};

/* What the rows' first column names. */
static const struct {
    const char *asked;
    struct rules_extractor extractor;
} extractors[] = {
    {"by a task's kind", {.in = RULES_IN_SURVEY_TASK,
                             .attribute = "conversations.kind",
                             .attribute_value = "Survey",
                             .score = "score",
                             .comment = "comment",
                             .score_max = 5}},
    {"by a task's queue", {.in = RULES_IN_SURVEY_TASK,
                              .queue = "survey",
                              .score = "score",
                              .score_min = 1,
                              .score_max = 10}},
    {"by a workflow's name", {.in = RULES_IN_SURVEY_TASK,
                                 .workflow = "survey",
                                 .score = "score",
                                 .score_max = 5}},
    {"within a support case", {.in = RULES_IN_SUPPORT_TASK,
                                  .score = "score",
                                  .comment = "comment",
                                  .score_max = 5}},
    {"as an NPS", {.in = RULES_IN_SUPPORT_TASK, .score = "score", .kind = "nps"}},
    {"by the endpoint", {.in = RULES_IN_POST, .comment = "comment"}},
};

struct row {
    char asked[CELL_SIZE];
    char after[CELL_SIZE];
    char told[CELL_SIZE];
    char becomes[CELL_SIZE];
};

/* "S.completed@30:score=4" */
struct word {
    char subject[16];
    char what[24];
    long at_s;
    char details[DETAILS_MAX][DETAIL_SIZE];
    size_t detail_count;
};

/* A record, of a word or of an answer within it. */
struct record {
    char key[KEY_SIZE_MAX];
    const json_t *payload;
    int64_t received_ms;
    struct event_reading reading;
    struct ticket_says says;
};

struct play {
    json_t *payloads[WORDS_MAX];
    struct record records[2 * WORDS_MAX];
    size_t count;
};

/* ---- the page ------------------------------------------------------------------------------ */

static bool
read_row(const char *line, struct row *row)
{
    char cells[CELLS][CELL_SIZE];

    if (!read_cells(line, 2, cells)) {
        return false;
    }
    memcpy(row->asked, cells[0], CELL_SIZE);
    memcpy(row->after, cells[1], CELL_SIZE);
    memcpy(row->told, cells[2], CELL_SIZE);
    memcpy(row->becomes, cells[3], CELL_SIZE);
    return true;
}

static bool
is_ours(const struct row *row)
{
    bool is_found = false;

    for (size_t i = 0; i < LENGTH(extractors); i++) {
        is_found |= strcmp(extractors[i].asked, row->asked) == 0;
    }
    return is_found;
}

static struct rules
rules_of(const char *asked)
{
    struct rules by = rules;

    by.event_names[EVENT_SURVEY_COMPLETED] = "CSAT_SUBMITTED";
    by.sync_csat = true;
    by.ticket_settle_ms = 5000;
    by.ticket_abandoned_after_ms = 120000;
    by.csat_settle_ms = 600000;
    by.csat_queue_wait_ms = 60000;
    for (size_t i = 0; i < LENGTH(extractors); i++) {
        if (strcmp(extractors[i].asked, asked) == 0) {
            by.extractors[by.extractor_count++] = extractors[i].extractor;
        }
    }
    assert_int_equal(by.extractor_count, 1);
    return by;
}

/* ---- a story ------------------------------------------------------------------------------- */

static void
read_word(const char *text, struct word *word)
{
    *word = (struct word){0};
    assert_int_equal(
        sscanf(text, "%15[^.].%23[^@:]@%ld", word->subject, word->what, &word->at_s), 3);
    for (text = strchr(text, ':'); text != NULL; text = strchr(text + 1, ':')) {
        assert_true(word->detail_count < DETAILS_MAX);
        (void)snprintf(word->details[word->detail_count++], DETAIL_SIZE, "%.*s",
            (int)strcspn(text + 1, ":"), text + 1);
    }
}

/* Of "score=4" the "4"; of a word without '=' the "". NULL: it is not there. */
static const char *
detail_of(const struct word *word, const char *name)
{
    const size_t size = strlen(name);

    for (size_t i = 0; i < word->detail_count; i++) {
        if (strncmp(word->details[i], name, size) == 0) {
            return word->details[i] + size + (word->details[i][size] == '=' ? 1 : 0);
        }
    }
    return NULL;
}

static json_t *
payload_of(const struct word *word, char key[KEY_SIZE_MAX])
{
    const bool is_post = strcmp(word->what, "post") == 0;
    const bool is_kind = detail_of(word, "kind") != NULL;
    const char *of = strcmp(word->what, "accepted") == 0  ? "reservation"
                     : strcmp(word->what, "entered") == 0 ? "task-queue"
                                                          : "task";
    const json_int_t ms = (json_int_t)(BEGAN_S + word->at_s) * MS_PER_S;
    const char *channel = detail_of(word, "channel");
    char type[48];
    char sid[64];

    (void)snprintf(sid, sizeof sid, "WT%032x", (unsigned)word->subject[0]);
    (void)snprintf(
        type, sizeof type, is_post ? "survey.completed" : "%s.%s", of, word->what);
    (void)snprintf(key, KEY_SIZE_MAX, "%s/%s%s", type, sid, is_post ? "/0123" : "");
    if (is_post) {
        return json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:I, s:{s:s}}", "event_type",
            type, "task_sid", sid, "score", detail_of(word, "score"), "comment",
            detail_of(word, "comment"), "kind", detail_of(word, "kind"),
            "task_channel_unique_name", channel, "date_ms", ms, "task_attributes",
            "email", "ana@example.com");
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s, s:I, s:s*, s:{s:s, s:s, s:s*, "
                     "s:s*, s:{s:s*, s:s}}}",
        "event_type", type, "task_sid", sid, "task_channel_unique_name",
        channel != NULL ? channel : "sms", "workflow_sid", "WW01", "workflow_name",
        detail_of(word, "workflow"), "task_canceled_reason", "CSAT saved", "date_ms", ms,
        "task_queue_name", detail_of(word, "queue"), "task_attributes", "email",
        "ana@example.com", "flexInteractionSid", INTERACTION, "score",
        detail_of(word, "score"), "comment", detail_of(word, "comment"), "conversations",
        "kind", is_kind ? "Survey" : NULL, "any", "");
}

static void
add_record(struct play *play, const json_t *payload, const struct word *word,
    const struct rules *by)
{
    struct record *record = &play->records[play->count++];
    const struct event_context context = {
        .record_key = slice_of(record->key),
        .received_ms = (int64_t)(BEGAN_S + word->at_s) * MS_PER_S,
    };

    record->payload = payload;
    record->received_ms = context.received_ms;
    event_read(payload, by, &context, &record->reading);
    ticket_read(&record->reading, payload, by, context.received_ms, &record->says);
}

static void
begin(struct play *play, const char *told, const struct rules *by)
{
    char text[CELL_SIZE];
    char *rest = NULL;
    size_t words = 0;

    (void)snprintf(text, sizeof text, "%s", told);
    for (char *part = strtok_r(text, " ", &rest); part != NULL;
         part = strtok_r(NULL, " ", &rest)) {
        char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX];
        struct word word;

        assert_true(words < WORDS_MAX);
        read_word(part, &word);
        json_t *payload = payload_of(&word, play->records[play->count].key);

        assert_non_null(payload);
        play->payloads[words++] = payload;
        add_record(play, payload, &word, by);
        const size_t answers =
            survey_split(payload, by, slice_of(play->records[play->count - 1].key), keys);

        for (size_t i = 0; i < answers; i++) {
            memcpy(play->records[play->count].key, keys[i], KEY_SIZE_MAX);
            add_record(play, payload, &word, by);
        }
    }
}

static void
end(struct play *play)
{
    for (size_t i = 0; i < WORDS_MAX; i++) {
        json_decref(play->payloads[i]);
    }
}

/* ---- judged -------------------------------------------------------------------------------- */

static void
describe(
    const struct event_reading *reading, const struct rules *by, char becomes[CELL_SIZE])
{
    const struct event *event = &reading->event;

    if (reading->verdict != EVENT_DELIVER) {
        (void)snprintf(becomes, CELL_SIZE, "%s", reading->reason);
    } else if (event->type != EVENT_SURVEY_COMPLETED) {
        (void)snprintf(becomes, CELL_SIZE, "%s", by->event_names[event->type]);
    } else {
        (void)snprintf(becomes, CELL_SIZE, "CSAT_SUBMITTED %ld/%ld%s%.99s%s",
            (long)event->score, (long)event->score_max,
            event->comment[0] != '\0' ? " " : "", event->comment,
            event->is_other_kind ? ", no CSAT_SCORE" : "");
    }
}

static void
judge(const struct play *play, const size_t *order, const struct rules *by, long after_s,
    char becomes[CELL_SIZE])
{
    const struct record *last = &play->records[play->count - 1];
    struct event_reading reading = last->reading;
    const struct ticket_times times = {.read_ms = last->received_ms,
        .now_ms = last->received_ms + (int64_t)after_s * MS_PER_S};
    struct ticket_verdict verdict = {.decision = TICKET_GOES_ON};
    struct facts facts = {0};

    for (size_t i = 0; i < play->count; i++) {
        const struct ticket_says *says = &play->records[order[i]].says;

        for (size_t j = 0; j < says->fact_count; j++) {
            facts_add(&facts, says->facts[j]);
        }
    }
    if (reading.event.type != EVENT_TYPE_COUNT && ticket_may_deliver(&reading)) {
        ticket_judge(&reading, &facts, by, &times, &verdict);
    }
    if (verdict.decision == TICKET_GOES_ON) {
        describe(&reading, by, becomes);
    } else {
        (void)snprintf(becomes, CELL_SIZE, "%s",
            verdict.decision == TICKET_WAITS ? "waits" : verdict.reason);
    }
}

static bool
holds(const struct row *row)
{
    const struct rules by = rules_of(row->asked);
    size_t order[2 * WORDS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static struct play play;
    bool same = true;

    play = (struct play){0};
    begin(&play, row->told, &by);
    do {
        char becomes[CELL_SIZE];

        judge(&play, order, &by, strtol(row->after, NULL, 10), becomes);
        if (strcmp(becomes, row->becomes) != 0) {
            print_error("%s, after %s, %s: is %s, not %s\n", row->told, row->after,
                row->asked, becomes, row->becomes);
            same = false;
        }
    } while (same && permute(order, play.count));
    end(&play);
    return same;
}

static void
each_row_of_the_table_is_true_in_every_order(void **state)
{
    const char *page = getenv("FLEXBREVO_MAPPING_MD");
    FILE *file = page != NULL ? fopen(page, "r") : NULL;
    char line[4 * CELL_SIZE];
    struct row row;
    size_t rows = 0;
    size_t wrong = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (read_row(line, &row) && is_ours(&row)) {
            rows++;
            wrong += holds(&row) ? 0 : 1;
        }
    }
    (void)fclose(file);
    assert_in_range(rows, 32, 100);
    assert_int_equal(wrong, 0);
}

/* ---- what the table does not say ----------------------------------------------------------- */

static void
an_extractor_says_which_of_its_conditions_is_unmet(void **state)
{
    static const struct {
        struct rules_extractor extractor;
        const char *unmet;
    } cases[] = {
        {{.in = RULES_IN_SURVEY_TASK}, NULL},
        {{.in = RULES_IN_SUPPORT_TASK}, NULL},
        {{.in = RULES_IN_POST}, "in"},
        {{.in = RULES_IN_SURVEY_TASK, .attribute = "email"}, NULL},
        {{.in = RULES_IN_SURVEY_TASK, .attribute = "rated"}, NULL},
        {{.in = RULES_IN_SURVEY_TASK, .attribute = "rated", .attribute_value = "True"},
            NULL},
        {{.in = RULES_IN_SURVEY_TASK, .attribute = "rated", .attribute_value = "no"},
            "attribute"},
        {{.in = RULES_IN_SURVEY_TASK, .attribute = "form.no", .attribute_value = "7"},
            NULL},
        {{.in = RULES_IN_SURVEY_TASK, .attribute = "form.name"}, "attribute"},
        {{.in = RULES_IN_SURVEY_TASK, .attribute = "blank"}, "attribute"},
        {{.in = RULES_IN_SURVEY_TASK, .workflow = "assign to anyone"}, NULL},
        {{.in = RULES_IN_SURVEY_TASK, .workflow = "WW01"}, NULL},
        {{.in = RULES_IN_SURVEY_TASK, .workflow = "Assign"}, "workflow"},
        {{.in = RULES_IN_SURVEY_TASK, .channel = CHANNEL_SMS}, NULL},
        {{.in = RULES_IN_SURVEY_TASK, .channel = CHANNEL_VOICE}, "channel"},
        {{.in = RULES_IN_SURVEY_TASK, .queue = "After call"}, NULL},
        {{.in = RULES_IN_SURVEY_TASK, .queue = "Support"}, "queue"},
        {{.in = RULES_IN_SURVEY_TASK, .queue = "Support", .channel = CHANNEL_VOICE},
            "channel"},
    };
    AUTO(payload_release)
    json_t *payload = json_of(
        "{'event_type':'task.updated','task_channel_unique_name':'sms','workflow_name':"
        "'Assign to Anyone','workflow_sid':'WW01','task_queue_name':'After call',"
        "'task_attributes':{'email':'ana@example.com','rated':true,'blank':' ',"
        "'form':{'no':7}}}");

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const char *unmet = survey_unmet(&cases[i].extractor, payload);

        if (cases[i].unmet == NULL) {
            assert_null(unmet);
        } else {
            assert_non_null(unmet);
            assert_string_equal(unmet, cases[i].unmet);
        }
    }
}

/* A name says nothing of a SID, nor the other way round. */
static void
a_survey_is_waited_for_by_what_may_still_be_told(void **state)
{
    static const struct {
        const char *workflow;
        const char *queue;
        const char *says;
        unsigned told; /* by others */
        bool may_be;
    } cases[] = {
        {"After call", NULL, "{'workflow_sid':'" WORKFLOW "'}", 0, true},
        {"After call", NULL, "{'workflow_sid':'" WORKFLOW "'}", SURVEY_TOLD_QUEUE, true},
        {"After call", NULL, "{'workflow_sid':'" WORKFLOW "'}", SURVEY_TOLD_WORKFLOW,
            false},
        {"After call", NULL, "{'workflow_name':'Support'}", 0, false},
        {WORKFLOW, NULL, "{'workflow_sid':'WW00000000000000000000000000000002'}", 0,
            false},
        {"After call", "After call", "{'workflow_sid':'" WORKFLOW "'}",
            SURVEY_TOLD_WORKFLOW, true},
        {"After call", "After call", "{'workflow_sid':'" WORKFLOW "'}",
            SURVEY_TOLD_QUEUE | SURVEY_TOLD_WORKFLOW, false},
        {"After call", "After call", "{'workflow_name':'Support'}", 0, false},
        {NULL, "After call", "{}", 0, true},
        {NULL, "After call", "{}", SURVEY_TOLD_QUEUE, false},
        {NULL, "After call", "{'task_queue_name':'Support'}", 0, false},
        {NULL, NULL, "{}", 0, false}, /* it is one */
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct rules by = {.extractors = {{.in = RULES_IN_SURVEY_TASK,
                                     .workflow = cases[i].workflow,
                                     .queue = cases[i].queue}},
            .extractor_count = 1};
        AUTO(payload_release) json_t *payload = json_of(cases[i].says);

        (void)json_object_set_new(payload, "event_type", json_string("task.created"));
        assert_int_equal(
            survey_may_be_task(payload, &by, cases[i].told), cases[i].may_be);
    }
}

static void
what_is_of_no_task_is_no_surveys(void **state)
{
    static const char *const types[] = {"message.delivered", "conversation.ended",
        "worker.activity.update", "survey.completed"};
    const struct rules by = {
        .extractors = {{.in = RULES_IN_SURVEY_TASK, .channel = CHANNEL_SMS}},
        .extractor_count = 1};

    (void)state;
    for (size_t i = 0; i < LENGTH(types); i++) {
        AUTO(payload_release)
        json_t *payload = json_pack("{s:s, s:s, s:{s:{s:s}}}", "event_type", types[i],
            "task_channel_unique_name", "sms", "task_attributes", "conversations", "kind",
            "Survey");

        assert_false(survey_is_task(payload, &by));
    }
}

#define POST(more) "{'event_type':'survey.completed','task_sid':'" TASK "'" more "}"

static const struct rules two_surveys = {
    .extractors =
        {
            {.in = RULES_IN_SUPPORT_TASK, .score = "csat.score"},
            {.in = RULES_IN_SUPPORT_TASK, .score = "csat.other"}, /* of the same survey */
            {.in = RULES_IN_SUPPORT_TASK, .score = "nps", .survey_id = "nps"},
            {.in = RULES_IN_POST, .score = "stars"},
        },
    .extractor_count = 4,
};

static void
each_answer_of_a_record_is_a_record_of_its_own_named_by_what_told_it(void **state)
{
    static const struct {
        const char *type;
        const char *attributes;
        const char *key;
        const char *split[2];
    } cases[] = {
        {"task.completed", "{'csat':{'score':4},'nps':9}", "task.completed/" TASK,
            {"survey.completed/" TASK "/default/task.completed",
                "survey.completed/" TASK "/nps/task.completed"}},
        {"task.updated", "{'nps':9}", "task.updated/EV01",
            {"survey.completed/" TASK "/nps/EV01"}},
        {"task.updated", "{'nps':9}", "task.updated/" TASK "/0123456789abcdef",
            {"survey.completed/" TASK "/nps/0123456789abcdef"}},
        {"task.wrapup", "{'nps':'nine'}", "task.wrapup/" TASK,
            {"survey.completed/" TASK "/nps/task.wrapup"}},
        {"task.canceled", "{'csat':{'score':0}}", "task.canceled/" TASK,
            {"survey.completed/" TASK "/default/task.canceled"}},
        {"task.completed", "{'csat':{'score':' '},'nps':null}", "task.completed/" TASK,
            {NULL}},
        {"task.created", "{'nps':9}", "task.created/" TASK, {NULL}},
        {"task.completed", "{'nps':9}", "survey.completed/" TASK "/nps/task.completed",
            {NULL}},
        {"survey.completed", "{'nps':9}", "survey.completed/" TASK "/01", {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX];
        char text[256];

        (void)snprintf(text, sizeof text,
            "{'event_type':'%s','task_sid':'" TASK "','task_attributes':%s}",
            cases[i].type, cases[i].attributes);
        AUTO(payload_release) json_t *payload = json_of(text);
        const size_t count =
            survey_split(payload, &two_surveys, slice_of(cases[i].key), keys);

        for (size_t j = 0; j < 2 && cases[i].split[j] != NULL; j++) {
            assert_true(j < count);
            assert_string_equal(keys[j], cases[i].split[j]);
        }
        assert_true(count == 2 || cases[i].split[count] == NULL);
    }
}

/* Of one survey the first that applies is taken: what another one would find is no answer. */
static void
an_extractor_behind_another_of_its_survey_is_not_taken(void **state)
{
    static const struct {
        const char *attributes;
        size_t split;
        bool is_unanswered;
    } cases[] = {
        {"{'first':4}", 1, false},
        {"{'first':4,'second':5}", 1, false},
        {"{'second':5}", 0, true},
        {"{'second':5,'third':5}", 1, false},
        {"{}", 0, true},
    };
    const struct rules by = {
        .extractors = {{.in = RULES_IN_SURVEY_TASK, .score = "first"},
            {.in = RULES_IN_SURVEY_TASK, .score = "second", .survey_id = "default"},
            {.in = RULES_IN_SURVEY_TASK, .score = "third", .survey_id = "third"}},
        .extractor_count = 3};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX];
        char text[256];

        (void)snprintf(text, sizeof text,
            "{'event_type':'task.completed','task_sid':'" TASK "','task_attributes':%s}",
            cases[i].attributes);
        AUTO(payload_release) json_t *payload = json_of(text);

        assert_int_equal(
            survey_split(payload, &by, slice_of("task.completed/" TASK), keys),
            cases[i].split);
        assert_int_equal(survey_is_unanswered(payload, &by), cases[i].is_unanswered);
        assert_true(survey_is_taken(payload, &by, 0));
        assert_false(survey_is_taken(payload, &by, 1));
        assert_true(survey_is_taken(payload, &by, 2));
    }
}

static void
of_a_post_the_first_extractor_that_applies_is_taken(void **state)
{
    const struct rules by = {
        .extractors = {{.in = RULES_IN_SURVEY_TASK},
            {.in = RULES_IN_POST, .attribute = "survey", .survey_id = "named"},
            {.in = RULES_IN_POST}},
        .extractor_count = 3};
    AUTO(payload_release) json_t *named = json_of(POST(",'survey':'Checkout'"));
    AUTO(payload_release) json_t *other = json_of(POST(""));

    (void)state;
    assert_false(survey_is_taken(named, &by, 0));
    assert_true(survey_is_taken(named, &by, 1));
    assert_false(survey_is_taken(named, &by, 2));
    assert_true(survey_is_taken(other, &by, 2));
}

/* What was stored under one configuration is read under another. */
static void
an_answer_whose_extractor_is_gone_is_none(void **state)
{
    struct rules by = rules_of("as an NPS");
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload = read_changed("{'task_attributes':{'score':'9'}}", &by,
        "survey.completed/" TASK "/default/task.completed", &reading);

    (void)state;
    assert_non_null(payload);
    assert_int_equal(reading.verdict, EVENT_FILTERED);
    assert_string_equal(reading.reason, "no_identity");
    by.extractor_count = 0;
    AUTO(payload_release)
    json_t *again = read_changed("{'task_attributes':{'score':'9'}}", &by,
        "survey.completed/" TASK "/default/task.completed", &reading);

    assert_non_null(again);
    assert_string_equal(reading.event.effect_key, "survey/" TASK "/default");
    assert_string_equal(reading.reason, EVENT_REASON_NO_ANSWER);
}

static void
answers_wait_from_the_first_one_and_not_each_from_its_own(void **state)
{
    const struct rules by = rules_of("within a support case");
    struct facts facts = {
        .items = {{.name = slice_of("-survey.default.heard"), .rank = received_ms}},
        .count = 1};
    const struct ticket_times times = {
        .read_ms = received_ms + 200000, .now_ms = received_ms + 250000};
    struct ticket_verdict verdict;
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload =
        read_changed("{'task_attributes':{'score':4,'email':'ana@example.com'}}", &by,
            "survey.completed/" TASK "/default/task.completed", &reading);

    (void)state;
    assert_non_null(payload);
    ticket_judge(&reading, &facts, &by, &times, &verdict);
    assert_int_equal(verdict.decision, TICKET_WAITS);
    assert_string_equal(verdict.reason, "csat_settle");
    assert_int_equal(verdict.wait_ms, 350000);
}

static void
a_request_looks_for_its_queue_ever_more_seldom_and_a_minute_at_most(void **state)
{
    static const struct {
        int64_t age_ms;
        int64_t wait_ms; /* 0: it goes on */
    } cases[] = {{0, 1000}, {1000, 1000}, {4000, 4000}, {50000, 10000}, {60000, 0}};
    const struct rules by = rules_of("by a task's queue");

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct ticket_times times = {
            .read_ms = received_ms, .now_ms = received_ms + cases[i].age_ms};
        const struct facts none = {0};
        struct ticket_verdict verdict;
        struct event_reading reading;
        AUTO(payload_release)
        json_t *payload = read_changed(
            "{'event_type':'task.created'}", &by, "task.created/" TASK, &reading);

        assert_non_null(payload);
        ticket_judge(&reading, &none, &by, &times, &verdict);
        assert_int_equal(verdict.wait_ms, cases[i].wait_ms);
    }
}

/* `told` by a task of the ticket; then an answer is judged that says no more than `says`. */
static void
an_answer_has_what_its_tickets_tasks_told(void **state)
{
    static const struct {
        const char *told; /* by which task channel */
        const char *says; /* the answer, in words of its own */
        const char *channel;
        const char *conversation;
    } cases[] = {
        {"voice", "", "voice", CONVERSATION},
        {"voice", ",'task_channel_unique_name':'sms'", "sms", CONVERSATION},
        {"voice", ",'task_channel_unique_name':'survey'", "voice", CONVERSATION},
        {"voice", ",'conversation_sid':'CH00000000000000000000000000000001'", "voice",
            "CH00000000000000000000000000000001"},
    };
    const struct ticket_times times = {
        .read_ms = received_ms, .now_ms = received_ms + 600000};
    const struct rules by = rules_of("by the endpoint");

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading readings[2];
        struct ticket_says says;
        struct ticket_verdict verdict;
        struct facts facts = {0};
        char text[512];

        (void)snprintf(text, sizeof text,
            "{'event_type':'task.created','task_channel_unique_name':'%s',"
            "'task_attributes':{'conversationSid':'" CONVERSATION
            "','flexInteractionSid':'" INTERACTION "'}}",
            cases[i].told);
        AUTO(payload_release)
        json_t *task = read_changed(text, &by, "task.created/" TASK, &readings[0]);

        ticket_read(&readings[0], task, &by, received_ms, &says);
        for (size_t j = 0; j < says.fact_count; j++) {
            facts_add(&facts, says.facts[j]);
        }
        (void)snprintf(text, sizeof text,
            "{'event_type':'survey.completed','score':'4',"
            "'task_channel_unique_name':null%s}",
            cases[i].says);
        AUTO(payload_release)
        json_t *post =
            read_changed(text, &by, "survey.completed/" TASK "/01", &readings[1]);

        assert_non_null(post);
        ticket_judge(&readings[1], &facts, &by, &times, &verdict);
        const struct event *event = &readings[1].event;

        assert_int_equal(verdict.decision, TICKET_GOES_ON);
        assert_int_equal(readings[1].verdict, EVENT_DELIVER);
        assert_string_equal(channel_name(event->channel), cases[i].channel);
        assert_string_equal(event_conversation(event), cases[i].conversation);
        assert_string_equal(event_interaction(event), INTERACTION);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table_is_true_in_every_order),
        cmocka_unit_test(an_extractor_says_which_of_its_conditions_is_unmet),
        cmocka_unit_test(what_is_of_no_task_is_no_surveys),
        cmocka_unit_test(a_survey_is_waited_for_by_what_may_still_be_told),
        cmocka_unit_test(an_answer_has_what_its_tickets_tasks_told),
        cmocka_unit_test(
            each_answer_of_a_record_is_a_record_of_its_own_named_by_what_told_it),
        cmocka_unit_test(an_extractor_behind_another_of_its_survey_is_not_taken),
        cmocka_unit_test(of_a_post_the_first_extractor_that_applies_is_taken),
        cmocka_unit_test(an_answer_whose_extractor_is_gone_is_none),
        cmocka_unit_test(answers_wait_from_the_first_one_and_not_each_from_its_own),
        cmocka_unit_test(
            a_request_looks_for_its_queue_ever_more_seldom_and_a_minute_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
