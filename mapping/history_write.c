/*
 * history_write.c - a contact's computed attributes, by all that is known of it.
 *
 * One table: the path of field_mapping, and how its value follows from the facts. What was lost
 * here must not lower what Brevo has: counts and dates only ever go up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mapping/history_base.h"
#include "mapping/timestamp.h"

#define TICKETS "#ticket="

enum {
    DATE_SIZE = sizeof "2026-01-01",
    HUNDRED = 100,
};

static const int64_t number_max = INT64_C(1000000000); /* a product of two fits 63 bits */
static const int64_t sum_max = INT64_C(1000000000000);

struct history {
    const struct facts *known;
    const struct rules *rules;
    struct history_base base;
};

static const struct fact *
find(const struct history *history, const char *name)
{
    return facts_find(history->known, slice_of(name));
}

static int64_t
bounded(int64_t number)
{
    return number < 0 ? 0 : number > number_max ? number_max : number;
}

/* ---- LAST_SUPPORT_DATE --------------------------------------------------------------------- */

/* Brevo may add a time to the date it was given. */
static bool
is_date(struct slice text)
{
    static const char shape[] = "dddd-dd-dd";

    for (size_t i = 0; shape[i] != '\0'; i++) {
        const bool is_digit = i < text.size && text.data[i] >= '0' && text.data[i] <= '9';

        if (i >= text.size || (shape[i] == 'd' ? !is_digit : text.data[i] != shape[i])) {
            return false;
        }
    }
    return true;
}

static bool
compute_last(const struct history *history, const json_t *theirs, json_t **ret_value)
{
    const struct fact *last = find(history, "+last");
    const struct slice date = slice_of(json_string_value(theirs));
    char ours[TIMESTAMP_TEXT_SIZE];

    if (last == NULL) {
        return false;
    }
    const int64_t last_s = last->rank / MS_PER_S;

    timestamp_format(
        (last_s + zone_offset_s(&history->rules->zone, last_s)) * MS_PER_S, ours);
    ours[DATE_SIZE - 1] = '\0';
    if (is_date(date) && memcmp(date.data, ours, DATE_SIZE - 1) >= 0) {
        return false;
    }
    *ret_value = json_string(ours);
    return true;
}

/* ---- SUPPORT_TICKET_COUNT ------------------------------------------------------------------ */

static bool
compute_count(const struct history *history, const json_t *theirs, json_t **ret_value)
{
    int64_t count = bounded(history->base.count);

    for (size_t i = 0; i < history->known->count; i++) {
        const struct fact *fact = &history->known->items[i];

        if (slice_starts(fact->name, TICKETS)) {
            count += bounded(fact->rank);
        }
    }
    if (count == 0 || count * HUNDRED <= history_hundredths(theirs)) {
        return false;
    }
    *ret_value = json_integer(count);
    return true;
}

/* ---- AVG_WAIT_TIME ------------------------------------------------------------------------- */

/* What Brevo had is the average of so many tickets as it had; at least of one. */
static bool
compute_wait(const struct history *history, const json_t *theirs, json_t **ret_value)
{
    const struct history_base *base = &history->base;
    const struct fact *waits = find(history, "$wait");
    int64_t sum;

    if (waits == NULL || waits->rank <= 0 || !slice_to_int64(waits->text, &sum) ||
        sum < 0 || sum > sum_max) {
        return false;
    }
    const int64_t weight = base->wait_s < 0 ? 0 : base->count > 1 ? base->count : 1;
    const int64_t count = weight + bounded(waits->rank);
    const int64_t whole = bounded(base->wait_s) * weight + sum;
    const int64_t average = (2 * whole + count) / (2 * count); /* half up */

    if (average * HUNDRED == history_hundredths(theirs)) {
        return false;
    }
    *ret_value = json_integer(average);
    return true;
}

/* ---- CSAT_SCORE ---------------------------------------------------------------------------- */

static bool
compute_csat(const struct history *history, const json_t *theirs, json_t **ret_value)
{
    const struct fact *answer = find(history, "+csat");
    const int64_t scale = history->rules->csat_scale;
    int64_t score;
    int64_t max;

    if (answer == NULL || scale < 1) {
        return false;
    }
    const struct slice first = slice_before(answer->text, '/');

    if (first.size == answer->text.size || !slice_to_int64(first, &score) ||
        !slice_to_int64(slice_skip(answer->text, first.size + 1), &max) || score < 0 ||
        max < 1 || score > max || max > number_max) {
        return false;
    }
    const int64_t hundredths = (2 * score * scale * HUNDRED + max) / (2 * max);

    if (hundredths == history_hundredths(theirs)) {
        return false;
    }
    *ret_value = hundredths % HUNDRED == 0 ? json_integer(hundredths / HUNDRED)
                                           : json_real((double)hundredths / HUNDRED);
    return true;
}

