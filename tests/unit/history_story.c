/*
 * history_story.c - what is told of a contact, as docs/mapping.md writes it, and what Brevo has then.
 */
#include "tests/unit/history_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/overwrite.h"
#include "mapping/request.h"
#include "tests/unit/unit.h"

enum {
    DAY_MS = 24 * 60 * 60 * 1000,
};

const int64_t noon_ms = INT64_C(1767268800000); /* 2026-01-01T12:00:00Z */

const struct rules rules = {
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
    {"tier", "VIP_TIER"},
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
    const char *tier = detail_of(word, "tier");
    const enum event_type type = type_of(word);
    const bool is_of_task = type != EVENT_CONVERSATION_ENDED;

    (void)snprintf(word->ticket, STORY_SID_SIZE, "KD%032x", (unsigned)word->subject[0]);
    (void)snprintf(word->task, STORY_SID_SIZE, "WT%030x%02x", (unsigned)word->subject[0],
        (unsigned)word->subject[1]);
    word->payload = json_pack("{s:{s:s*}}", "task_attributes", "customer_tier", tier);
    assert_non_null(word->payload);
    word->event = (struct event){
        .type = type,
        .date_ms = noon_ms + (word->day - 1) * DAY_MS,
        .told_ms = noon_ms + (word->day - 1) * DAY_MS,
        .ticket = detail_of(word, "task") != NULL ? word->task : word->ticket,
        .task_sid = is_of_task ? word->task : NULL,
        .conversation_sid = "CH0123456789abcdef0123456789abcdef", /* as the page has it */
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

size_t
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

json_t *
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

void
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

int
deliver(struct word *word, const struct rules *by, json_t *contact, struct facts *known,
    struct history_says *says)
{
    AUTO(payload_release) json_t *body = request_contact(&word->event, by);

    history_read(&word->event, by, contact, says);
    for (size_t i = 0; i < says->fact_count; i++) {
        facts_add(known, says->facts[i]);
    }
    overwrite_hold(body, by);
    (void)!request_contact_reduce(body, contact); /* lists are not told here */
    const int written = history_write(body, known, contact, by);
    const int overwritten = overwrite_write(body, &word->event, known, contact, by);
    json_t *news = json_object_get(body, "attributes");

    if (written < 0 || overwritten < 0) {
        return -1;
    }
    if (json_object_size(news) > 0) {
        assert_int_equal(
            json_object_update(json_object_get(contact, "attributes"), news), 0);
    }
    return json_object_size(news) > 0 ? 1 : 0;
}
