/*
 * test_history.c - docs/mapping.md says what a contact's attributes become, and this makes it true.
 *
 * Each row of its table is played, in every order and once more: what is told, and what Brevo has
 * in the end.
 */
#include <stdio.h>
#include <string.h>

#include "mapping/history.h"
#include "mapping/request.h"
#include "tests/unit/json_of.h"
#include "tests/unit/page_table.h"

#define KD "KD0123456789abcdef0123456789abcdef"
#define WT "WT0123456789abcdef0123456789abcdef"
#define CH "CH0123456789abcdef0123456789abcdef"

enum {
    WORDS_MAX = 6,
    DETAILS_MAX = 4,
    DETAIL_SIZE = 24,
    SID_SIZE = 35,
    DAY_MS = 24 * 60 * 60 * 1000,
};

static const int64_t noon_ms = INT64_C(1767268800000); /* 2026-01-01T12:00:00Z */

static const struct rules rules = {
    .fields =
        {
            {"last_conversation_date", "LAST_SUPPORT_DATE"},
            {"total_conversations", "SUPPORT_TICKET_COUNT"},
            {"avg_wait_time", "AVG_WAIT_TIME"},
            {"last_csat_score", "CSAT_SCORE"},
            {"preferred_channel", "PREFERRED_CHANNEL"},
        },
    .field_count = 5,
    .sync_customers = true,
    .list_support_contacts = 32,
    .list_csat_respondents = 33,
    .wait_max_ms = 4 * 60 * 60 * 1000,
    .csat_scale = 5,
};

/* What the page calls them, in its order. */
static const struct {
    const char *word;
    const char *attribute;
} words[] = {
    {"date", "LAST_SUPPORT_DATE"},
    {"tickets", "SUPPORT_TICKET_COUNT"},
    {"wait", "AVG_WAIT_TIME"},
    {"csat", "CSAT_SCORE"},
    {"channel", "PREFERRED_CHANNEL"},
};

/* "A2.completed@3:sms:wait=20": of ticket A, by its second task, on 3 January. */
struct word {
    char subject[4];
    char what[16];
    char details[DETAILS_MAX][DETAIL_SIZE];
    size_t detail_count;
    long day;
    char ticket[SID_SIZE];
    char task[SID_SIZE];
    json_t *payload;
    struct event event;
};

/* ---- a story ------------------------------------------------------------------------------- */

static const char *
detail_of(const struct word *word, const char *name)
{
    const size_t size = strlen(name);

    for (size_t i = 0; i < word->detail_count; i++) {
        const char *detail = word->details[i];

        if (strncmp(detail, name, size) == 0 &&
            (detail[size] == '\0' || detail[size] == '=')) {
            return detail[size] == '=' ? detail + size + 1 : "";
        }
    }
    return NULL;
}

static void
read_word(const char *text, struct word *word)
{
    *word = (struct word){.day = 1};
    assert_int_equal(
        sscanf(text, "%3[^.].%15[^@:]@%ld", word->subject, word->what, &word->day), 3);
    for (text = strchr(text, ':'); text != NULL; text = strchr(text + 1, ':')) {
        assert_true(word->detail_count < DETAILS_MAX);
        (void)snprintf(word->details[word->detail_count++], DETAIL_SIZE, "%.*s",
            (int)strcspn(text + 1, ":"), text + 1);
    }
}

static enum event_type
type_of(const struct word *word)
{
    static const struct {
        const char *what;
        enum event_type type;
    } types[] = {
        {"created", EVENT_TASK_CREATED},
        {"completed", EVENT_TASK_COMPLETED},
        {"canceled", EVENT_TASK_CANCELED},
        {"ended", EVENT_CONVERSATION_ENDED},
        {"survey", EVENT_SURVEY_COMPLETED},
        {"failed", EVENT_MESSAGE_FAILED},
    };

    for (size_t i = 0; i < LENGTH(types); i++) {
        if (strcmp(types[i].what, word->what) == 0) {
            return types[i].type;
        }
    }
    fail_msg("%s is no event", word->what);
    return EVENT_TYPE_COUNT;
}

static void
read_answer(const char *answer, struct event *event)
{
    long score = 0;
    long max = 5;

    assert_in_range(sscanf(answer, "%ld/%ld", &score, &max), 1, 2);
    event->score = score;
    event->score_max = max;
}

