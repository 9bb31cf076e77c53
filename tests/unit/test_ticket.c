/*
 * test_ticket.c - docs/mapping.md says what becomes of a task's event, and this makes it true.
 *
 * Each row of its table is played: what is told before, in every order, and then the event in
 * question is judged.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "mapping/ticket.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"
#include "tests/unit/page_table.h"

enum {
    WORDS_MAX = 8,
    TEXT_MAX = CELL_SIZE,
    BEGAN_S = 1767225600,
};

struct row {
    char told[TEXT_MAX];
    char after[TEXT_MAX];
    char with[TEXT_MAX];
    char becomes[TEXT_MAX];
};

/* "B.canceled@260:hangup:outbound" */
struct word {
    char subject[16];
    char what[24];
    long at_s;
    char details[2][32];
};

/* What is held by one play of a row. */
struct play {
    struct word words[WORDS_MAX];
    size_t count;
    json_t *payloads[WORDS_MAX];
    struct event_reading readings[WORDS_MAX];
    struct ticket_says says[WORDS_MAX];
    char keys[WORDS_MAX][96];
};

/* ---- the page ------------------------------------------------------------------------------ */

static bool
read_row(const char *line, struct row *row)
{
    char cells[CELLS][CELL_SIZE];

    if (!read_cells(line, 0, cells)) {
        return false;
    }
    memcpy(row->told, cells[0], TEXT_MAX);
    memcpy(row->after, cells[1], TEXT_MAX);
    memcpy(row->with, cells[2], TEXT_MAX);
    memcpy(row->becomes, cells[3], TEXT_MAX);
    return true;
}

/* ---- a story ------------------------------------------------------------------------------- */

static void
read_word(const char *text, struct word *word)
{
    *word = (struct word){0};
    assert_in_range(sscanf(text, "%15[^.].%23[^@:]", word->subject, word->what), 2, 2);
    text += strcspn(text, "@:");
    for (size_t details = 0; *text != '\0';) {
        if (*text == '@') {
            word->at_s = strtol(text + 1, NULL, 10);
        } else {
            assert_true(details < 2);
            (void)snprintf(word->details[details++], 32, "%.*s",
                (int)strcspn(text + 1, "@:"), text + 1);
        }
        text += 1 + strcspn(text + 1, "@:");
    }
}

static bool
has_detail(const struct word *word, const char *detail)
{
    return strcmp(word->details[0], detail) == 0 || strcmp(word->details[1], detail) == 0;
}

/* Since the task was created, by the story or at its begin. */
static long
age_s(const struct play *play, const struct word *word)
{
    for (size_t i = 0; i < play->count; i++) {
        if (strcmp(play->words[i].subject, word->subject) == 0 &&
            strcmp(play->words[i].what, "created") == 0) {
            return word->at_s - play->words[i].at_s;
        }
    }
    return word->at_s;
}

static const char *
kind_of(const struct word *word)
{
    static const char *const kinds[] = {"survey", "callback", "voicemail", "Rueckruf"};

    for (size_t i = 0; i < LENGTH(kinds); i++) {
        if (has_detail(word, kinds[i])) {
            return kinds[i];
        }
    }
    return "";
}

/* "left" is a reservation's completion. */
static bool
is_left(const struct word *word)
{
    return strcmp(word->what, "left") == 0;
}

/*
 * "accepted" and "left" are said of a reservation, "entered" of a queue, "ended" of a call, all else
 * of the task.
 */
static const char *
said_of(const struct word *word)
{
    return strcmp(word->what, "accepted") == 0  ? "reservation"
           : is_left(word)                      ? "reservation"
           : strcmp(word->what, "entered") == 0 ? "task-queue"
           : strcmp(word->what, "ended") == 0   ? "conversation"
                                                : "task";
}

/* Only a call has such an end. */
static const char *
channel_of(const struct play *play)
{
    for (size_t i = 0; i < play->count; i++) {
        if (strcmp(said_of(&play->words[i]), "conversation") == 0 &&
            strcmp(play->words[i].subject, "conversation") != 0) {
            return "voice";
        }
    }
    return "sms";
}

/* A name is an agent's: NULL when the word tells none. */
static const char *
agent_of(const struct word *word)
{
    const bool may_tell = strcmp(word->what, "canceled") != 0;

    return may_tell && isupper((unsigned char)word->details[0][0]) ? word->details[0]
                                                                   : NULL;
}

