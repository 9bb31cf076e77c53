/*
 * history_base.h - what Brevo had before us, and by which paths computed attributes are mapped: what
 * history.c and history_write.c share. Whoever needs no path has all in history.h.
 */
#pragma once

#include "mapping/history.h"

#define HISTORY_LAST "last_conversation_date"
#define HISTORY_COUNT "total_conversations"
#define HISTORY_WAIT "avg_wait_time"
#define HISTORY_CSAT "last_csat_score"
#define HISTORY_CHANNEL "preferred_channel"

enum {
    HISTORY_BASES = 3,
};

struct history_base {
    int64_t count;        /* of tickets; -1: Brevo had none */
    int64_t wait_s;       /* the same */
    struct slice channel; /* absent: the same */
};

/* Into a contact body. Takes over the reference to `value`. False when memory is out. */
bool history_set_attribute(json_t *contact, const char *name, json_t *value) MUST_USE;

/* The attribute that field_mapping fills from this path; NULL: none that may be written. */
const char *history_attribute(const struct rules *rules, const char *path);

/* Of a number, or a text that is one; -1: of anything else, below 0, or beyond a billion. */
int64_t history_hundredths(const json_t *value);

/*
 * The name and the text of the fact that tells one of HISTORY_BASES. NULL: its attribute is not
 * mapped, so it may not be told yet.
 */
const char *history_base_write(size_t index, const json_t *existing,
    const struct rules *rules, char ret_text[HISTORY_TEXT_SIZE]);
/* Whether each was told of which the attribute is mapped. */
bool history_base_is_known(const struct facts *known, const struct rules *rules) MUST_USE;
/* `known` outlives the base; what is absent or unreadable there Brevo did not have. */
void history_base_read(const struct facts *known, struct history_base *ret_base);
