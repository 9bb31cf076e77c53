/*
 * routes.c - the webhook endpoints, and what each caller is told in each situation.
 */
#include "server/ingest/routes.h"

static const struct route routes[] = {
    {
        .path = "/webhooks/taskrouter",
        .source = SOURCE_TASKROUTER,
        .caller = CALLER_TWILIO,
        .takes_form = true,
        .success = 204,
        .success_type = "application/json", /* TaskRouter asks for it, body or not */
        .allow = "POST",
    },
    {
        .path = "/webhooks/event-streams",
        .source = SOURCE_EVENT_STREAMS,
        .caller = CALLER_EVENT_STREAMS,
        .takes_json = true,
        .success = 204,
        .allow = "POST",
    },
    {
        .path = "/webhooks/flex/task-complete",
        .source = SOURCE_FLEX_PLUGIN,
        .caller = CALLER_BROWSER,
        .takes_form = true,
        .takes_json = true,
        .success = 202,
        .allow = "POST, OPTIONS",
    },
    {
        .path = "/webhooks/flex/interactions",
        .source = SOURCE_INTERACTIONS,
        .caller = CALLER_TWILIO,
        .takes_form = true,
        .success = 204,
        .allow = "POST",
    },
    {
        .path = "/webhooks/flex/survey",
        .source = SOURCE_SURVEY,
        .caller = CALLER_SURVEY,
        .takes_form = true,
        .takes_json = true,
        .success = 204,
        .allow = "POST",
    },
    {
        .path = "/webhooks/conversations",
        .source = SOURCE_CONVERSATIONS,
        .caller = CALLER_TWILIO,
        .takes_form = true,
        .success = 200,
        .allow = "POST",
    },
    {
        .path = "/webhooks/messaging",
        .source = SOURCE_MESSAGING,
        .caller = CALLER_TWILIO,
        .takes_form = true,
        .success = 204,
        .allow = "POST",
    },
};

enum column {
    COLUMN_TWILIO,
    COLUMN_EVENT_STREAMS,
    COLUMN_BROWSER,
    COLUMN_COUNT
};

static const enum column columns[CALLER_COUNT] = {
    [CALLER_TWILIO] = COLUMN_TWILIO,
    [CALLER_EVENT_STREAMS] = COLUMN_EVENT_STREAMS,
    [CALLER_BROWSER] = COLUMN_BROWSER,
    [CALLER_SURVEY] = COLUMN_TWILIO,
};

/* Event Streams: 503 wherever the fault may be ours or a proxy's, so that nothing is lost. */
static const struct {
    struct situation_text text;
    unsigned status[COLUMN_COUNT];
} answers[SITUATION_COUNT] = {
    [SITUATION_NOT_FOUND] =
        {
            .text =
                {
                    .code = "not_found",
                    .message =
                        "There is no webhook at this path. Check the URL configured "
                        "with the sender.",
                },
            .status = {404, 404, 404},
        },
    [SITUATION_METHOD] =
        {
            .text =
                {
                    .code = "method_not_allowed",
                    .message = "This method is not served here. Use POST.",
                },
            .status = {405, 405, 405},
        },
    [SITUATION_TOO_LARGE] =
        {
            .text =
                {
                    .code = "too_large",
                    .message = "The body is over the limit: 4 MiB, 256 KiB for a form.",
                    .remedy = "a form may have 256 KiB, other bodies 4 MiB: find out "
                              "who sends more",
                },
            .status = {413, 503, 413},
        },
    [SITUATION_MEDIA_TYPE] =
        {
            .text =
                {
                    .code = "unsupported_media_type",
                    .message =
                        "This Content-Type or Content-Encoding is not served here. "
                        "Send an uncompressed form, or JSON where the endpoint "
                        "takes it.",
                    .remedy = "let the proxy pass Content-Type and body unchanged",
                },
            .status = {415, 503, 415},
        },
    [SITUATION_NO_PROOF] =
        {
            .text =
                {
                    .code = "unauthorized",
                    .message = "Nothing proves who sends this. Add X-Twilio-Signature.",
                    .remedy = "let the proxy pass X-Twilio-Signature",
                },
            .status = {403, 403, 401},
        },
    [SITUATION_BAD_PROOF] =
        {
            .text =
                {
                    .code = "forbidden",
                    .message = "The proof of the sender is not valid. Sign the exact URL "
                               "and body.",
                    .remedy = "let the proxy pass query and body unchanged",
                },
            .status = {403, 403, 403},
        },
    [SITUATION_PROXY_FAULT] =
        {
            .text =
                {
                    .code = "proxy_fault",
                    .message = "A proxy dropped or changed the proof of the sender. Pass "
                               "X-Twilio-Signature, query and body on unchanged.",
                    .remedy = "Twilio called, and a proxy drops or changes the "
                              "signature, the query or the body: pass them unchanged",
                },
            .status = {403, 503, 403},
        },
    [SITUATION_MISMATCH] =
        {
            .text =
                {
                    .code = "signature_mismatch",
                    .message = "The signature matches no configured token and URL. Check "
                               "auth_token and server.public_url.",
                    .remedy = "check auth_token, auth_tokens and server.public_url",
                },
            .status = {403, 503, 403},
        },
    [SITUATION_BASIC_AUTH] =
        {
            .text =
                {
                    .code = "basic_auth",
                    .message = "The signature is right; the user and password of Basic "
                               "auth are missing or wrong. Put them into the URL.",
                    .remedy = "the signature is right: put the user and password of "
                              "basic_auth into the URL at Twilio, and let the proxy pass "
                              "Authorization",
                },
            .status = {403, 503, 403},
        },
    [SITUATION_SOURCE_ADDRESS] =
        {
            .text =
                {
                    .code = "source_address",
                    .message = "This webhook is not served to this address.",
                    .remedy = "called from outside of allow_from: extend it, or list our "
                              "proxies in trusted_proxies and let them append "
                              "X-Forwarded-For",
                },
            .status = {403, 503, 403},
        },
    [SITUATION_UNPARSEABLE] =
        {
            .text =
                {
                    .code = "unparseable",
                    .message =
                        "The body is not a task completion. Send a JSON object or a "
                        "form with TaskSid.",
                },
            .status = {400, 503, 400},
        },
    [SITUATION_UNAVAILABLE] =
        {
            .text =
                {
                    .code = "unavailable",
                    .message = "The event cannot be accepted right now. Send it again "
                               "later.",
                },
            .status = {503, 503, 429},
        },
};

