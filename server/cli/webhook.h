/*
 * webhook.h - a sample webhook as it goes out: chosen, composed, signed.
 */
#pragma once

#include "server/cli/sample.h"
#include "server/config/config.h"
#include "server/proof/verify.h"

/* What was asked for on the command line; NULL: not given. */
struct webhook_wish {
    const char *event;
    const char *source;
    const char *body; /* "form" or "json" */
    const char *email;
    const char *phone;
    const char *channel;
    const char *task_sid;
    const char *to;
    const char *token;
    const char *bearer; /* instead of a signature */
    bool deliver;
};

struct webhook {
    struct sample sample;
    struct sample_subject subject;
    struct buffer body;
    struct buffer url;        /* sent to */
    struct buffer signed_url; /* signed over; empty: nothing is */
    char signature[VERIFY_SIGNATURE_SIZE];
};

/*
 * Makes the webhook of a wish. `webhook` is zeroed; the caller releases it with webhook_done(),
 * whatever is returned. The sample borrows from wish and configuration. 0, or a sysexits code
 * with the error printed as one of `command`.
 */
int webhook_make(const char *command, const struct webhook_wish *wish,
    const struct config *config, struct webhook *webhook) MUST_USE;
void webhook_done(struct webhook *webhook);
