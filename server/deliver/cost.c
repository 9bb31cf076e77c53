/*
 * cost.c - "contacts=0.24@8.00 events=0.47@8.00 arrive=2.31": calls of each class for a record, and
 * its rate; records a second that come.
 */
#include "server/deliver/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "server/ops/clock.h"

enum {
    NOTE_EVERY_US = 3 * 1000 * 1000,
    ARRIVALS_EVERY_US = 15 * 1000 * 1000,
    FIRST_CALLS =
        2, /* of one class, of a customer's first record: looked up and created */
};

static const char arrive[] = "arrive=";
/* Of what was counted before, with each note: some five minutes, for what a backlog begins with is cheaper
 * than what it ends with. */
static const double keep = 0.99;
static const double keep_came = 0.97; /* with each look at what came */
/* More would mean that it never ends; it does, for nights are quiet. */
static const double load_max = 0.9;

/* ---- counted, and noted -------------------------------------------------------------------- */

/* What is asked while Brevo is away, and what is found to need nothing of it, says nothing. */
static void
count(struct cost *cost, const struct hand *hand, const struct flow *flow, bool is_paused)
{
    const double kept = is_paused ? 1 : keep;
    const double counted = is_paused ? 0 : 1;

    cost->records =
        kept * cost->records + counted * (double)(hand->settled - cost->settled);
    cost->settled = hand->settled;
    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
        const int64_t taken = flow->taken[i];

        cost->calls[i] =
            kept * cost->calls[i] + counted * (double)(taken - cost->taken[i]);
        cost->taken[i] = taken;
    }
}

/* All that come, whoever stored them. */
static void
count_arrivals(struct cost *cost, struct hand *hand, int64_t now_us)
{
    struct queue_stats stats = {0};

    if (now_us < cost->arrivals_us || !hand_reaches_redis(hand, now_us)) {
        return;
    }
    const double passed_s =
        (double)(now_us - cost->arrivals_us + ARRIVALS_EVERY_US) / (double)US_PER_S;

    cost->arrivals_us = now_us + ARRIVALS_EVERY_US;
    if (!hand_worked(hand, queue_stats(hand->queue, &stats))) {
        return;
    }
    if (cost->accepted > 0 && stats.accepted >= cost->accepted) {
        cost->came = keep_came * cost->came + (double)(stats.accepted - cost->accepted);
        cost->came_s = keep_came * cost->came_s + passed_s;
    }
    cost->accepted = stats.accepted;
}

static void
note(const struct cost *cost, struct hand *hand, const struct flow *flow)
{
    AUTO(buffer_done) struct buffer text = {.max = QUEUE_NOTE_SIZE};

    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
        buffer_addf(&text, "%s=%.3f@%.2f ", brevo_class_name((enum brevo_class)i),
            cost->calls[i] / cost->records, flow->paces[i].rate);
    }
    buffer_addf(
        &text, "%s%.3f", arrive, cost->came_s > 0 ? cost->came / cost->came_s : 0.0);
    if (!text.failed) {
        (void)!hand_note(
            hand, COST_NOTE, text.data, clock_unix_ms()); /* the next one will do */
    }
}

void
cost_run(struct cost *cost, struct hand *hand, const struct flow *flow, int64_t now_us)
{
    if (cost->due_us == 0) { /* calls under way are no record yet */
        cost->due_us = now_us + NOTE_EVERY_US;
        cost->arrivals_us = cost->due_us;
    }
    if (now_us < cost->due_us) {
        return;
    }
    cost->due_us = now_us + NOTE_EVERY_US;
    const int64_t looked_us = cost->arrivals_us;
    const bool is_news = hand->settled != cost->settled;
    const bool is_paused = pause_stops_all(&flow->pause, false);

    count_arrivals(cost, hand, now_us);
    if (is_news || is_paused) {
        count(cost, hand, flow, is_paused);
    }
    if (cost->records > 0 && (is_news || cost->arrivals_us != looked_us)) {
        note(cost, hand, flow);
    }
}

/* ---- read ---------------------------------------------------------------------------------- */

/* "events=0.47@8.00" */
static bool
read_class(const char *text, enum brevo_class class, struct cost_said *said)
{
    const char *name = strstr(text, brevo_class_name(class));
    const char *calls = name != NULL ? strchr(name, '=') : NULL;
    const char *rate = calls != NULL ? strchr(calls, '@') : NULL;

    if (rate == NULL) {
        return false;
    }
    said->calls[class] = strtod(calls + 1, NULL);
    said->rate[class] = strtod(rate + 1, NULL);
    return isfinite(said->calls[class]) && said->calls[class] >= 0 &&
           isfinite(said->rate[class]) && said->rate[class] > 0;
}

/* Earlier versions did not say. */
static bool
read_arrivals(const char *text, struct cost_said *said)
{
    const char *came = strstr(text, arrive);

    said->arrive = came != NULL ? strtod(came + strlen(arrive), NULL) : 0;
    return isfinite(said->arrive) && said->arrive >= 0;
}

bool
cost_read(const struct queue_note *note, struct cost_said *ret_said)
{
    bool is_read = true;

    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
        is_read = read_class(note->text, (enum brevo_class)i, ret_said) && is_read;
    }
    return read_arrivals(note->text, ret_said) && is_read;
}

void
cost_write(const struct cost_said *said, struct buffer *text)
{
    buffer_add_text(text,
        "# HELP flexbrevo_brevo_calls_per_record Calls to Brevo for each settled record, of late.\n"
        "# TYPE flexbrevo_brevo_calls_per_record gauge\n");
    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
        buffer_addf(text, "flexbrevo_brevo_calls_per_record{class=\"%s\"} %.3f\n",
            brevo_class_name((enum brevo_class)i), said->calls[i]);
    }
}

/* Nobody has delivered yet. */
static double
first_record_s(const struct config *config)
{
    return FIRST_CALLS / (config->brevo_max_rps > 0
                                 ? config->brevo_max_rps
                                 : PACE_RATE_DEFAULT * config->brevo_rate_share);
}

int64_t
cost_backlog_s(int64_t pending, const struct cost_said *said, const struct config *config)
{
    double record_s = said == NULL ? first_record_s(config) : 0;

    for (size_t i = 0; said != NULL && i < BREVO_CLASSES_PACED; i++) {
        record_s = MAX(record_s, said->calls[i] / said->rate[i]);
    }
    const double load = said != NULL ? MIN(said->arrive * record_s, load_max) : 0;

    return pending > 0 ? 1 + (int64_t)((double)pending * record_s / (1 - load)) : 0;
}