/* ---- PREFERRED_CHANNEL --------------------------------------------------------------------- */

struct choice {
    struct slice name;
    int64_t count;
    int64_t last_ms; /* -1: by what we have seen never */
};

static struct slice
ticket_channel(const struct fact *fact)
{
    return slice_starts(fact->name, TICKETS) ? slice_skip(fact->name, strlen(TICKETS))
                                             : (struct slice){0};
}

static int64_t
last_of(const struct history *history, struct slice channel)
{
    char name[FACT_NAME_SIZE];
    const int size =
        snprintf(name, sizeof name, "+channel.%.*s", (int)channel.size, channel.data);
    const struct fact *last =
        size > 0 && size < FACT_NAME_SIZE ? find(history, name) : NULL;

    return last != NULL ? last->rank : -1;
}

static bool
sorts_before(struct slice a, struct slice b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = memcmp(a.data, b.data, size);

    return order != 0 ? order < 0 : a.size < b.size;
}

static bool
is_better(const struct choice *choice, const struct choice *than)
{
    if (than->name.size == 0) {
        return true;
    }
    if (choice->count != than->count) {
        return choice->count > than->count;
    }
    if (choice->last_ms != than->last_ms) {
        return choice->last_ms > than->last_ms;
    }
    return sorts_before(choice->name, than->name);
}

/* By most tickets, what Brevo had among them; of equals the one that was used last. */
static struct slice
preferred(const struct history *history)
{
    const struct history_base *base = &history->base;
    struct choice best = {.name = base->channel,
        .count = base->count > 1 ? base->count : 1,
        .last_ms = last_of(history, base->channel)};

    for (size_t i = 0; i < history->known->count; i++) {
        const struct slice name = ticket_channel(&history->known->items[i]);

        if (name.size > 0 && slice_equal(name, base->channel)) {
            best.count += bounded(history->known->items[i].rank);
        }
    }
    for (size_t i = 0; i < history->known->count; i++) {
        const struct slice name = ticket_channel(&history->known->items[i]);
        const struct choice choice = {.name = name,
            .count = bounded(history->known->items[i].rank),
            .last_ms = last_of(history, name)};

        if (name.size > 0 && !slice_equal(name, base->channel) &&
            is_better(&choice, &best)) {
            best = choice;
        }
    }
    return best.name;
}

static bool
compute_channel(const struct history *history, const json_t *theirs, json_t **ret_value)
{
    const struct slice channel = preferred(history);
    const char *held = json_string_value(theirs);

    if (channel.size == 0 || (held != NULL && slice_is_nocase(channel, held))) {
        return false;
    }
    *ret_value = json_stringn(channel.data, channel.size);
    return true;
}

/* ---- all of them --------------------------------------------------------------------------- */

/*
 * `compute` is given what Brevo has. False: nothing is known, or nothing is new. True, and NULL in
 * *ret_value: memory is out.
 */
static const struct {
    const char *path;
    bool (*compute)(
        const struct history *history, const json_t *theirs, json_t **ret_value);
} computed[] = {
    {HISTORY_LAST, compute_last},
    {HISTORY_COUNT, compute_count},
    {HISTORY_WAIT, compute_wait},
    {HISTORY_CSAT, compute_csat},
    {HISTORY_CHANNEL, compute_channel},
};

bool
history_set_attribute(json_t *contact, const char *name, json_t *value)
{
    json_t *attributes = json_object_get(contact, "attributes");

    if (attributes == NULL) {
        attributes = json_object();
        if (json_object_set_new(contact, "attributes", attributes) != 0) {
            json_decref(value);
            return false;
        }
    }
    return json_object_set_new(attributes, name, value) == 0;
}

int
history_write(json_t *contact, const struct facts *known, const json_t *existing,
    const struct rules *rules)
{
    const json_t *held = json_object_get(existing, "attributes");
    struct history history = {.known = known, .rules = rules};
    int added = 0;

    history_base_read(known, &history.base);
    for (size_t i = 0; rules->sync_customers && i < LENGTH(computed); i++) {
        const char *name = history_attribute(rules, computed[i].path);
        json_t *value = NULL;

        if (name == NULL ||
            !computed[i].compute(&history, json_object_get(held, name), &value)) {
            continue;
        }
        if (!history_set_attribute(contact, name, value)) {
            return -ENOMEM;
        }
        added = 1;
    }
    return added;
}
