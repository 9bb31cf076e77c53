/*
 * brevo_token.c - the answers of the token endpoint, and the life of a token.
 */
#include "server/deliver/brevo_token.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "server/deliver/brevo.h"

enum {
    STATUS_OK_MIN = 200,
    STATUS_OK_MAX = 299,
    STATUS_CLIENT_MIN = 400,
    STATUS_UNAUTHORIZED = 401,
    STATUS_SERVER_MIN = 500,
    RENEW_FROM_PERCENT = 75, /* of a life */
    RENEW_SPAN_PERCENT = 5,
    PERCENT = 100,
};

#define BEARER "Authorization: Bearer "
#define UNAUTHORIZED "unauthorized"

static const struct problem {
    const char *name;
    const char *cause;
    const char *remedy;
} problems[BREVO_TOKEN_PROBLEM_COUNT] = {
    [BREVO_TOKEN_FINE] = {"fine", NULL, NULL},
    [BREVO_TOKEN_UNAVAILABLE] = {"unavailable", NULL,
        "deliveries wait for a token and go on by themselves; https://status.brevo.com/, or "
        "this server's way to brevo.oauth.token_url"},
    [BREVO_TOKEN_BAD_ENDPOINT] = {"bad_endpoint", NULL,
        "whoever answers gives no tokens: look at brevo.oauth.token_url, and for a proxy on "
        "the way"},
    [BREVO_TOKEN_INVALID_CLIENT] = {"invalid_client", UNAUTHORIZED,
        "Brevo does not take brevo.oauth.client_id with this client_secret "
        "(BREVO_CLIENT_ID, BREVO_CLIENT_SECRET): the secret may have been rotated"},
    [BREVO_TOKEN_INVALID_SCOPE] = {"invalid_scope", UNAUTHORIZED,
        "the Brevo app was not granted all of brevo.oauth.scope: grant it, or ask for less"},
    [BREVO_TOKEN_REFUSED] = {"refused", UNAUTHORIZED,
        "Brevo gives this app no token: it must be a machine-to-machine app, and active; see "
        "brevo.oauth"},
    [BREVO_TOKEN_IP_BLOCKED] = {"ip_blocked", "ip_blocked",
        "Brevo does not know this server's IP address: add it at "
        "https://app.brevo.com/security/authorised_ips or switch the blocking off there"},
};

const char *
brevo_token_problem_name(enum brevo_token_problem problem)
{
    return problems[problem].name;
}

const char *
brevo_token_remedy(enum brevo_token_problem problem)
{
    return problems[problem].remedy;
}

const char *
brevo_token_cause(enum brevo_token_problem problem)
{
    return problems[problem].cause;
}

/* ---- the answer --------------------------------------------------------------------------- */

/* RFC 6749, 5.2, as far as it tells what to do. */
static enum brevo_token_problem
problem_named(const char *error)
{
    static const struct {
        const char *error;
        enum brevo_token_problem problem;
    } errors[] = {
        {"invalid_client", BREVO_TOKEN_INVALID_CLIENT},
        {"invalid_scope", BREVO_TOKEN_INVALID_SCOPE},
        {"temporarily_unavailable", BREVO_TOKEN_UNAVAILABLE},
    };

    for (size_t i = 0; error != NULL && i < LENGTH(errors); i++) {
        if (strcmp(error, errors[i].error) == 0) {
            return errors[i].problem;
        }
    }
    return BREVO_TOKEN_REFUSED;
}

/* What refuses without saying why, by its status. */
static enum brevo_token_problem
problem_of_status(const struct http_exchange *exchange)
{
    const struct brevo_question question = {.endpoint = BREVO_TOKEN, .attempts = 1};
    struct brevo_verdict verdict;

    brevo_judge(&question, exchange, &verdict);
    if (verdict.outcome == BREVO_RETRY && exchange->status >= STATUS_CLIENT_MIN) {
        return BREVO_TOKEN_UNAVAILABLE;
    }
    if (verdict.outcome != BREVO_PAUSE) {
        return BREVO_TOKEN_BAD_ENDPOINT;
    }
    if (strcmp(verdict.reason, problems[BREVO_TOKEN_IP_BLOCKED].cause) == 0) {
        return BREVO_TOKEN_IP_BLOCKED;
    }
    return exchange->status == STATUS_UNAUTHORIZED ? BREVO_TOKEN_INVALID_CLIENT
                                                   : BREVO_TOKEN_REFUSED;
}

