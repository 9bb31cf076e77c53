/*
 * seeking.h - whom a conversation was with, asked of Twilio's REST API.
 *
 * Once for an event that names no customer, when nobody else of its ticket did in time. What is
 * found becomes a fact of the ticket, as if one of its records had said so; then the event is judged
 * again. Twilio limits how many requests are under way at once: here it is one.
 */
#pragma once

#include "server/deliver/hand.h"

enum {
    SEEKING_TIMEOUT_MS = 5000,
    SEEKING_ATTEMPTS_MAX = 5, /* then nobody is known */
};

/* Whether asking may help, and there is somebody to ask as. */
bool seeking_may_help(const struct job *job, const struct config *config);

/* JOB_SEEKING: asks, unless another job in hand does. JOB_ASKED: goes on by the answer. */
void seeking_step(struct hand *hand, struct job *job, struct http_client *client);
