/*
 * brevo.c - URLs of the requests and the judging of the answers.
 */
#include "server/deliver/brevo.h"

#include <stdio.h>
#include <string.h>

enum {
    STATUS_OK_MIN = 200,
    STATUS_OK_MAX = 299,
    STATUS_SERVER_MIN = 500,
    STATUS_NOT_IMPLEMENTED = 501,
    STATUS_BAD_GATEWAY = 502,
    STATUS_GATEWAY_TIMEOUT = 504,
    STATUS_CLOUDFLARE_MIN = 520, /* "the origin" failed in some way or other */
};

static const struct endpoint {
    const char *name;
    const char *method;
    const char *path;
    enum brevo_class class;
} endpoints[BREVO_ENDPOINT_COUNT] = {
    [BREVO_CONTACT_LOOKUP] = {"contact_lookup", "GET", "/contacts/",
        BREVO_CLASS_CONTACTS},
    [BREVO_CONTACT_UPSERT] = {"contacts", "POST", "/contacts", BREVO_CLASS_CONTACTS},
    [BREVO_CONTACT_UPDATE] = {"contact_update", "PUT", "/contacts/",
        BREVO_CLASS_CONTACTS},
    [BREVO_EVENT] = {"events", "POST", "/events", BREVO_CLASS_EVENTS},
    [BREVO_EVENT_LOOKUP] = {"event_lookup", "GET", "/events", BREVO_CLASS_LOOKUPS},
    [BREVO_EVENT_BATCH] = {"events_batch", "POST", "/events/batch", BREVO_CLASS_BATCHES},
    [BREVO_ATTRIBUTES] = {"attributes", "GET", "/contacts/attributes",
        BREVO_CLASS_CONTACTS},
    [BREVO_LIST] = {"list", "GET", "/contacts/lists/", BREVO_CLASS_CONTACTS},
    [BREVO_TOKEN] = {"token", "POST", "", BREVO_CLASS_CONTACTS},
};

const char *
brevo_endpoint_name(enum brevo_endpoint endpoint)
{
    return endpoints[endpoint].name;
}

const char *
brevo_endpoint_method(enum brevo_endpoint endpoint)
{
    return endpoints[endpoint].method;
}

size_t
brevo_endpoint_answer_max(enum brevo_endpoint endpoint)
{
    const bool is_long = endpoint == BREVO_CONTACT_LOOKUP || endpoint == BREVO_ATTRIBUTES;

    return is_long ? BREVO_LONG_ANSWER_MAX : 0;
}

const char *brevo_class_name(enum brevo_class class)
{
    static const char *const names[BREVO_CLASS_COUNT] = {
        [BREVO_CLASS_CONTACTS] = "contacts",
        [BREVO_CLASS_EVENTS] = "events",
        [BREVO_CLASS_LOOKUPS] = "lookups",
        [BREVO_CLASS_BATCHES] = "batches",
    };

    return names[class];
}

enum brevo_class
brevo_endpoint_class(enum brevo_endpoint endpoint)
{
    return endpoints[endpoint].class;
}

void
brevo_url(struct buffer *url, const char *base_url, enum brevo_endpoint endpoint,
    const char *type, const char *value)
{
    buffer_add_text(url, base_url);
    buffer_add_text(url, endpoints[endpoint].path);
    if (endpoint == BREVO_CONTACT_LOOKUP || endpoint == BREVO_CONTACT_UPDATE) {
        buffer_add_percent_encoded(url, slice_of(value));
        buffer_add_text(url, "?identifierType=");
        buffer_add_text(url, type);
    } else if (endpoint == BREVO_LIST) {
        buffer_add_text(url, value);
    }
}

void
brevo_status_text(const struct http_exchange *exchange, char text[BREVO_STATUS_SIZE])
{
    switch (exchange->result) {
    case HTTP_ANSWERED:
        (void)snprintf(text, BREVO_STATUS_SIZE, "%ld", exchange->status);
        return;
    case HTTP_NOT_SENT:
        (void)snprintf(text, BREVO_STATUS_SIZE, "not_sent");
        return;
    case HTTP_UNKNOWN:
        (void)snprintf(text, BREVO_STATUS_SIZE, "no_answer");
        return;
    }
}

/* ---- judging ------------------------------------------------------------------------------ */

static bool
mentions(const struct http_exchange *exchange, const char *words)
{
    return exchange->answer.size > 0 && strcasestr(exchange->answer.data, words) != NULL;
}

static json_t *
error_body(const struct http_exchange *exchange)
{
    const struct buffer *answer = &exchange->answer;
    json_t *body = NULL;

    if (exchange->is_json && answer->size > 0) {
        body = json_loadb(answer->data, answer->size, 0, NULL);
    }
    return body;
}