/* A token becomes a header: only what RFC 6750, 2.1, lets stand in one. */
static bool
read_token(const json_t *body, char ret_header[BREVO_AUTH_SIZE])
{
    static const char harmless[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";
    const json_t *given = json_object_get(body, "access_token");
    const char *token = json_string_value(given);
    const char *type = json_string_value(json_object_get(body, "token_type"));
    const size_t size = json_string_length(given);

    if (token == NULL || size == 0 || strspn(token, harmless) != size || type == NULL ||
        strcasecmp(type, "bearer") != 0 || size + sizeof(BEARER) > BREVO_AUTH_SIZE) {
        return false;
    }
    (void)snprintf(ret_header, BREVO_AUTH_SIZE, BEARER "%s", token);
    return true;
}

static int64_t
read_life_ms(const json_t *body)
{
    const json_t *life = json_object_get(body, "expires_in");
    const double life_s = json_number_value(life); /* 0 of what is no number */

    if (life_s <= 0) {
        return BREVO_TOKEN_LIFE_MS;
    }
    return life_s < (double)BREVO_TOKEN_LIFE_MAX_MS / MS_PER_S
               ? (int64_t)(life_s * MS_PER_S)
               : BREVO_TOKEN_LIFE_MAX_MS;
}

static bool
is_success(const struct http_exchange *exchange)
{
    return exchange->status >= STATUS_OK_MIN && exchange->status <= STATUS_OK_MAX;
}

static enum brevo_token_problem
read_body(const struct http_exchange *exchange, const json_t *body,
    struct brevo_token_answer *answer)
{
    const json_t *error = json_object_get(body, "error");

    if (is_success(exchange)) {
        answer->life_ms = read_life_ms(body);
        return read_token(body, answer->header) ? BREVO_TOKEN_FINE
                                                : BREVO_TOKEN_BAD_ENDPOINT;
    }
    return json_is_string(error) && exchange->status < STATUS_SERVER_MIN
               ? problem_named(json_string_value(error))
               : problem_of_status(exchange);
}

void
brevo_token_read(
    const struct http_exchange *exchange, struct brevo_token_answer *ret_answer)
{
    const struct buffer *text = &exchange->answer;

    ret_answer->problem = BREVO_TOKEN_UNAVAILABLE;
    ret_answer->header[0] = '\0';
    ret_answer->life_ms = 0;
    ret_answer->after_ms = 0;
    if (exchange->result != HTTP_ANSWERED) {
        return;
    }
    json_t *body = !text->failed && text->size > 0
                       ? json_loadb(text->data, text->size, 0, NULL)
                       : NULL;

    ret_answer->problem = read_body(exchange, body, ret_answer);
    if (exchange->retry_after_s > 0) {
        ret_answer->after_ms =
            MIN(exchange->retry_after_s, BREVO_TOKEN_LIFE_MS / MS_PER_S) * MS_PER_S;
    }
    json_decref(body);
}

/* ---- the token ---------------------------------------------------------------------------- */

bool
brevo_token_is_usable(const struct brevo_token *token, int64_t now_us)
{
    return token->header[0] != '\0' && now_us < token->end_us;
}

/* Not before a second has passed, however short a life is. */
static void
renew_later(struct brevo_token *token, int64_t life_us, int64_t asked_us, int64_t now_us,
    uint32_t random)
{
    const int64_t span_us = life_us * RENEW_SPAN_PERCENT / PERCENT;
    const int64_t when_us =
        asked_us + life_us * RENEW_FROM_PERCENT / PERCENT + random % (span_us + 1);

    token->next_us = MAX(when_us, now_us + (int64_t)BREVO_TOKEN_RETRY_MIN_MS * US_PER_MS);
}

/* A random time of the second half, so that nobody marches; never sooner than was asked. */
static void
retry_later(struct brevo_token *token, int64_t after_ms, int64_t now_us, uint32_t random)
{
    token->wait_ms =
        backoff_after(token->wait_ms, BREVO_TOKEN_RETRY_MIN_MS, BREVO_TOKEN_RETRY_MAX_MS);
    const int64_t half_ms = token->wait_ms / 2;
    const int64_t wait_ms = half_ms + random % (half_ms + 1);

    token->next_us = now_us + MAX(wait_ms, after_ms) * US_PER_MS;
}

void
brevo_token_take(struct brevo_token *token, const struct brevo_token_answer *answer,
    int64_t asked_us, int64_t now_us, uint32_t random)
{
    token->problem = answer->problem;
    if (answer->problem !=
        BREVO_TOKEN_FINE) { /* the one there is goes on as long as it lives */
        retry_later(token, answer->after_ms, now_us, random);
        return;
    }
    memcpy(token->header, answer->header, sizeof(token->header));
    token->number++;
    token->end_us = asked_us + answer->life_ms * US_PER_MS;
    token->wait_ms = 0;
    renew_later(token, answer->life_ms * US_PER_MS, asked_us, now_us, random);
}

bool
brevo_token_refuse(struct brevo_token *token, unsigned number, int64_t now_us)
{
    if (number != token->number || token->header[0] == '\0') {
        return true; /* others said so before, and the next one may be here already */
    }
    const bool is_first =
        token->refused_us == 0 ||
        now_us - token->refused_us > (int64_t)BREVO_TOKEN_DOUBT_MS * US_PER_MS;

    token->header[0] = '\0';
    token->refused_us = now_us;
    if (token->wait_ms ==
        0) { /* else the endpoint has trouble, and is not asked sooner */
        token->next_us = now_us;
    }
    return is_first;
}