static void
make_event(struct word *word)
{
    const char *kind = detail_of(word, "kind");
    const char *wait = detail_of(word, "wait");
    const char *answer = detail_of(word, "score");
    const enum event_type type = type_of(word);
    const bool is_of_task = type != EVENT_CONVERSATION_ENDED;

    (void)snprintf(word->ticket, SID_SIZE, "KD%032x", (unsigned)word->subject[0]);
    (void)snprintf(word->task, SID_SIZE, "WT%030x%02x", (unsigned)word->subject[0],
        (unsigned)word->subject[1]);
    word->payload = json_object();
    assert_non_null(word->payload);
    word->event = (struct event){
        .type = type,
        .date_ms = noon_ms + (word->day - 1) * DAY_MS,
        .ticket = detail_of(word, "task") != NULL ? word->task : word->ticket,
        .task_sid = is_of_task ? word->task : NULL,
        .direction =
            detail_of(word, "outbound") != NULL ? DIRECTION_OUTBOUND : DIRECTION_UNKNOWN,
        .wait_s = wait != NULL ? strtol(wait, NULL, 10) : -1,
        .is_other_kind = kind != NULL && strcmp(kind, "csat") != 0,
        .payload = word->payload,
    };
    if (answer != NULL) {
        read_answer(answer, &word->event);
    }
    for (size_t i = 0; i < word->detail_count; i++) {
        (void)!channel_from_name(slice_of(word->details[i]), &word->event.channel);
    }
}

static size_t
read_story(const char *told, struct word story[WORDS_MAX])
{
    char text[CELL_SIZE];
    char *rest = NULL;
    size_t count = 0;

    assert_true(slice_to_text(slice_of(told), text, sizeof text));
    for (char *word = strtok_r(text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < WORDS_MAX);
        read_word(word, &story[count]);
        make_event(&story[count++]);
    }
    return count;
}

/* ---- Brevo's contact ----------------------------------------------------------------------- */

static const char *
attribute_called(const char *word)
{
    for (size_t i = 0; i < LENGTH(words); i++) {
        if (strcmp(words[i].word, word) == 0) {
            return words[i].attribute;
        }
    }
    fail_msg("%s is no attribute", word);
    return NULL;
}