/* Each has a SID of their own; only a reservation tells the name. */
static void
add_agent(const struct word *word, json_t *payload)
{
    const char *agent = agent_of(word);

    if (agent == NULL) {
        return;
    }
    assert_int_equal(json_object_set_new(payload, "worker_sid",
                         json_sprintf("WK%032x", (unsigned)agent[0])),
        0);
    if (strcmp(said_of(word), "reservation") == 0) {
        assert_int_equal(
            json_object_set_new(payload, "worker_name", json_string(agent)), 0);
    }
}

/* Blanks are written '_'. */
static void
write_reason(const struct word *word, char reason[32])
{
    (void)snprintf(reason, 32, "%s", word->details[0]);
    for (char *c = reason; *c != '\0'; c++) {
        *c = *c == '_' ? ' ' : *c;
    }
}

/* "unsaid": its attributes state none. */
static const char *
direction_of(const struct word *word)
{
    return has_detail(word, "outbound") ? "outbound"
           : has_detail(word, "unsaid") ? ""
                                        : "inbound";
}

static json_t *
task_payload(const struct play *play, const struct word *word, const char *sid)
{
    char reason[32] = "";
    char type[32];

    (void)snprintf(type, sizeof(type), "%s.%s", said_of(word),
        is_left(word) ? "completed" : word->what);
    if (strcmp(word->what, "canceled") == 0) {
        write_reason(word, reason);
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:{s:s, s:s, s:s, s:{s:s, "
                     "s:s}}}",
        "event_type", type, "task_sid", sid, "account_sid", "AC01", "workspace_sid",
        "WS01", "task_channel_unique_name", channel_of(play), "task_canceled_reason",
        reason, "date_ms", (json_int_t)(BEGAN_S + word->at_s) * MS_PER_S, "task_age",
        (json_int_t)age_s(play, word), "task_attributes", "email",
        has_detail(word, "nobody") ? "anonymous" : "ana@example.com", "direction",
        direction_of(word), "flexInteractionSid", INTERACTION, "conversations", "kind",
        kind_of(word), "any", "");
}

static json_t *
payload_of(const struct play *play, const struct word *word, char *key, size_t size)
{
    char sid[64];

    if (strcmp(word->subject, "conversation") == 0) {
        (void)snprintf(key, size, "conversation.%s/" CONVERSATION, word->what);
        (void)snprintf(sid, sizeof(sid), "conversation.%s", word->what);
        return json_pack("{s:s, s:s, s:s, s:I}", "event_type", sid, "conversation_sid",
            CONVERSATION, "interaction_sid", INTERACTION, "date_ms",
            (json_int_t)(BEGAN_S + word->at_s) * MS_PER_S);
    }
    (void)snprintf(sid, sizeof(sid), "WT%032x", (unsigned)word->subject[0]);
    (void)snprintf(key, size, "%s.%s/%s", said_of(word), word->what, sid);
    json_t *payload = task_payload(play, word, sid);

    if (has_detail(word, "bare")) {
        (void)json_object_del(payload, "task_attributes"); /* it is there */
    }
    add_agent(word, payload);
    return payload;
}

static int64_t
received_of(const struct word *word)
{
    return (int64_t)(BEGAN_S + word->at_s) * MS_PER_S;
}

static void
begin(struct play *play, const char *told, const struct rules *by)
{
    char text[TEXT_MAX];
    char *rest = NULL;

    (void)snprintf(text, sizeof(text), "%s", told);
    for (char *word = strtok_r(text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        assert_true(play->count < WORDS_MAX);
        read_word(word, &play->words[play->count++]);
    }
    for (size_t i = 0; i < play->count; i++) {
        const struct word *word = &play->words[i];

        play->payloads[i] = payload_of(play, word, play->keys[i], sizeof(play->keys[i]));
        assert_non_null(play->payloads[i]);
        const struct event_context context = {
            .record_key = slice_of(play->keys[i]), .received_ms = received_of(word)};

        event_read(play->payloads[i], by, &context, &play->readings[i]);
        ticket_read(
            &play->readings[i], play->payloads[i], by, received_of(word), &play->says[i]);
    }
}

static void
end(struct play *play)
{
    for (size_t i = 0; i < play->count; i++) {
        json_decref(play->payloads[i]);
    }
}

static void
tell(const struct ticket_says *says, struct facts *facts)
{
    for (size_t i = 0; i < says->fact_count; i++) {
        facts_add(facts, says->facts[i]);
    }
}

/* What is not known is not said. */
static void
say_number(const char *name, int64_t number, char becomes[TEXT_MAX])
{
    const size_t size = strlen(becomes);

    if (number >= 0) {
        (void)snprintf(becomes + size, TEXT_MAX - size, " %s=%ld", name, (long)number);
    }
}

/* By name, or as "WK(M)". */
static void
say_agent(const struct event *event, char becomes[TEXT_MAX])
{
    const char *agent = event_agent(event);
    const size_t size = strlen(becomes);
    char name[64];

    if (agent == NULL) {
        return;
    }
    const bool is_sid = strncmp(agent, "WK", 2) == 0;

    (void)snprintf(name, sizeof(name), "WK(%c)", (int)strtol(agent + 2, NULL, 16));
    (void)snprintf(becomes + size, TEXT_MAX - size, " agent=%s", is_sid ? name : agent);
}

/* ---- judged -------------------------------------------------------------------------------- */

static void
judge(struct play *play, const size_t *order, const struct rules *by, long after_s,
    char becomes[TEXT_MAX])
{
    const size_t last = play->count - 1;
    struct event_reading reading = play->readings[last];
    const int64_t received = received_of(&play->words[last]);
    const struct ticket_times times = {
        .read_ms = received, .now_ms = received + (int64_t)after_s * MS_PER_S};
    struct ticket_verdict verdict;
    struct facts facts = {0};

    for (size_t i = 0; i < last; i++) {
        tell(&play->says[order[i]], &facts);
    }
    tell(&play->says[last], &facts);
    if (!ticket_may_deliver(&reading)) {
        (void)snprintf(becomes, TEXT_MAX, "%s", reading.reason);
        return;
    }
    ticket_judge(&reading, &facts, by, &times, &verdict);
    if (verdict.decision != TICKET_GOES_ON) {
        (void)snprintf(becomes, TEXT_MAX, "%s",
            verdict.decision == TICKET_WAITS ? "waits" : verdict.reason);
        return;
    }
    if (reading.verdict != EVENT_DELIVER) {
        (void)snprintf(becomes, TEXT_MAX, "%s", reading.reason);
        return;
    }
    const bool is_end = reading.event.type == EVENT_TASK_CANCELED;
    const bool is_outbound = reading.event.direction == DIRECTION_OUTBOUND;

    (void)snprintf(becomes, TEXT_MAX, "%s%s%s%s", by->event_names[reading.event.type],
        is_end ? " " : "", is_end ? reading.event.outcome : "",
        is_outbound ? " direction=outbound" : "");
    say_number("wait_s", reading.event.wait_s, becomes);
    say_number("handling_s", reading.event.handling_s, becomes);
    say_number("wrapup_s", reading.event.wrapup_s, becomes);
    say_agent(&reading.event, becomes);
}

static void
set(struct rules *changed, const char *with)
{
    changed->ticket_per_task = strcmp(with, "ticket.per_task: true") == 0;
    changed->outbound = strcmp(with, "outbound: all") == 0      ? RULES_OUTBOUND_ALL
                        : strcmp(with, "outbound: ignore") == 0 ? RULES_OUTBOUND_IGNORE
                                                                : RULES_OUTBOUND_RESOLVED;
    changed->agent = strcmp(with, "brevo.agent: sid") == 0    ? RULES_AGENT_SID
                     : strcmp(with, "brevo.agent: name") == 0 ? RULES_AGENT_NAME
                                                              : RULES_AGENT_NONE;
    if (strcmp(with, "brevo.only_contacts: [lena@example.com]") == 0) {
        changed->only_contacts = (struct rules_texts){{"lena@example.com"}, 1};
    }
    if (strcmp(with, "ticket.abandoned_reasons: [visitor closed]") == 0) {
        changed->abandoned_reasons = (struct rules_texts){{"visitor closed"}, 1};
    }
    if (strcmp(with, "ticket.callback_kinds: [rueckruf]") == 0) {
        changed->callback_kinds = (struct rules_texts){{"rueckruf"}, 1};
    }
    if (strcmp(with, "brevo.max_event_age: 15m") == 0) {
        changed->max_event_age_ms = INT64_C(15) * 60 * MS_PER_S;
        return;
    }
    assert_true(with[0] == '\0' || strncmp(with, "ticket.", 7) == 0 ||
                changed->ticket_per_task || changed->agent != RULES_AGENT_NONE ||
                changed->outbound != RULES_OUTBOUND_RESOLVED ||
                changed->only_contacts.count > 0);
}

/* As the page takes them. */
static struct rules
waiting_rules(void)
{
    struct rules by = rules;

    by.ticket_settle_ms = 5000;
    by.ticket_abandoned_after_ms = 120000;
    by.ticket_min_wait_ms = 5000;
    by.ticket_join_wait_ms = 300000;
    by.ticket_voice_end_ms = 120000;
    by.identity_wait_ms = 900000;
    by.wait_notify_ms = 120000;
    by.wait_max_ms = INT64_C(4) * 60 * 60 * MS_PER_S;
    by.event_names[EVENT_TASK_WAITING] = "SUPPORT_WAITING";
    return by;
}

static bool
holds(const struct row *row)
{
    struct rules by = waiting_rules();
    struct play play = {0};
    size_t order[WORDS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
    bool same = true;

    set(&by, row->with);
    begin(&play, row->told, &by);
    do {
        char becomes[TEXT_MAX];

        judge(&play, order, &by, strtol(row->after, NULL, 10), becomes);
        if (strcmp(becomes, row->becomes) != 0) {
            print_error("%s, after %s, %s: is %s, not %s\n", row->told, row->after,
                row->with, becomes, row->becomes);
            same = false;
        }
    } while (same && permute(order, play.count - 1));
    end(&play);
    return same;
}

static void
each_row_of_the_table_is_true_in_every_order(void **state)
{
    const char *page = getenv("FLEXBREVO_MAPPING_MD");
    FILE *file = page != NULL ? fopen(page, "r") : NULL;
    char line[4 * TEXT_MAX];
    struct row row;
    size_t rows = 0;
    size_t wrong = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (read_row(line, &row)) {
            rows++;
            wrong += holds(&row) ? 0 : 1;
        }
    }
    (void)fclose(file);
    assert_in_range(rows, 40, 200);
    assert_int_equal(wrong, 0);
}

/* ---- what the table does not say ----------------------------------------------------------- */

static struct ticket_says
says_of(const char *changes, struct event_reading *reading, json_t **payload)
{
    struct ticket_says says;

    *payload = read_changed(changes, &rules, "task.completed/" TASK, reading);
    ticket_read(reading, *payload, &rules, 0, &says);
    return says;
}

static void
a_record_links_every_name_it_knows_to_the_best_one(void **state)
{
    static const struct {
        const char *changes;
        const char *ticket;
        size_t aliases;
    } cases[] = {
        {"{}", TASK, 0},
        {"{'task_attributes':{'flexInteractionSid':'" INTERACTION
         "','conversationSid':'" CONVERSATION "','email':'ana@example.com'}}",
            INTERACTION, 2},
        {"{'task_attributes':{'flexInteractionSid':'" INTERACTION
         "','conversations':{'conversation_id':'my own'},'email':'ana@example.com'}}",
            "my own", 2},
        {"{'task_attributes':{'conversations':{'conversation_id':'undefined'},"
         "'email':'ana@example.com'}}",
            TASK, 0},
        {"{'event_type':'conversation.ended','task_sid':null,'conversation_sid':"
         "'" CONVERSATION "','interaction_sid':'" INTERACTION "'}",
            INTERACTION, 2},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        json_t *payload;
        const struct ticket_says says = says_of(cases[i].changes, &reading, &payload);

        assert_string_equal(says.ticket, cases[i].ticket);
        assert_int_equal(says.alias_count, cases[i].aliases);
        json_decref(payload);
    }
}

static void
what_is_none_of_ours_says_nothing(void **state)
{
    static const char *const cases[] = {
        "{'account_sid':'AC02'}",
        "{'workspace_sid':'WS02'}",
        "{'flexbrevo_test':'1'}",
        "{'event_type':'message.delivered'}",
        "{'event_type':'worker.activity.update'}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        json_t *payload;

        assert_null(says_of(cases[i], &reading, &payload).ticket);
        json_decref(payload);
    }
}

#define AGENT "WK0123456789abcdef0123456789abcdef"
#define TAKEN(sid)                                                 \
    "{'event_type':'reservation.accepted','worker_sid':'" sid "'," \
    "'worker_name':'mary','worker_attributes':{'full_name':'Mary Smith'}}"

/* What `told` says of its agent, with `agent` in the configuration; NULL: nothing. */
static const char *
agent_told(const char *told, enum rules_agent agent, char text[FACT_TEXT_MAX + 1])
{
    struct rules by = rules;
    struct event_reading reading;
    struct ticket_says says;

    by.agent = agent;
    AUTO(payload_release)
    json_t *payload = read_changed(told, &by, "reservation.accepted/WR01", &reading);

    assert_non_null(payload);
    ticket_read(&reading, payload, &by, 0, &says);
    for (size_t i = 0; i < says.fact_count; i++) {
        if (slice_is(says.facts[i].name, "+" TASK ".taken_by." AGENT)) {
            assert_true(fact_is_kept(&says.facts[i]));
            assert_true(slice_to_text(says.facts[i].text, text, FACT_TEXT_MAX + 1));
            return text;
        }
    }
    return NULL;
}

static void
of_an_agent_no_more_is_kept_than_events_are_to_say(void **state)
{
    char text[FACT_TEXT_MAX + 1];

    (void)state;
    assert_null(agent_told(TAKEN(AGENT), RULES_AGENT_NONE, text));
    assert_string_equal(agent_told(TAKEN(AGENT), RULES_AGENT_SID, text), "");
    assert_string_equal(agent_told(TAKEN(AGENT), RULES_AGENT_NAME, text), "Mary Smith");
    assert_null(agent_told(TAKEN("mary"), RULES_AGENT_NAME, text));
}

static void
a_long_name_is_cut_at_a_character(void **state)
{
    char told[4 * TEXT_MAX];
    char text[FACT_TEXT_MAX + 1] = "";
    size_t size = (size_t)snprintf(told, sizeof(told),
        "{'event_type':'reservation.accepted','worker_sid':'" AGENT "','worker_name':'x");

    (void)state;
    for (int i = 0; i < FACT_TEXT_MAX / 2; i++) {
        size += (size_t)snprintf(told + size, sizeof(told) - size, "\xC3\xB1");
    }
    (void)snprintf(told + size, sizeof(told) - size, "'}");
    assert_non_null(agent_told(told, RULES_AGENT_NAME, text));
    assert_int_equal(strlen(text), FACT_TEXT_MAX - 1);
}

/* The configuration may have been another one when the reservation was told. */
static void
what_was_kept_is_told_as_events_are_to_say_it_now(void **state)
{
    static const struct {
        const char *kept;
        enum rules_agent agent;
        const char *said; /* NULL: nothing */
    } cases[] = {
        {"Mary Smith", RULES_AGENT_NAME, "Mary Smith"},
        {"Mary Smith", RULES_AGENT_SID, AGENT},
        {"Mary Smith", RULES_AGENT_NONE, NULL},
        {"", RULES_AGENT_SID, AGENT},
        {"", RULES_AGENT_NAME, NULL},
    };
    const struct ticket_times times = {.read_ms = received_ms, .has_waited = true};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct rules by = rules;
        struct event_reading reading;
        struct ticket_verdict verdict;
        struct facts facts = {0};

        by.agent = cases[i].agent;
        AUTO(payload_release)
        json_t *payload = read_changed("{}", &by, "task.completed/" TASK, &reading);

        assert_non_null(payload);
        facts_add(&facts, (struct fact){.name = slice_of("+" TASK ".taken_by." AGENT),
                              .text = slice_of(cases[i].kept)});
        for (int look = 0; look < 2; look++) { /* again is as once */
            ticket_judge(&reading, &facts, &by, &times, &verdict);
            if (cases[i].said == NULL) {
                assert_null(event_agent(&reading.event));
            } else {
                assert_string_equal(event_agent(&reading.event), cases[i].said);
            }
        }
    }
}

static void
an_answer_is_of_the_agent_who_had_the_ticket_last(void **state)
{
    static const char *const others[] = {
        "WT00000000000000000000000000000001", "WT00000000000000000000000000000002"};
    const struct ticket_times times = {.read_ms = received_ms, .has_waited = true};
    struct rules by = rules;
    struct event_reading reading;
    struct ticket_verdict verdict;
    struct facts facts = {0};
    char names[LENGTH(others)][TICKET_NAME_SIZE];

    (void)state;
    by.agent = RULES_AGENT_NAME;
    AUTO(payload_release)
    json_t *payload = read_changed("{'event_type':'survey.completed','score':4}", &by,
        "survey.completed/" TASK "/1", &reading);

    assert_non_null(payload);
    for (size_t i = 0; i < LENGTH(others); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "+%s.taken_by.WK%zu", others[i], i);
        facts_add(&facts, (struct fact){.name = slice_of(names[i]),
                              .rank = 2 - (int64_t)i,
                              .text = slice_of(i == 0 ? "Mary" : "Jim")});
    }
    facts_add(&facts, (struct fact){.name = slice_of("-" TASK ".survey")});
    facts_add(&facts, (struct fact){.name = slice_of("+" TASK ".taken_by.WK9"),
                          .rank = 9,
                          .text = slice_of("Robot")});
    for (int is_per_task = 0; is_per_task < 2; is_per_task++) {
        by.ticket_per_task = is_per_task != 0;
        reading.event.agent_known[0] = '\0';
        ticket_judge(&reading, &facts, &by, &times, &verdict);
        assert_string_equal(event_agent(&reading.event), "Mary");
    }
}

static void
an_abandonment_waits_by_twilios_time_but_for_no_clock_of_its(void **state)
{
    static const struct {
        int64_t date_ms;
        int64_t wait_ms;
    } cases[] = {
        {0, 120000},       /* just now */
        {-60000, 60000},   /* a minute late */
        {-3600000, 5000},  /* an hour: only as long as others need to settle */
        {3600000, 120000}, /* its clock is ahead */
    };
    struct rules by = rules;

    (void)state;
    by.ticket_settle_ms = 5000;
    by.ticket_abandoned_after_ms = 120000;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct ticket_times times = {.now_ms = received_ms, .read_ms = received_ms};
        struct event_reading reading;
        struct ticket_verdict verdict;
        const struct facts none = {0};
        AUTO(payload_release)
        json_t *payload =
            read_changed("{'event_type':'task.canceled','task_canceled_reason':'hangup'}",
                &by, "task.canceled/" TASK, &reading);

        assert_non_null(payload);
        reading.event.date_ms = received_ms + cases[i].date_ms;
        ticket_judge(&reading, &none, &by, &times, &verdict);
        assert_int_equal(verdict.decision, TICKET_WAITS);
        assert_int_equal(verdict.wait_ms, cases[i].wait_ms);
    }
}

