/*
 * brevo_auth.c - asks for tokens, and tells of what comes of it.
 */
#include "server/deliver/brevo_auth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "queue/jitter.h"
#include "server/deliver/call_tools.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    PART_MAX = 16 * 1024, /* of the question; what comes from a file is no longer */
    LOOK_AGAIN_US = 50 * US_PER_MS,
};

void
brevo_auth_init(struct brevo_auth *auth, const struct config *config)
{
    const bool is_key = config->brevo_api_key != NULL;

    *auth = (struct brevo_auth){
        .config = config, .is_constant = is_key || config_is_shadow(config)};
    buffer_init(&auth->user, PART_MAX);
    buffer_init(&auth->password, PART_MAX);
    buffer_init(&auth->form, PART_MAX);
    if (is_key) {
        (void)snprintf(auth->token.header, sizeof(auth->token.header), "api-key: %s",
            config->brevo_api_key);
    }
}

void
brevo_auth_done(struct brevo_auth *auth)
{
    http_exchange_done(&auth->exchange);
    buffer_done(&auth->user);
    buffer_done(&auth->password);
    buffer_done(&auth->form);
}

/* ---- borrowed ----------------------------------------------------------------------------- */

int64_t
brevo_auth_wait_us(const struct brevo_auth *auth, int64_t now_us)
{
    if (auth->is_constant || brevo_token_is_usable(&auth->token, now_us)) {
        return 0;
    }
    return auth->is_asking ? LOOK_AGAIN_US
                           : MAX(auth->token.next_us - now_us, LOOK_AGAIN_US);
}

const char *
brevo_auth_header(const struct brevo_auth *auth)
{
    return auth->token.header;
}

unsigned
brevo_auth_number(const struct brevo_auth *auth)
{
    return auth->token.number;
}

void
brevo_auth_judge(struct brevo_auth *auth, unsigned number, struct brevo_verdict *verdict,
    int64_t now_us)
{
    const bool is_refusal = !auth->is_constant && verdict->outcome == BREVO_PAUSE &&
                            strcmp(verdict->reason, "unauthorized") == 0;

    if (is_refusal && brevo_token_refuse(&auth->token, number, now_us)) {
        verdict->outcome = BREVO_AGAIN;
    }
}

/* ---- asked for ---------------------------------------------------------------------------- */

static void
answered(struct http_exchange *exchange)
{
    struct brevo_auth *auth = exchange->context;

    auth->is_answered = true;
}

/*
 * By Basic authentication, which every server must take (RFC 6749, 2.3.1), and whose two parts are
 * encoded there as a form's values are.
 */
static bool
compose(struct brevo_auth *auth)
{
    const struct config *config = auth->config;

    buffer_clear(&auth->user);
    buffer_clear(&auth->password);
    buffer_clear(&auth->form);
    buffer_add_percent_encoded(&auth->user, slice_of(config->brevo_client_id));
    buffer_add_percent_encoded(&auth->password, slice_of(config->brevo_client_secret));
    buffer_add_text(&auth->form, "grant_type=client_credentials&scope=");
    buffer_add_percent_encoded(&auth->form, slice_of(config->brevo_oauth_scope));
    http_exchange_done(&auth->exchange);
    auth->exchange = (struct http_exchange){
        .method = brevo_endpoint_method(BREVO_TOKEN),
        .url = config->brevo_token_url,
        .headers = {"Accept: application/json",
            "Content-Type: application/x-www-form-urlencoded"},
        .header_count = 2,
        .user = auth->user.data,
        .password = auth->password.data,
        .body = buffer_slice(&auth->form),
        .timeout_ms = BREVO_TIMEOUT_MS,
        .is_ipv4_only = config->brevo_ipv4_only,
        .done = answered,
        .context = auth,
    };
    return !auth->user.failed && !auth->password.failed && !auth->form.failed;
}

static void
ask(struct brevo_auth *auth, struct http_client *client, int64_t now_us)
{
    auth->asked_us = now_us;
    auth->is_asking = compose(auth) && http_client_start(client, &auth->exchange) == 0;
    if (!auth->is_asking) { /* memory is out */
        auth->token.next_us = now_us + (int64_t)BREVO_TOKEN_RETRY_MIN_MS * US_PER_MS;
    }
}

/* The answer's text has the token: it goes at once. */
static void
take_answer(struct brevo_auth *auth, int64_t now_us)
{
    struct brevo_token_answer answer;

    brevo_token_read(&auth->exchange, &answer);
    http_exchange_done(&auth->exchange);
    brevo_token_take(&auth->token, &answer, auth->asked_us, now_us, jitter_number());
    auth->is_asking = false;
    auth->is_answered = false;
}

/* ---- told --------------------------------------------------------------------------------- */

static void
set_metric(enum brevo_token_problem problem, bool is_on)
{
    if (problem != BREVO_TOKEN_FINE) {
        counter_set(metrics_counter(METRIC_BREVO_TOKEN_MISSING,
                        brevo_token_problem_name(problem), NULL),
            is_on);
    }
}

/* Once, until it is something else. */
static void
tell(struct brevo_auth *auth, const char *status)
{
    const enum brevo_token_problem problem = auth->token.problem;

    if (auth->is_told && auth->told == problem) {
        return;
    }
    set_metric(auth->told, false);
    set_metric(problem, true);
    auth->is_told = true;
    auth->told = problem;
    auth->note = brevo_token_problem_name(problem);
    auth->note_ms = clock_unix_ms();
    if (problem == BREVO_TOKEN_FINE) {
        log_info("token_obtained", "life_s=%" PRId64,
            (auth->token.end_us - auth->asked_us) / US_PER_S);
        return;
    }
    log_warn("token_missing", "problem=%s status=%s do=\"%s\"", auth->note, status,
        brevo_token_remedy(problem));
}

/* While the last token lives, deliveries go on; then they wait, and status says why. */
static void
pause_if_refused(struct brevo_auth *auth, struct pause *pause, int64_t now_us)
{
    const enum brevo_token_problem problem = auth->token.problem;
    const char *cause = brevo_token_cause(problem);

    if (cause == NULL) {
        auth->paused = problem;
    } else if (auth->paused != problem && !brevo_token_is_usable(&auth->token, now_us)) {
        auth->paused = problem;
        pause_begin(pause, BREVO_TOKEN, cause);
    }
}

void
brevo_auth_run(struct brevo_auth *auth, const struct call_tools *tools, int64_t now_us,
    bool is_stopping)
{
    char status[BREVO_STATUS_SIZE];

    if (auth->is_constant) {
        return;
    }
    if (auth->is_answered) {
        brevo_status_text(&auth->exchange, status);
        counter_add(metrics_counter(
                        METRIC_BREVO_REQUESTS, brevo_endpoint_name(BREVO_TOKEN), status),
            1);
        take_answer(auth, now_us);
        tell(auth, status);
    }
    pause_if_refused(auth, &tools->flow->pause, now_us);
    if (auth->note != NULL &&
        hand_note(tools->hand, BREVO_AUTH_NOTE, auth->note, auth->note_ms)) {
        auth->note = NULL;
    }
    if (!is_stopping && !auth->is_asking && now_us >= auth->token.next_us) {
        ask(auth, tools->client, now_us);
    }
}

int
brevo_auth_obtain(struct brevo_auth *auth)
{
    if (auth->config->brevo_api_key != NULL) {
        return 0;
    }
    auth->asked_us = clock_monotonic_us();
    if (!compose(auth) || http_client_call(&auth->exchange) != 0) {
        return -ENOMEM;
    }
    take_answer(auth, clock_monotonic_us());
    return 0;
}