/* "tickets=12 channel=voice", or "nothing". */
static json_t *
contact_of(const char *had)
{
    json_t *attributes = json_object();
    char text[CELL_SIZE];
    char *rest = NULL;

    had = strcmp(had, "nothing") != 0 ? had : "";
    assert_true(slice_to_text(slice_of(had), text, sizeof text));
    for (char *word = strtok_r(text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');

        assert_non_null(value);
        *value++ = '\0';
        json_t *read =
            strchr(value, '-') == NULL ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;

        assert_int_equal(json_object_set_new(attributes, attribute_called(word),
                             read != NULL ? read : json_string(value)),
            0);
    }
    return json_pack("{s:o}", "attributes", attributes);
}

static void
describe(const json_t *contact, char text[CELL_SIZE])
{
    const json_t *attributes = json_object_get(contact, "attributes");
    size_t size = 0;

    (void)snprintf(text, CELL_SIZE, "nothing");
    for (size_t i = 0; i < LENGTH(words); i++) {
        const json_t *value = json_object_get(attributes, words[i].attribute);
        const char *blank = size > 0 ? " " : "";

        if (json_is_string(value)) {
            size += (size_t)snprintf(text + size, CELL_SIZE - size, "%s%s=%s", blank,
                words[i].word, json_string_value(value));
        } else if (value != NULL) {
            size += (size_t)snprintf(text + size, CELL_SIZE - size, "%s%s=%g", blank,
                words[i].word, json_number_value(value));
        }
    }
}

/* As a delivery does: tells, hears what is known, and says what Brevo does not have. */
static int
deliver(struct word *word, const struct rules *by, json_t *contact, struct facts *known,
    struct history_says *says)
{
    AUTO(payload_release) json_t *body = json_object();

    history_read(&word->event, by, contact, says);
    for (size_t i = 0; i < says->fact_count; i++) {
        facts_add(known, says->facts[i]);
    }
    const int r = history_write(body, known, contact, by);

    if (r > 0) {
        assert_int_equal(json_object_update(json_object_get(contact, "attributes"),
                             json_object_get(body, "attributes")),
            0);
    } else {
        assert_int_equal(json_object_size(body), 0);
    }
    return r;
}

/* ---- the page ------------------------------------------------------------------------------ */

static void
set(struct rules *changed, const char *with)
{
    if (strcmp(with, "wait.max: 6h") == 0) {
        changed->wait_max_ms = 6 * 60 * 60 * 1000;
    } else if (strcmp(with, "csat.scale: 10") == 0) {
        changed->csat_scale = 10;
    } else if (strcmp(with, "timezone: Pacific/Kiritimati") == 0) {
        changed->zone = (struct zone){.first_s = 14 * 60 * 60}; /* since 1995 */
    } else if (strcmp(with, "ticket.per_task: true") == 0) {
        changed->ticket_per_task = true;
    } else if (strcmp(with, "sync.customers: false") == 0) {
        changed->sync_customers = false;
    } else {
        assert_string_equal(with, "");
    }
}

static void
play(struct word story[WORDS_MAX], size_t count, const size_t *order,
    const struct rules *by, const char *had, char then[CELL_SIZE])
{
    static struct history_says says[2 * WORDS_MAX];
    AUTO(payload_release) json_t *contact = contact_of(had);
    struct facts known = {0};

    for (size_t i = 0; i < count; i++) {
        assert_true(deliver(&story[order[i]], by, contact, &known, &says[i]) >= 0);
    }
    for (size_t i = 0; i < count; i++) { /* what is told again changes nothing */
        assert_int_equal(deliver(&story[i], by, contact, &known, &says[count + i]), 0);
    }
    describe(contact, then);
}

static bool
holds(char cells[CELLS][CELL_SIZE])
{
    struct rules by = rules;
    struct word story[WORDS_MAX] = {0};
    size_t order[WORDS_MAX] = {0, 1, 2, 3, 4, 5};
    bool same = true;

    set(&by, cells[2]);
    const size_t count = read_story(cells[1], story);

    do {
        char then[CELL_SIZE];

        play(story, count, order, &by, cells[0], then);
        if (strcmp(then, cells[3]) != 0) {
            print_error("%s, %s: is %s, not %s\n", cells[0], cells[1], then, cells[3]);
            same = false;
        }
    } while (same && permute(order, count));
    for (size_t i = 0; i < count; i++) {
        json_decref(story[i].payload);
    }
    return same;
}

static void
each_row_of_the_table_is_true_in_every_order(void **state)
{
    const char *page = getenv("FLEXBREVO_MAPPING_MD");
    FILE *file = page != NULL ? fopen(page, "r") : NULL;
    char line[CELLS * CELL_SIZE];
    char cells[CELLS][CELL_SIZE];
    size_t rows = 0;
    size_t wrong = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (read_cells(line, 1, cells)) {
            rows++;
            wrong += holds(cells) ? 0 : 1;
        }
    }
    (void)fclose(file);
    assert_in_range(rows, 20, 100);
    assert_int_equal(wrong, 0);
}

/* ---- what the table does not say ----------------------------------------------------------- */

static void
told_is(const struct event *event, const struct rules *by, const char *existing,
    const char *const *facts, size_t count)
{
    AUTO(payload_release) json_t *contact = json_of(existing);
    struct history_says says;

    history_read(event, by, contact, &says);
    assert_int_equal(says.fact_count, count);
    for (size_t i = 0; i < count; i++) {
        char text[FACT_NAME_SIZE + HISTORY_TEXT_SIZE];

        (void)snprintf(text, sizeof text, "%s %s", says.names[i], says.texts[i]);
        assert_string_equal(text, facts[i]);
        assert_int_equal(says.names[i] - says.facts[i].name.data, 0);
    }
}

/* Of a contact that had nothing. */
#define NO_BASE "!base.count -", "!base.wait -", "!base.channel -"
#define TOLD_IS(event, by, existing, ...)                            \
    told_is(event, by, existing, (const char *const[]){__VA_ARGS__}, \
        LENGTH(((const char *const[]){__VA_ARGS__})))