/* By the event alone: of a ticket with too many tasks its own is not among them. */
static void
who_waited_exactly_the_least_has_given_up(void **state)
{
    static const struct {
        const char *age;
        bool is_short;
    } cases[] = {{"4", true}, {"5", false}, {"null", false}};
    const struct ticket_times times = {.read_ms = received_ms, .has_waited = true};
    struct rules by = rules;

    (void)state;
    by.ticket_min_wait_ms = 5000;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading reading;
        struct ticket_verdict verdict;
        const struct facts none = {0};
        char changes[128];

        (void)snprintf(changes, sizeof changes,
            "{'event_type':'task.canceled','task_canceled_reason':'hangup',"
            "'task_age':%s}",
            cases[i].age);
        AUTO(payload_release)
        json_t *payload = read_changed(changes, &by, "task.canceled/" TASK, &reading);

        assert_non_null(payload);
        ticket_judge(&reading, &none, &by, &times, &verdict);
        assert_int_equal(
            verdict.decision, cases[i].is_short ? TICKET_FILTERED : TICKET_GOES_ON);
    }
}

/* It was read long before, and said nothing of its task's end. */
static void
an_end_that_was_held_back_waits_from_when_it_was_told_first(void **state)
{
    const int64_t told_ms = received_ms + INT64_C(3600000);
    const struct {
        int64_t now_ms;
        int64_t wait_ms; /* 0: goes on */
    } looks[] = {{told_ms, 5000}, {told_ms + 2000, 3000}, {told_ms + 5000, 0}};
    struct rules by = rules;
    struct facts facts = {0};

    (void)state;
    by.ticket_settle_ms = 5000;
    for (size_t i = 0; i < LENGTH(looks); i++) {
        const struct ticket_times times = {
            .now_ms = looks[i].now_ms, .read_ms = received_ms};
        struct event_reading reading;
        struct ticket_verdict verdict;
        struct ticket_says says;
        AUTO(payload_release)
        json_t *payload = read_changed("{}", &by, "task.completed/" TASK, &reading);

        assert_non_null(payload);
        ticket_read(&reading, payload, &by, looks[i].now_ms, &says);
        for (size_t j = 0; j < says.fact_count; j++) {
            if (slice_is(says.facts[j].name, "-" TASK ".heard")) {
                facts_add(&facts, (struct fact){.name = slice_of("-" TASK ".heard"),
                                      .rank = says.facts[j].rank});
            }
        }
        assert_int_equal(facts.count, 1); /* the first telling's */
        ticket_judge(&reading, &facts, &by, &times, &verdict);
        assert_int_equal(
            verdict.decision, looks[i].wait_ms > 0 ? TICKET_WAITS : TICKET_GOES_ON);
        assert_int_equal(verdict.wait_ms, looks[i].wait_ms);
    }
}