/* Where a caller can do something else than the others. */
static const struct {
    enum situation situation;
    enum caller caller;
    struct situation_text text;
} own_texts[] = {
    {SITUATION_TOO_LARGE, CALLER_EVENT_STREAMS,
        {.code = "too_large",
            .message = "The body is over the limit of 4 MiB. Send smaller batches.",
            .remedy = "make the batches of the sink smaller"}},
    {SITUATION_NO_PROOF, CALLER_BROWSER,
        {.code = "unauthorized",
            .message =
                "Nothing proves who sends this. Add the Flex user's token as Token "
                "or Bearer.",
            .remedy = "let the plugin send its token, and the proxy pass Authorization"}},
    {SITUATION_NO_PROOF, CALLER_SURVEY,
        {.code = "unauthorized",
            .message = "Nothing proves who sends this. Add X-Twilio-Signature, or the "
                       "survey token as Bearer or Basic.",
            .remedy =
                "let the proxy pass X-Twilio-Signature and Authorization; code that "
                "cannot sign needs survey_token"}},
    {SITUATION_BAD_PROOF, CALLER_BROWSER,
        {.code = "forbidden",
            .message = "The proof of the sender is not valid. Use a fresh Flex token, or "
                       "sign the exact URL and body.",
            .remedy = "an agent's token has expired or is of another account or agent"}},
    {SITUATION_BAD_PROOF, CALLER_SURVEY,
        {.code = "forbidden",
            .message =
                "The proof of the sender is not valid. Sign the exact URL and body, "
                "or send the survey token.",
            .remedy = "let the proxy pass query and body unchanged; compare survey_token "
                      "with what the survey sends"}},
};

const struct route *
route_find(struct slice path)
{
    for (size_t i = 0; i < LENGTH(routes); i++) {
        if (slice_is(path, routes[i].path)) {
            return &routes[i];
        }
    }
    return NULL;
}

const char *
route_path(enum source source)
{
    for (size_t i = 0; i < LENGTH(routes); i++) {
        if (routes[i].source == source) {
            return routes[i].path;
        }
    }
    return NULL;
}

unsigned
route_status(const struct route *route, enum situation situation)
{
    if (situation == SITUATION_DONE && route != NULL) {
        return route->success;
    }
    if (situation == SITUATION_PREFLIGHT) {
        return 204;
    }
    return answers[situation]
        .status[route != NULL ? columns[route->caller] : COLUMN_TWILIO];
}

const struct situation_text *
situation_text(const struct route *route, enum situation situation)
{
    for (size_t i = 0; route != NULL && i < LENGTH(own_texts); i++) {
        if (own_texts[i].situation == situation && own_texts[i].caller == route->caller) {
            return &own_texts[i].text;
        }
    }
    return &answers[situation].text;
}