static void
a_ticket_is_told_by_all_its_names_the_best_one_first(void **state)
{
    struct event event = {.type = EVENT_TASK_COMPLETED,
        .ticket = KD,
        .task_sid = WT,
        .conversation_sid = CH,
        .interaction_sid = KD,
        .channel = CHANNEL_SMS,
        .wait_s = 20};
    struct rules per_task = rules;

    (void)state;
    per_task.ticket_per_task = true;
    TOLD_IS(&event, &rules, "{'listIds':[32,33]}", NO_BASE, "!list.32 ", "!list.33 ",
        "+last ", "#ticket/" KD "|" WT "|" CH " sms", "+channel.sms ",
        "$wait/" KD "|" WT "|" CH " 20");
    TOLD_IS(&event, &per_task, "{}", NO_BASE, "+last ", "#ticket/" WT " sms",
        "+channel.sms ", "$wait/" WT " 20");
    event.ticket = "of|two|names";
    event.channel = CHANNEL_UNKNOWN;
    event.wait_s = -1;
    TOLD_IS(&event, &rules, "{}", NO_BASE, "+last ",
        "#ticket/of\x1ftwo\x1fnames|" WT "|" CH "|" KD " ");
}

static void
surveys_and_messages_are_no_support(void **state)
{
    AUTO(payload_release) json_t *none = json_object();
    struct event event = {.type = EVENT_SURVEY_COMPLETED,
        .ticket = KD,
        .payload = none,
        .score = 9,
        .score_max = 10};

    (void)state;
    TOLD_IS(&event, &rules, "{}", NO_BASE, "+csat 9/10");
    event.is_other_kind = true;
    TOLD_IS(&event, &rules, "{}", NO_BASE);
    event.type = EVENT_MESSAGE_FAILED;
    TOLD_IS(&event, &rules, "{}", NO_BASE);
}

static void
what_brevo_has_is_told_as_far_as_it_can_be_read(void **state)
{
    static const struct {
        const char *attributes;
        const char *base[3];
    } cases[] = {
        {"{}", {NO_BASE}},
        {"{'SUPPORT_TICKET_COUNT':12,'AVG_WAIT_TIME':30.5,'PREFERRED_CHANNEL':'Voice'}",
            {"!base.count 12", "!base.wait 31", "!base.channel voice"}},
        {"{'SUPPORT_TICKET_COUNT':' 12 ','AVG_WAIT_TIME':'30.4',"
         "'PREFERRED_CHANNEL':' Video call '}",
            {"!base.count 12", "!base.wait 30", "!base.channel Video call"}},
        {"{'SUPPORT_TICKET_COUNT':'12 or so','AVG_WAIT_TIME':-1,'PREFERRED_CHANNEL':2}",
            {NO_BASE}},
        {"{'SUPPORT_TICKET_COUNT':1e300,'AVG_WAIT_TIME':'nan','PREFERRED_CHANNEL':''}",
            {NO_BASE}},
        {"{'SUPPORT_TICKET_COUNT':null,'AVG_WAIT_TIME':true,'PREFERRED_CHANNEL':null}",
            {NO_BASE}},
    };
    const struct event event = {.type = EVENT_MESSAGE_FAILED};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char existing[512];

        (void)snprintf(
            existing, sizeof existing, "{'attributes':%s}", cases[i].attributes);
        told_is(&event, &rules, existing, cases[i].base, LENGTH(cases[i].base));
    }
}

/* Of the five lines of field_mapping those whose bit is set. */
static struct rules
rules_with(unsigned lines)
{
    struct rules some = rules;

    some.field_count = 0;
    for (size_t i = 0; i < rules.field_count; i++) {
        if ((lines & (1U << i)) != 0) {
            some.fields[some.field_count++] = rules.fields[i];
        }
    }
    return some;
}

static void
what_is_not_mapped_is_not_told(void **state)
{
    static const char existing[] =
        "{'attributes':{'SUPPORT_TICKET_COUNT':12,'AVG_WAIT_TIME':30}}";
    const struct event event = {.type = EVENT_SURVEY_COMPLETED, .score_max = 5};
    const struct rules none = rules_with(0);
    const struct rules only_wait = rules_with(1 << 2);

    (void)state;
    TOLD_IS(&event, &none, existing, "+csat 0/5");
    TOLD_IS(&event, &only_wait, existing, "!base.wait 30", "+csat 0/5");
}

