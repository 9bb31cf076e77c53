/*
 * call_proof.c - the steps that find out who sends a request: Twilio by its signature (and Basic
 * auth, where it is asked for), survey code and Flex users by a token.
 */
#include <assert.h>

#include "mapping/payload.h"
#include "server/ingest/call.h"
#include "server/proof/alarm.h"
#include "server/proof/authorization.h"
#include "server/proof/signature.h"

/* ---- signature ---------------------------------------------------------------------------- */

/* Which tokens still sign: whether an old one may go after a rotation. */
static void
count_verified(const struct ingest *ingest)
{
    static const char *const names[] = {"auth_token", "auth_tokens[0]", "auth_tokens[1]",
        "auth_tokens[2]", "auth_tokens[3]", "auth_tokens[4]", "auth_tokens[5]",
        "auth_tokens[6]", "auth_tokens[7]", "auth_tokens[8]", "auth_tokens[9]",
        "auth_tokens[10]", "auth_tokens[11]", "auth_tokens[12]", "auth_tokens[13]",
        "auth_tokens[14]"};
    const struct credentials *credentials = ingest->credentials;
    const size_t index = verifier_matched_token(credentials->verifier) +
                         (credentials->has_auth_token ? 0 : 1);

    static_assert(LENGTH(names) == CONFIG_AUTH_TOKENS_MAX + 1, "a name for each");
    counter_add(metrics_counter(METRIC_REQUESTS_VERIFIED, names[index], NULL), 1);
}

static enum situation
judge_signature(struct call *call, int result)
{
    if (result < 0) {
        return SITUATION_UNAVAILABLE;
    }
    if (result == VERIFY_OK) {
        count_verified(call->ingest);
        alarm_verified(call->started_us);
        return SITUATION_NEXT;
    }
    call->reason = verify_reason(result);
    switch (result) {
    case VERIFY_E_NO_SIGNATURE:
        return SITUATION_NO_PROOF;
    case VERIFY_E_MISMATCH:
        alarm_mismatch(call->started_us);
        call_tell_tried(call);
        return SITUATION_MISMATCH;
    default:
        return SITUATION_BAD_PROOF;
    }
}

/* The last one is the nearest proxy's. */
static struct slice
last_header(const struct call *call, const char *name)
{
    const size_t count = http_header_count(call->request, name);

    return count > 0 ? http_header_value_at(call->request, name, count - 1)
                     : (struct slice){0};
}

bool
call_read_forwarded(const struct call *call, struct forwarded *ret_forwarded)
{
    const struct slice host = last_header(call, "X-Forwarded-Host");
    const struct slice line = last_header(call, "Forwarded");

    if ((host.size == 0 && line.size == 0) || !call_peer_is_trusted(call)) {
        return false;
    }
    *ret_forwarded = (struct forwarded){
        .proto = last_header(call, "X-Forwarded-Proto"),
        .host = host,
        .port = last_header(call, "X-Forwarded-Port"),
        .line = line,
    };
    return true;
}

static enum situation
check_signature(struct call *call, struct slice signature)
{
    struct ingest *ingest = call->ingest;
    struct forwarded forwarded;
    const struct signature_input input = {
        .config = ingest->options.config,
        .credentials = ingest->credentials,
        .source = call->route->source,
        .target = http_target(call->request),
        .forwarded = call_read_forwarded(call, &forwarded) ? &forwarded : NULL,
        .signature = signature,
        .is_json = call->is_json,
        .body = call->body,
    };

    return judge_signature(call, signature_check(&input, &ingest->urls));
}

/* ---- Basic auth --------------------------------------------------------------------------- */

static bool
has_basic_auth(const struct call *call)
{
    const char *expected = call->ingest->credentials->basic_auth[call->route->source];

    return expected != NULL &&
           authorization_is_basic(
               http_header_value(call->request, "Authorization"), expected);
}

/* Asked for in addition to a signature, never instead of one. */
bool
call_lacks_basic_auth(const struct call *call)
{
    return call->ingest->credentials->basic_auth[call->route->source] != NULL &&
           !has_basic_auth(call);
}

static enum situation
check_basic_auth(struct call *call)
{
    if (!call_lacks_basic_auth(call)) {
        return SITUATION_NEXT;
    }
    call->reason = "basic_auth";
    return SITUATION_BASIC_AUTH;
}

