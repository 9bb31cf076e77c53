/*
 * call_proof.c - the steps that find out who sends a request: Twilio by its signature, a Flex
 * user by a token.
 */
#include <string.h>

#include "mapping/payload.h"
#include "server/ingest/call.h"

/* ---- signature ---------------------------------------------------------------------------- */

static enum situation
judge_signature(struct call *call, int result)
{
    if (result == VERIFY_OK) {
        return SITUATION_NEXT;
    }
    if (result < 0) {
        return SITUATION_UNAVAILABLE;
    }
    call->reason = verify_reason(result);
    switch (result) {
    case VERIFY_E_NO_SIGNATURE:
        return SITUATION_NO_PROOF;
    case VERIFY_E_MISMATCH:
        return SITUATION_MISMATCH;
    default:
        return SITUATION_BAD_PROOF;
    }
}

/* What Twilio signed is the URL it was given, which a proxy may have hidden from us. */
static enum situation
check_signature(struct call *call, struct slice signature)
{
    struct ingest *ingest = call->ingest;

    buffer_clear(&ingest->url);
    buffer_add_slice(&ingest->url, slice_of(ingest->options.config->public_url));
    buffer_add_slice(&ingest->url, http_target(call->request));
    if (ingest->url.failed) {
        return judge_signature(call, VERIFY_E_TOO_LONG);
    }
    const struct verify_input input = {
        .url = buffer_slice(&ingest->url),
        .signature = signature,
        .kind = call->is_json ? VERIFY_BODY_HASHED : VERIFY_BODY_FORM,
        .body = call->body,
    };

    return judge_signature(
        call, verify_request(ingest->credentials->verifier, &input, NULL));
}

/*
 * Event Streams discards for good what gets a 4xx. What comes from Twilio left there with a proof:
 * a proxy has lost it, and the event may come again until the proxy is mended.
 */
static bool
is_proxy_fault(const struct call *call, enum situation situation)
{
    struct slice lines[ORIGIN_LINES_MAX];
    struct sockaddr_storage peer;
    const size_t count = http_header_count(call->request, "X-Forwarded-For");

    if (call->route->caller != CALLER_EVENT_STREAMS ||
        (situation != SITUATION_NO_PROOF && situation != SITUATION_BAD_PROOF) ||
        count > LENGTH(lines) || !http_peer(call->request, &peer)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        lines[i] = http_header_value_at(call->request, "X-Forwarded-For", i);
    }
    return origin_is_twilio(&call->ingest->origin, &peer, lines, count);
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

static struct slice
bearer_token(const struct http_request *request)
{
    const struct slice value = http_header_value(request, "Authorization");
    return slice_starts_nocase(value, "Bearer ")
               ? slice_trim(slice_skip(value, strlen("Bearer ")))
               : (struct slice){0};
}

static enum situation
check_token(struct call *call)
{
    char text[TOKEN_SIZE_MAX];
    struct slice token = bearer_token(call->request);

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

enum situation
call_verify(struct call *call)
{
    const struct slice signature = http_header_value(call->request, "X-Twilio-Signature");

    if (call->route->caller == CALLER_BROWSER && signature.size == 0) {
        return check_token(call);
    }
    const enum situation situation = check_signature(call, signature);

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