/* Whichever lines the first event finds, and whichever are taken out again. */
static void
what_brevo_had_counts_whenever_its_line_is_added(void **state)
{
    struct word story[WORDS_MAX] = {0};
    const size_t count = read_story(
        "A.completed@1:sms:wait=69 B.completed@2:sms:wait=69 C.completed@3:sms:wait=69",
        story);

    (void)state;
    for (unsigned lines = 0; lines < 1U << rules.field_count; lines++) {
        static struct history_says says[WORDS_MAX];
        const struct rules some = rules_with(lines);
        const struct rules *by[] = {&some, &rules, &some};
        AUTO(payload_release)
        json_t *contact = contact_of("tickets=12 wait=30 channel=voice");
        struct facts known = {0};
        char then[CELL_SIZE];

        for (size_t i = 0; i < count; i++) {
            assert_true(deliver(&story[i], by[i], contact, &known, &says[i]) >= 0);
        }
        assert_true(deliver(&story[0], &rules, contact, &known, &says[count]) >= 0);
        describe(contact, then);
        assert_string_equal(then, "date=2026-01-03 tickets=15 wait=38 channel=voice");
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(story[i].payload);
    }
}

static void
a_list_once_joined_is_not_joined_again(void **state)
{
    const struct event event = {.type = EVENT_MESSAGE_FAILED};
    AUTO(payload_release) json_t *member = json_of("{'listIds':[7,32]}");
    AUTO(payload_release)
    json_t *taken_out = json_of("{'listIds':[7],'listUnsubscribed':null}");
    AUTO(payload_release)
    json_t *contact = json_of("{'email':'a@example.com','listIds':[32]}");
    struct history_says says;
    struct facts known = {0};

    (void)state;
    TOLD_IS(&event, &rules, "{'listIds':[7,32],'listUnsubscribed':[33]}", NO_BASE,
        "!list.32 ", "!list.33 ");
    history_read(&event, &rules, member, &says);
    for (size_t i = 0; i < says.fact_count; i++) {
        facts_add(&known, says.facts[i]);
    }
    assert_true(history_recall(taken_out, &known));
    assert_json(taken_out, "{'listIds':[7],'listUnsubscribed':[32]}");
    assert_true(request_contact_reduce(contact, taken_out)); /* its address is news */
    assert_null(json_object_get(contact, "listIds"));
}

/* Whatever was lost here, or written by others meanwhile. */
static void
counts_and_dates_are_never_lowered(void **state)
{
    static const struct {
        const char *existing;
        const char *written;
    } cases[] = {
        {"{'SUPPORT_TICKET_COUNT':1,'LAST_SUPPORT_DATE':'2026-01-01'}", "{}"},
        {"{'SUPPORT_TICKET_COUNT':15,'LAST_SUPPORT_DATE':'2026-01-02T00:00:00.000Z'}",
            "{}"},
        {"{'SUPPORT_TICKET_COUNT':'15','LAST_SUPPORT_DATE':'2027'}",
            "{'attributes':{'LAST_SUPPORT_DATE':'2026-01-01'}}"},
        {"{'SUPPORT_TICKET_COUNT':'0','LAST_SUPPORT_DATE':'2025-12-31'}",
            "{'attributes':{'LAST_SUPPORT_DATE':'2026-01-01','SUPPORT_TICKET_COUNT':1}}"},
    };
    const struct event event = {.type = EVENT_TASK_CREATED,
        .ticket = KD,
        .task_sid = WT,
        .date_ms = noon_ms,
        .wait_s = -1};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(payload_release) json_t *body = json_object();
        AUTO(payload_release)
        json_t *existing = json_pack("{s:o}", "attributes", json_of(cases[i].existing));
        struct history_says says;
        struct facts known = {0};

        history_read(&event, &rules, NULL, &says);
        for (size_t j = 0; j < says.fact_count; j++) {
            facts_add(&known, says.facts[j]);
        }
        assert_true(history_write(body, &known, existing, &rules) >= 0);
        assert_json(body, cases[i].written);
    }
}

