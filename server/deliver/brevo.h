/*
 * brevo.h - what we ask Brevo, and what its answers mean for us.
 *
 * An answer becomes one of a few verdicts, by status first, then by what the error body says.
 * Bodies of 2xx are never read here. Unknown codes, HTML and empty bodies are expected.
 */
#pragma once

#include <jansson.h>

#include "mapping/request.h"
#include "server/config/config.h"
#include "server/deliver/pace.h"
#include "server/net/http_client.h"

enum brevo_endpoint {
    BREVO_CONTACT_LOOKUP, /* GET /contacts/{identifier} */
    BREVO_CONTACT_UPSERT, /* POST /contacts */
    BREVO_CONTACT_UPDATE, /* PUT /contacts/{id}: never creates */
    BREVO_EVENT,          /* POST /events */
    BREVO_EVENT_LOOKUP,   /* GET /events: is it there already? */
    BREVO_EVENT_BATCH,    /* POST /events/batch: of many deliveries */
    BREVO_ATTRIBUTES,     /* GET /contacts/attributes; of no delivery */
    BREVO_LIST,           /* GET /contacts/lists/{id}; of no delivery */
    BREVO_TOKEN,          /* POST brevo.oauth.token_url: not of the API, and not paced */
    BREVO_ENDPOINT_COUNT
};

/* Endpoints Brevo limits, and a restricted key allows, together. */
enum brevo_class {
    BREVO_CLASS_CONTACTS,
    BREVO_CLASS_EVENTS,
    BREVO_CLASSES_PACED, /* those before: deliveries wait for them */
    BREVO_CLASS_LOOKUPS = BREVO_CLASSES_PACED, /* of events, by the hour */
    BREVO_CLASS_BATCHES, /* of events: by the hour, until Brevo says otherwise */
    BREVO_CLASS_COUNT
};

enum {
    BREVO_TIMEOUT_MS = 10 * 1000, /* of one call */
    BREVO_ATTEMPTS_MAX = 300,     /* about a day of retries, then the record is parked */
    BREVO_BACKOFF_MIN_MS = 1000,
    BREVO_BACKOFF_MAX_MS = 10 * 60 * 1000,
    BREVO_FORBIDDEN_MS =
        60 * 60 * 1000, /* what can be done without, and was, is not asked for again */
    BREVO_CODE_SIZE = 61,
    BREVO_URL_SIZE_MAX = 4096,
    BREVO_LONG_ANSWER_MAX =
        1024 * 1024, /* a contact with all its campaigns, an account's attributes */
    BREVO_STATUS_SIZE = 24,
};

const char *brevo_endpoint_name(enum brevo_endpoint endpoint); /* metric label */
const char *brevo_endpoint_method(enum brevo_endpoint endpoint);
size_t brevo_endpoint_answer_max(
    enum brevo_endpoint endpoint); /* as of an http_exchange */
enum brevo_class brevo_endpoint_class(enum brevo_endpoint endpoint);
const char *brevo_class_name(enum brevo_class class); /* "contacts" */

/* "204", or why there is none: "not_sent", "no_answer". The metric label `status`. */
void brevo_status_text(
    const struct http_exchange *exchange, char text[BREVO_STATUS_SIZE]);

/*
 * Appends the URL. `type` and `value` are the identifier of a lookup or an update ("email_id",
 * the address); `value` is a list's number; else they are not used. Check url->failed.
 */
void brevo_url(struct buffer *url, const char *base_url, enum brevo_endpoint endpoint,
    const char *type, const char *value);

enum brevo_outcome {
    BREVO_DELIVERED, /* done; of a lookup: the contact is in the answer */
    BREVO_NO_CONTACT, /* lookup, update: Brevo does not know it, or cannot tell: send it whole */
    BREVO_DROP, /* upsert: an identifier is invalid or another contact's: again without it */
    BREVO_RETRY, /* again in after_ms */
    BREVO_UNTOLD, /* event lookup, batch: Brevo will not; with after_ms, nobody for so long */
    BREVO_PAUSE, /* nothing goes through, nothing is wrong with this event: stop and probe */
    BREVO_AGAIN, /* the token was no longer good: the same call, with the next one */
    BREVO_PARK,  /* would never be accepted: keep it for a person */
};

struct brevo_verdict {
    enum brevo_outcome outcome;
    const char *reason; /* static label, "" when delivered; the cause of a pause */
    int64_t after_ms;   /* BREVO_RETRY, BREVO_UNTOLD */
    bool
        is_rate_limit; /* BREVO_RETRY: the whole class waits, and this attempt does not count */
    unsigned refused; /* BREVO_DROP: REQUEST_* bits; 0: it does not say which */
    bool is_taken;    /* BREVO_DROP: they are another contact's */
    bool is_gone;    /* BREVO_NO_CONTACT: Brevo itself says so, not somebody on the way */
    bool maybe_done; /* BREVO_RETRY: it may have happened, again may be twice */
    bool is_unseen;  /* of that: whatever Brevo itself said did not reach us */
    bool
        is_failure; /* BREVO_RETRY: Brevo's, or on the way there; of many in a row it is away */
    char code
        [BREVO_CODE_SIZE]; /* Brevo's error code where it is one word; never its message */
};

struct brevo_question {
    enum brevo_endpoint endpoint;
    int64_t attempts; /* this one included */
    int64_t now_ms;   /* Unix time */
    uint32_t random;  /* any number: spreads retries */
};

void brevo_judge(const struct brevo_question *question,
    const struct http_exchange *exchange, struct brevo_verdict *ret_verdict);

#define BREVO_AWAY "away" /* the cause, when one call after the other fails */

/* Why deliveries wait: causes of BREVO_PAUSE, and BREVO_AWAY. */
struct brevo_cause {
    const char *name;     /* "unauthorized", ... */
    const char *remedy;   /* what a person does about it */
    int64_t probe_max_ms; /* between two looks whether it is over, at most */
    enum brevo_class class;
    bool is_general;  /* all of Brevo; else that class of endpoints */
    bool is_of_class; /* any success of its class ends it, not only of its endpoint */
};

enum {
    BREVO_CAUSES = 5,
};

extern const struct brevo_cause brevo_causes[BREVO_CAUSES];
