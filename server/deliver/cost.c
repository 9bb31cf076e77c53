/*
 * cost.c - "contacts=0.24@8.00 events=0.47@8.00": calls of each class for a record, and its rate.
 */
#include "server/deliver/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "server/ops/clock.h"

enum {
    NOTE_EVERY_US = 3 * 1000 * 1000,
    FIRST_CALLS =
        2, /* of one class, of a customer's first record: looked up and created */
};

static const double keep = 0.9; /* of what was counted before, with each note */

/* ---- counted, and noted -------------------------------------------------------------------- */

static void
count(struct cost *cost, const struct hand *hand, const struct flow *flow)
{
    cost->records = keep * cost->records + (double)(hand->settled - cost->settled);
    cost->settled = hand->settled;
    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
        const int64_t taken = flow->taken[i];

        cost->calls[i] = keep * cost->calls[i] + (double)(taken - cost->taken[i]);
        cost->taken[i] = taken;
    }
}

void
cost_run(struct cost *cost, struct hand *hand, const struct flow *flow, int64_t now_us)
{
    AUTO(buffer_done) struct buffer note = {.max = QUEUE_NOTE_SIZE};

    if (cost->due_us == 0) { /* calls under way are no record yet */
        cost->due_us = now_us + NOTE_EVERY_US;
    }
    if (now_us < cost->due_us || hand->settled == cost->settled) {
        return;
    }
    cost->due_us = now_us + NOTE_EVERY_US;
    count(cost, hand, flow);
    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
        buffer_addf(&note, "%s%s=%.3f@%.2f", i > 0 ? " " : "",
            brevo_class_name((enum brevo_class)i), cost->calls[i] / cost->records,
            flow->paces[i].rate);
    }
    if (!note.failed) {
        (void)!hand_note(
            hand, COST_NOTE, note.data, clock_unix_ms()); /* the next one will do */
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

bool
cost_read(const struct queue_note *note, struct cost_said *ret_said)
{
    bool is_read = true;

    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
        is_read = read_class(note->text, (enum brevo_class)i, ret_said) && is_read;
    }
    return is_read;
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
    return pending > 0 ? 1 + (int64_t)((double)pending * record_s) : 0;
}