static void
writes_no_identifier_and_nothing_that_is_no_attribute(void **state)
{
    const struct rules hostile = {
        .fields = {{"last_conversation_date", "EMAIL"}, {"total_conversations", "SMS"},
            {"last_csat_score", "csat score"}, {"preferred_channel", "EXT_ID"}},
        .field_count = 4,
        .sync_customers = true,
        .csat_scale = 5,
    };
    const struct event event = {.type = EVENT_TASK_CREATED,
        .ticket = KD,
        .task_sid = WT,
        .channel = CHANNEL_SMS,
        .date_ms = noon_ms,
        .wait_s = -1};
    AUTO(payload_release) json_t *contact = json_of("{'email':'a@example.com'}");

    (void)state;
    assert_int_equal(history_alone(&event, &hostile, contact), 0);
    assert_json(contact, "{'email':'a@example.com'}");
}

static void
an_event_alone_says_what_a_new_contact_gets(void **state)
{
    AUTO(payload_release) json_t *payload = json_object();
    const struct event event = {.type = EVENT_TASK_COMPLETED,
        .ticket = KD,
        .task_sid = WT,
        .channel = CHANNEL_WHATSAPP,
        .date_ms = noon_ms,
        .wait_s = 42,
        .payload = payload,
        .customer = {.email = "a@example.com"}};
    AUTO(payload_release) json_t *contact = history_contact_alone(&event, &rules);

    (void)state;
    assert_json(contact,
        "{'updateEnabled':true,'email':'a@example.com','listIds':[32],'attributes':"
        "{'LAST_SUPPORT_DATE':'2026-01-01','SUPPORT_TICKET_COUNT':1,'AVG_WAIT_TIME':42,"
        "'PREFERRED_CHANNEL':'whatsapp'}}");
}

static void
what_an_event_alone_may_carry_is_not_said_of_the_contact(void **state)
{
    AUTO(payload_release) json_t *payload = json_object();
    struct event event = {.type = EVENT_TASK_CREATED,
        .ticket = KD,
        .date_ms = noon_ms,
        .wait_s = -1,
        .payload = payload};
    struct rules carrying = rules;
    AUTO(payload_release) json_t *contact = json_object();
    AUTO(payload_release) json_t *request = json_object();

    (void)state;
    carrying.contact_properties = true;
    assert_true(history_alone_said(&event, &carrying, contact, request));
    assert_json(contact, "{}");
    assert_json(request, "{'contact_properties':{'LAST_SUPPORT_DATE':'2026-01-01',"
                         "'SUPPORT_TICKET_COUNT':1}}");
    assert_true(history_alone_said(&event, &carrying, contact, NULL));
    assert_json(contact, "{'attributes':{'LAST_SUPPORT_DATE':'2026-01-01',"
                         "'SUPPORT_TICKET_COUNT':1}}");
}

static void
a_score_is_written_with_the_digits_it_has(void **state)
{
    AUTO(payload_release) json_t *payload = json_object();
    const struct event event = {
        .type = EVENT_SURVEY_COMPLETED, .payload = payload, .score = 1, .score_max = 3};
    AUTO(payload_release) json_t *body = json_object();

    (void)state;
    assert_int_equal(history_alone(&event, &rules, body), 1);
    char *text = json_dumps(body, REQUEST_DUMP);

    assert_string_equal(text, "{\"attributes\":{\"CSAT_SCORE\":1.67}}");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table_is_true_in_every_order),
        cmocka_unit_test(a_ticket_is_told_by_all_its_names_the_best_one_first),
        cmocka_unit_test(surveys_and_messages_are_no_support),
        cmocka_unit_test(what_brevo_has_is_told_as_far_as_it_can_be_read),
        cmocka_unit_test(what_is_not_mapped_is_not_told),
        cmocka_unit_test(what_brevo_had_counts_whenever_its_line_is_added),
        cmocka_unit_test(a_list_once_joined_is_not_joined_again),
        cmocka_unit_test(counts_and_dates_are_never_lowered),
        cmocka_unit_test(writes_no_identifier_and_nothing_that_is_no_attribute),
        cmocka_unit_test(an_event_alone_says_what_a_new_contact_gets),
        cmocka_unit_test(what_an_event_alone_may_carry_is_not_said_of_the_contact),
        cmocka_unit_test(a_score_is_written_with_the_digits_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