static void
a_name_learnt_from_others_names_the_effect(void **state)
{
    struct event_reading reading;
    char earlier[EVENT_EFFECT_SIZE];
    AUTO(payload_release)
    json_t *payload = read_changed("{}", &rules, "task.completed/" TASK, &reading);

    (void)state;
    assert_non_null(payload);
    assert_false(event_effect_by_task(&reading.event, earlier));
    event_set_ticket(&reading.event, &rules, "KD01");
    assert_string_equal(reading.event.ticket, "KD01");
    assert_string_equal(reading.event.effect_key, "resolved/KD01");
    assert_true(event_effect_by_task(&reading.event, earlier));
    assert_string_equal(earlier, "resolved/" TASK);
    assert_false(event_effect_as(&reading.event, &rules, "KD01", earlier));
    assert_true(event_effect_as(&reading.event, &rules, "KD02", earlier));
    assert_string_equal(earlier, "resolved/KD02");
    struct rules per_task = rules;

    per_task.ticket_per_task = true;
    assert_false(event_effect_as(&reading.event, &per_task, "KD02", earlier));
    reading.event.type = EVENT_CONVERSATION_ENDED;
    reading.event.is_call = true;
    event_set_ticket(&reading.event, &per_task, "KD01");
    assert_string_equal(reading.event.effect_key, "ended/KD01");
    assert_true(event_effect_as(&reading.event, &per_task, "KD02", earlier));
    assert_true(event_effect_by_task(&reading.event, earlier));
    assert_string_equal(earlier, "ended/" TASK);
}

