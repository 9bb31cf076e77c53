/*
 * seeking.h - whom a conversation was with, asked of Twilio's REST API.
 *
 * Once for an event that names no customer, when nobody else of its ticket did in time. What is
 * found becomes a fact of the ticket, as if one of its records had said so; then the event is judged
 * again. Twilio limits how many requests are under way at once: here it is one. Who has to wait for
 * that goes back meanwhile, and no attempt counts: deliveries shall have room, whether Twilio
 * answers or not. When it does not, nobody asks for a while, then one does.
 */
#pragma once

#include "server/deliver/hand.h"

enum {
    SEEKING_TIMEOUT_MS = 5000,
    SEEKING_ATTEMPTS_MAX = 5, /* then nobody is known; */
    SEEKING_PATIENCE_MS = 60 * 60 * 1000,
    /* nor is one when Twilio has been away for so long: not all have their five by then */
    SEEKING_REST_MIN_MS =
        15 * 1000, /* after one that came to nothing; then ever longer */
    SEEKING_REST_MAX_MS = 2 * 60 * 1000,
};

/* All zero: Twilio answers, as far as we know. */
struct seeking {
    int64_t rest_ms;  /* the last one's; 0: the last one was answered */
    int64_t until_us; /* nobody asks before */
    int64_t away_us;  /* while `rest_ms`: since when */
};

/* Whether asking may help, and there is somebody to ask as. */
bool seeking_may_help(const struct job *job, const struct config *config);

/* JOB_SEEKING: asks, or goes back until it is its turn. JOB_ASKED: goes on by the answer. */
void seeking_step(struct seeking *seeking, const struct hand *hand, struct job *job,
    struct http_client *client, int64_t now_us);