/*
 * Event Streams discards for good what gets a 4xx. What knows the password, or comes from Twilio,
 * left there with a proof: a proxy has lost it, and the event may come again until the proxy is
 * mended.
 */
static bool
is_proxy_fault(const struct call *call, enum situation situation)
{
    return call->route->caller == CALLER_EVENT_STREAMS &&
           (situation == SITUATION_NO_PROOF || situation == SITUATION_BAD_PROOF) &&
           (has_basic_auth(call) || call_came_from_twilio(call));
}

/* ---- survey token ------------------------------------------------------------------------- */

static enum situation
check_survey_token(struct call *call)
{
    const char *expected = call->ingest->credentials->survey_token;
    const struct slice given = http_header_value(call->request, "Authorization");

    if (expected == NULL || given.size == 0) {
        call->reason =
            expected == NULL ? verify_reason(VERIFY_E_NO_SIGNATURE) : "no_token";
        return SITUATION_NO_PROOF;
    }
    if (!authorization_has_token(given, expected)) {
        call->reason = "survey_token";
        return SITUATION_BAD_PROOF;
    }
    return SITUATION_NEXT;
}

/* ---- Flex token --------------------------------------------------------------------------- */

static enum situation
judge_token(struct call *call, enum token_verdict verdict)
{
    switch (verdict) {
    case TOKEN_PENDING:
        return SITUATION_WAITING;
    case TOKEN_VALID:
        return SITUATION_NEXT;
    case TOKEN_INVALID:
        call->reason = "token_invalid";
        return SITUATION_BAD_PROOF;
    case TOKEN_EXPIRED:
        call->reason = "token_expired";
        return SITUATION_BAD_PROOF;
    case TOKEN_UNKNOWN:
    default:
        call->reason = "token_unknown";
        return SITUATION_UNAVAILABLE;
    }
}

static void
on_token(struct token_check *check)
{
    struct call *call = check->context;

    call_continue(call, judge_token(call, check->verdict));
}

static enum situation
check_token(struct call *call)
{
    char text[TOKEN_SIZE_MAX];
    struct slice token =
        authorization_bearer(http_header_value(call->request, "Authorization"));

    if (token.size == 0 &&
        key_find_token(call->body, call->is_json, text, sizeof(text))) {
        token = slice_of(text);
    }
    if (token.size == 0) {
        call->reason = "no_token";
        return SITUATION_NO_PROOF;
    }
    call->by_token = true;
    call->token.done = on_token;
    call->token.context = call;
    return judge_token(call, token_check(call->ingest->tokens, token, &call->token));
}

/* ---- steps -------------------------------------------------------------------------------- */

/* Each header comes once: the HTTP server refuses two proofs. */
static enum situation
check_proof(struct call *call)
{
    const struct slice signature = http_header_value(call->request, "X-Twilio-Signature");

    if (call->route->caller == CALLER_BROWSER && signature.size == 0) {
        return check_token(call);
    }
    if (call->route->caller == CALLER_SURVEY && signature.size == 0) {
        return check_survey_token(call);
    }
    const enum situation situation = check_signature(call, signature);

    return situation == SITUATION_NEXT ? check_basic_auth(call) : situation;
}

enum situation
call_verify(struct call *call)
{
    if (!call_address_is_allowed(call)) {
        call->reason = "source_address";
        return SITUATION_SOURCE_ADDRESS;
    }
    const enum situation situation = check_proof(call);

    return is_proxy_fault(call, situation) ? SITUATION_PROXY_FAULT : situation;
}

/* Reads as the worker will, so that no spelling of the name gets past us. */
enum situation
call_match_worker(struct call *call)
{
    AUTO(payload_release) json_t *payload = NULL;

    if (!call->by_token) {
        return SITUATION_NEXT;
    }
    const int r = payload_parse(call->route->source, call->body, &payload);

    if (r != PAYLOAD_OK) {
        return r < 0 ? SITUATION_UNAVAILABLE : SITUATION_UNPARSEABLE;
    }
    const char *posted = payload_text(payload, "worker_sid");

    /* An answer that names no worker cannot contradict the one posted. */
    if (posted != NULL && call->token.worker_sid[0] != '\0' &&
        !slice_is(slice_of(posted), call->token.worker_sid)) {
        call->reason = "worker_mismatch";
        return SITUATION_BAD_PROOF;
    }
    return SITUATION_NEXT;
}