/* Only what looks like a code: a sentence may quote an address. */
static void
read_code(const json_t *body, char ret_code[BREVO_CODE_SIZE])
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_- ";
    const struct slice code = slice_of(json_string_value(json_object_get(body, "code")));

    if (!slice_to_text(code, ret_code, BREVO_CODE_SIZE) ||
        strspn(ret_code, harmless) != code.size) {
        ret_code[0] = '\0';
    }
}

/* The identifier of that name, in whatever case; 0: none a contact can do without. */
static unsigned
optional_named(const char *name)
{
    for (unsigned bit = 1; bit <= REQUEST_OPTIONAL; bit <<= 1) {
        if (name != NULL && strcasecmp(name, request_optional_name(bit)) == 0) {
            return bit;
        }
    }
    return 0;
}

/* What Brevo says of identifiers, in words. */
static const struct {
    const char *words;
    unsigned refused; /* 0: those it names, which are another contact's */
} refusals[] = {
    {"already associated", 0},
    {"invalid phone", REQUEST_PHONES},
    {"invalid sms", REQUEST_SMS},
    {"invalid whatsapp", REQUEST_WHATSAPP},
};

static unsigned
optional_mentioned(const struct http_exchange *exchange)
{
    unsigned found = 0;

    for (unsigned bit = 1; bit <= REQUEST_OPTIONAL; bit <<= 1) {
        found |= mentions(exchange, request_optional_name(bit)) ? bit : 0;
    }
    return found;
}

/*
 * Whether a refusal is about identifiers, and then which of those a contact can do without. Seen as
 * `duplicate_parameter`, since 2026 also as `invalid_parameter`: so the metadata counts first, then
 * the words.
 */
static bool
is_about_an_identifier(const json_t *body, const struct http_exchange *exchange,
    struct brevo_verdict *verdict)
{
    const json_t *duplicates =
        json_object_get(json_object_get(body, "metadata"), "duplicate_identifiers");

    for (size_t i = 0; i < json_array_size(duplicates); i++) {
        verdict->refused |=
            optional_named(json_string_value(json_array_get(duplicates, i)));
    }
    verdict->is_taken = json_array_size(duplicates) > 0;
    for (size_t i = 0; i < LENGTH(refusals) && !verdict->is_taken; i++) {
        if (mentions(exchange, refusals[i].words)) {
            verdict->is_taken = refusals[i].refused == 0;
            verdict->refused = refusals[i].refused != 0 ? refusals[i].refused
                                                        : optional_mentioned(exchange);
            return true;
        }
    }
    return verdict->is_taken;
}

/* Capped exponential with full jitter: the whole span is drawn from, so that nobody marches. */
static int64_t
backoff_ms(int64_t attempts, uint32_t random)
{
    int64_t span_ms = BREVO_BACKOFF_MIN_MS;

    for (int64_t i = 0; i < attempts && span_ms < BREVO_BACKOFF_MAX_MS; i++) {
        span_ms = backoff_after(span_ms, BREVO_BACKOFF_MIN_MS, BREVO_BACKOFF_MAX_MS);
    }
    return BREVO_BACKOFF_MIN_MS + random % (span_ms - BREVO_BACKOFF_MIN_MS + 1);
}

/* The standard's header, bounded; below 0 when it is absent. */
static int64_t
asked_ms(const struct http_exchange *exchange)
{
    return exchange->retry_after_s < PACE_WAIT_MAX_MS / MS_PER_S
               ? exchange->retry_after_s * MS_PER_S
               : PACE_WAIT_MAX_MS;
}

/* Never sooner than we were asked to, whatever the status. */
static void
retry(struct brevo_verdict *verdict, const struct brevo_question *question,
    const struct http_exchange *exchange, const char *reason)
{
    const int64_t wait_ms = backoff_ms(question->attempts, question->random);

    if (question->attempts >= BREVO_ATTEMPTS_MAX) {
        verdict->outcome = BREVO_PARK;
        verdict->reason = "retries_exhausted";
        return;
    }
    verdict->outcome = BREVO_RETRY;
    verdict->reason = reason;
    verdict->after_ms = asked_ms(exchange) > wait_ms ? asked_ms(exchange) : wait_ms;
}

/* Brevo's header first, the standard's second; both bounded, and a second without either. */
static void
wait_for_the_limit(struct brevo_verdict *verdict, const struct brevo_question *question,
    const struct http_exchange *exchange)
{
    int64_t wait_ms = pace_reset_ms(exchange->ratelimit_reset, question->now_ms);

    wait_ms = asked_ms(exchange) > wait_ms ? asked_ms(exchange) : wait_ms;
    verdict->outcome = BREVO_RETRY;
    verdict->reason = "rate_limited";
    verdict->is_rate_limit = true;
    verdict->after_ms = wait_ms >= PACE_WAIT_MIN_MS ? wait_ms : BREVO_BACKOFF_MIN_MS;
}

/* Deliveries go on without it: a key made for sending may lack the right, a plan the endpoint. */
static bool
is_dispensable(enum brevo_endpoint endpoint)
{
    return endpoint == BREVO_EVENT_LOOKUP || endpoint == BREVO_EVENT_BATCH;
}

