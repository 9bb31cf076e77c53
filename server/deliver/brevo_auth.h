/*
 * brevo_auth.h - the header that proves to Brevo who we are: the API key, or a token for an hour.
 *
 * Whoever calls Brevo borrows it here, and only while brevo_auth_wait_us() is 0: without a token no
 * call begins, and who waits for one waits as for the pace. What is wrong with getting one is said in
 * the log whenever it changes, as a metric, as a note for `status`, and where Brevo refuses it for good, as
 * a pause. Tokens are kept in memory and nowhere else.
 */
#pragma once

#include "queue/queue.h"
#include "server/config/config.h"
#include "server/deliver/brevo.h"
#include "server/deliver/brevo_token.h"

#define BREVO_AUTH_NOTE "brevo_token" /* its text: the name of what is wrong, or */
#define BREVO_AUTH_FINE "fine"

struct call_tools;

struct brevo_auth {
    const struct config *config;
    bool is_constant; /* the API key; or nothing, in shadow mode, when nothing is sent */
    struct brevo_token token;
    struct http_exchange exchange;
    struct buffer user; /* of the question */
    struct buffer password;
    struct buffer form;
    bool is_asking;
    bool is_answered;
    int64_t asked_us;
    bool is_told;                    /* `told` was */
    enum brevo_token_problem told;   /* in the log and the metrics */
    enum brevo_token_problem paused; /* for which deliveries were paused */
    const char *note;                /* not in Redis yet; NULL: there is none */
    int64_t note_ms;
};

/* The configuration is borrowed. `auth` stays where it is. */
void brevo_auth_init(struct brevo_auth *auth, const struct config *config);
/* After the client was closed: a question may be under way before. */
void brevo_auth_done(struct brevo_auth *auth);

/* Until a call may begin, or it is worth while to look again; 0: now. */
int64_t brevo_auth_wait_us(const struct brevo_auth *auth, int64_t now_us);
/* "api-key: ..." or "Authorization: Bearer ...", until the next brevo_auth_run(). */
const char *brevo_auth_header(const struct brevo_auth *auth);
/* Of the token in the header, for brevo_auth_judge(). */
unsigned brevo_auth_number(const struct brevo_auth *auth);

/*
 * A verdict on a call that was made with the token of that number. A refusal of the token becomes
 * BREVO_AGAIN, unless its successor was refused, too.
 */
void brevo_auth_judge(struct brevo_auth *auth, unsigned number,
    struct brevo_verdict *verdict, int64_t now_us);

/* Asks when it is time, unless we stop; takes in the answer, and tells of it. */
void brevo_auth_run(struct brevo_auth *auth, const struct call_tools *tools,
    int64_t now_us, bool is_stopping);

/*
 * For commands: asks, if there is anything to ask for, and waits for the answer. 0, or -ENOMEM; then
 * auth->token.problem says whether there is a header.
 */
int brevo_auth_obtain(struct brevo_auth *auth) MUST_USE;
