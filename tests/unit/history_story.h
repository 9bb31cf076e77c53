/*
 * history_story.h - what is told of a contact, as docs/mapping.md writes it, and what Brevo has then.
 */
#pragma once

#include "mapping/history.h"
#include "tests/unit/page_table.h"

enum {
    WORDS_MAX = 6,
    DETAILS_MAX = 4,
    DETAIL_SIZE = 24,
    STORY_SID_SIZE = 35,
};

extern const int64_t noon_ms; /* of the first day */
extern const struct rules rules;

/* "A2.completed@3:sms:wait=20": of ticket A, by its second task, on 3 January. */
struct word {
    char subject[4];
    char what[16];
    char details[DETAILS_MAX][DETAIL_SIZE];
    size_t detail_count;
    long day;
    char ticket[STORY_SID_SIZE];
    char task[STORY_SID_SIZE];
    json_t *payload;
    struct event event;
};

/* How many words; each has a payload of its own, to be released. */
size_t read_story(const char *told, struct word story[WORDS_MAX]);

/* "tickets=12 channel=voice", or "nothing"; and the other way round. */
json_t *contact_of(const char *had);
void describe(const json_t *contact, char text[CELL_SIZE]);

/* As a delivery does: tells, hears what is known, and says what Brevo does not have. */
int deliver(struct word *word, const struct rules *by, json_t *contact,
    struct facts *known, struct history_says *says);