static void
a_ticket_knows_what_it_was_called(void **state)
{
    static const char *const told[] = {"KD02", "KD01", "a.b/c", "KD03", "KD04", "KD05"};
    char names[LENGTH(told)][TICKET_NAME_SIZE];
    char called[TICKET_CALLED_MAX][EVENT_TICKET_SIZE];
    struct facts facts = {0};
    char too_long[TICKET_NAME_SIZE];
    struct fact fact;

    (void)state;
    assert_int_equal(ticket_called(&facts, "KD01", called), 0);
    for (size_t i = 0; i < LENGTH(told); i++) {
        assert_true(ticket_called_fact(told[i], names[i], &fact));
        facts_add(&facts, fact);
    }
    assert_int_equal(ticket_called(&facts, "KD01", called), TICKET_CALLED_MAX);
    assert_string_equal(called[0], "KD02");
    assert_string_equal(called[1], "a.b/c");
    memset(too_long, 'x', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    assert_false(ticket_called_fact(too_long, names[0], &fact));
}

/* `told` by another record of the ticket; then the event itself is judged. */
static void
an_event_knows_of_its_customer_what_its_tickets_tasks_told(void **state)
{
    static const struct {
        const char *told;
        const char *says; /* the event: what it says of its own */
        const char *email;
        const char *phone;
    } cases[] = {
        {"'from':'+34600000001'", "'email':'ana@example.com'", "ana@example.com",
            "+34600000001"},
        {"'email':'ana@example.com','from':'+34600000001'", "'from':'+34600000001'",
            "ana@example.com", "+34600000001"},
        {"'email':'ana@example.com','from':'+34600000001'", "'from':'+34600000002'", "",
            "+34600000002"}, /* somebody else */
        {"'email':'ana@example.com','from':'+34600000001'", "'email':'jim@example.com'",
            "jim@example.com", ""},
        {"'email':'ana@example.com'", "'from':'anonymous'", "ana@example.com", ""},
    };
    const struct ticket_times times = {
        .now_ms = received_ms + 60000, .read_ms = received_ms};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct event_reading readings[2];
        struct ticket_says says[2];
        json_t *payloads[2];
        struct ticket_verdict verdict;
        struct facts facts = {0};

        for (size_t j = 0; j < 2; j++) {
            char changes[TEXT_MAX];

            (void)snprintf(changes, sizeof changes,
                "{'date_ms':%d,'task_attributes':{'flexInteractionSid':'" INTERACTION
                "','direction':'inbound',%s}}",
                (int)j, j == 0 ? cases[i].told : cases[i].says);
            payloads[j] =
                read_changed(changes, &rules, "task.completed/" TASK, &readings[j]);
            ticket_read(&readings[j], payloads[j], &rules, 0, &says[j]);
            tell(&says[j], &facts);
        }
        ticket_judge(&readings[1], &facts, &rules, &times, &verdict);
        assert_int_equal(readings[1].verdict, EVENT_DELIVER);
        assert_string_equal(readings[1].event.customer.email, cases[i].email);
        assert_string_equal(readings[1].event.customer.phone, cases[i].phone);
        json_decref(payloads[0]);
        json_decref(payloads[1]);
    }
}