static void
judge_dispensable(
    struct brevo_verdict *verdict, enum brevo_endpoint endpoint, long status)
{
    const bool is_unserved =
        endpoint == BREVO_EVENT_BATCH &&
        (status == 404 || status == 405 || status == STATUS_NOT_IMPLEMENTED);

    verdict->outcome = BREVO_UNTOLD;
    verdict->reason = status == 403 ? "forbidden" : is_unserved ? "unserved" : "failed";
    verdict->after_ms = status == 403 || is_unserved ? BREVO_FORBIDDEN_MS : 0;
}

static void
judge_client_error(struct brevo_verdict *verdict, const struct brevo_question *question,
    const struct http_exchange *exchange, const json_t *body)
{
    verdict->outcome = BREVO_PARK;
    verdict->reason = exchange->status == 402 ? "payment_required" : "rejected";
    if (is_dispensable(question->endpoint)) {
        judge_dispensable(verdict, question->endpoint, exchange->status);
    } else if (question->endpoint == BREVO_CONTACT_LOOKUP ||
               question->endpoint == BREVO_CONTACT_UPDATE) {
        verdict->outcome = BREVO_NO_CONTACT;
        verdict->reason = "no_contact";
        verdict->is_gone =
            exchange->status == 404 && strcmp(verdict->code, "document_not_found") == 0;
    } else if (question->endpoint == BREVO_CONTACT_UPSERT && exchange->status == 400 &&
               is_about_an_identifier(body, exchange, verdict)) {
        verdict->outcome = BREVO_DROP;
        verdict->reason = "identifier_refused";
    }
}

static void
judge_status(struct brevo_verdict *verdict, const struct brevo_question *question,
    const struct http_exchange *exchange, const json_t *body)
{
    const bool blocked =
        mentions(exchange, "unrecognised IP") || mentions(exchange, "authorised_ips");
    const enum brevo_class class = endpoints[question->endpoint].class;

    switch (exchange->status) {
    case 401:
        verdict->outcome = BREVO_PAUSE;
        verdict->reason = blocked ? "ip_blocked" : "unauthorized";
        return;
    case 403:
        if (question->endpoint == BREVO_CONTACT_UPDATE ||
            is_dispensable(question->endpoint)) { /* others need none of them */
            judge_client_error(verdict, question, exchange, body);
            return;
        }
        verdict->outcome = BREVO_PAUSE;
        verdict->reason =
            class == BREVO_CLASS_EVENTS ? "forbidden_events" : "forbidden_contacts";
        return;
    case 408:
        retry(verdict, question, exchange, "request_timeout");
        return;
    case 409:
        retry(verdict, question, exchange, "conflict");
        return;
    case 425: /* never under BREVO_BACKOFF_MIN_MS, the second Brevo asks for */
        retry(verdict, question, exchange, "too_early");
        return;
    case 429:
        wait_for_the_limit(verdict, question, exchange);
        return;
    default:
        break;
    }
    /* A look that is not served at all will never be: then everything is said unseen. */
    const bool is_unserved = exchange->status == STATUS_NOT_IMPLEMENTED &&
                             (question->endpoint == BREVO_CONTACT_LOOKUP ||
                                 is_dispensable(question->endpoint));

    if (is_unserved ||
        (exchange->status >= 400 && exchange->status < STATUS_SERVER_MIN)) {
        judge_client_error(verdict, question, exchange, body);
        return;
    }
    /* 5xx, Cloudflare's 52x, and redirects, which a proxy on the way makes up */
    verdict->maybe_done = exchange->status >= STATUS_SERVER_MIN;
    verdict->is_unseen = exchange->status == STATUS_BAD_GATEWAY ||
                         exchange->status == STATUS_GATEWAY_TIMEOUT ||
                         exchange->status >= STATUS_CLOUDFLARE_MIN;
    verdict->is_failure = true;
    retry(verdict, question, exchange, "server_error");
}

void
brevo_judge(const struct brevo_question *question, const struct http_exchange *exchange,
    struct brevo_verdict *ret_verdict)
{
    struct brevo_verdict verdict = {.outcome = BREVO_DELIVERED, .reason = ""};

    if (exchange->result == HTTP_NOT_SENT) {
        verdict.is_failure = true;
        retry(&verdict, question, exchange, "not_sent");
    } else if (exchange->result == HTTP_UNKNOWN) {
        verdict.maybe_done = true;
        verdict.is_unseen = true;
        verdict.is_failure = true;
        retry(&verdict, question, exchange, "no_answer");
    } else if (exchange->status < STATUS_OK_MIN || exchange->status > STATUS_OK_MAX) {
        json_t *body = error_body(exchange);

        read_code(body, verdict.code);
        judge_status(&verdict, question, exchange, body);
        json_decref(body);
    }
    *ret_verdict = verdict;
}
