/*
 * mapping_side.h - what one configuration makes of recorded events, each judged by what all of them
 * together tell of its ticket.
 *
 * First every record tells. Then each is judged, as a worker judges it when all it waits for is over;
 * and a second time, for only then it is known which of several comes first with what they all would
 * have Brevo told.
 */
#pragma once

#include "server/cli/fact_store.h"
#include "server/config/config.h"
#include "server/deliver/job.h"

struct mapping_record {
    const char *key;
    const json_t *payload;
    int64_t received_ms; /* 0: unknown */
};

struct mapping_side {
    const struct config *config;
    int64_t now_ms;
    struct fact_store told;   /* by the records, of their tickets */
    struct fact_store claims; /* which record an effect is of */
};

struct mapping_judgement {
    struct job job;    /* its reading: what it is, and the verdict */
    bool is_made;      /* false: this side makes no such record of what was recorded */
    bool is_mute;      /* too old: its contact is written, and nothing fired */
    const char *doubt; /* why the verdict may be wrong, as a reason; NULL: it is not */
};

void mapping_side_init(
    struct mapping_side *side, const struct config *config, int64_t now_ms);
void mapping_side_done(struct mapping_side *side);

/* Both: 0 or -ENOMEM. */
int mapping_side_tell(
    struct mapping_side *side, const struct mapping_record *record) MUST_USE;
/* The record must stay as long as what is told of it. */
int mapping_side_judge(struct mapping_side *side, const struct mapping_record *record,
    struct mapping_judgement *ret_judgement) MUST_USE;