/* What `explain` shows: a wait is in the trace, and taken for over. */
static void
what_a_record_alone_waits_for_is_taken_for_over(void **state)
{
    static const struct {
        const char *told;
        const char *reason; /* NULL: it is delivered */
    } cases[] = {
        {"A.completed@300", NULL},
        {"A.canceled@30:hangup", NULL},
        {"A.canceled@3:hangup", "short_wait"},
        {"A.waiting", NULL},
        {"A.ended@300", NULL},
        {"conversation.ended@300", "not_flex"},
        {"A.completed@300:nobody", "anonymous_caller"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct rules by = waiting_rules();
        struct play play = {0};

        begin(&play, cases[i].told, &by);
        struct event_reading *reading = &play.readings[0];
        const size_t before = reading->trace_count;

        ticket_judge_alone(reading, play.payloads[0], &by, received_of(&play.words[0]));
        assert_true(reading->trace_count > before);
        assert_int_equal(
            reading->verdict, cases[i].reason == NULL ? EVENT_DELIVER : EVENT_FILTERED);
        if (cases[i].reason != NULL) {
            assert_string_equal(reading->reason, cases[i].reason);
        }
        end(&play);
    }
}

/* Each wait is in the trace: one does not hide another. */
static void
all_that_a_record_alone_waits_for_is_noted(void **state)
{
    static const char *const waits[] = {
        "survey: waits for the task's queue or workflow, which may be a survey's",
        "ticket: waits for another record of it that says whose it is",
    };
    struct rules by = waiting_rules();
    struct play play = {0};
    size_t noted = 0;

    (void)state;
    by.csat_queue_wait_ms = 60000;
    by.extractors[0] = (struct rules_extractor){
        .in = RULES_IN_SURVEY_TASK, .queue = "After-call survey"};
    by.extractor_count = 1;
    begin(&play, "A.created:nobody", &by);
    struct event_reading *reading = &play.readings[0];

    ticket_judge_alone(reading, play.payloads[0], &by, received_of(&play.words[0]));
    for (size_t i = 0; i < reading->trace_count; i++) {
        noted += noted < LENGTH(waits) && strcmp(reading->trace[i], waits[noted]) == 0;
    }
    assert_int_equal(noted, LENGTH(waits));
    assert_int_equal(reading->verdict, EVENT_FILTERED);
    end(&play);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table_is_true_in_every_order),
        cmocka_unit_test(what_a_record_alone_waits_for_is_taken_for_over),
        cmocka_unit_test(all_that_a_record_alone_waits_for_is_noted),
        cmocka_unit_test(a_record_links_every_name_it_knows_to_the_best_one),
        cmocka_unit_test(what_is_none_of_ours_says_nothing),
        cmocka_unit_test(of_an_agent_no_more_is_kept_than_events_are_to_say),
        cmocka_unit_test(a_long_name_is_cut_at_a_character),
        cmocka_unit_test(what_was_kept_is_told_as_events_are_to_say_it_now),
        cmocka_unit_test(an_answer_is_of_the_agent_who_had_the_ticket_last),
        cmocka_unit_test(an_abandonment_waits_by_twilios_time_but_for_no_clock_of_its),
        cmocka_unit_test(who_waited_exactly_the_least_has_given_up),
        cmocka_unit_test(an_end_that_was_held_back_waits_from_when_it_was_told_first),
        cmocka_unit_test(a_name_learnt_from_others_names_the_effect),
        cmocka_unit_test(a_ticket_knows_what_it_was_called),
        cmocka_unit_test(an_event_knows_of_its_customer_what_its_tickets_tasks_told),
    };

    return cmocka_run_group_tests_name("ticket", tests, NULL, NULL);
}
