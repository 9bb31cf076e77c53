/*
 * webhook.c - a sample webhook as it goes out: chosen, composed, signed.
 *
 * Two URLs: the one Twilio would have called, which is signed (server.public_url and the route's
 * path), and the one the request is sent to, which may be this host's listener behind the proxy.
 */
#include "server/cli/webhook.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/base_url.h"
#include "server/cli/cli.h"
#include "server/ingest/routes.h"
#include "server/ops/clock.h"
#include "server/ops/sha256.h"

enum {
    URL_MAX = 4096,
    NAMES_MAX = 256,
};

static const char default_email[] = "customer@example.com";

void
webhook_done(struct webhook *webhook)
{
    buffer_done(&webhook->body);
    buffer_done(&webhook->url);
    buffer_done(&webhook->signed_url);
}

/* ---- what to send --------------------------------------------------------------------------- */

static int
choose_channel(
    const char *command, const struct webhook_wish *wish, struct sample *sample)
{
    if (wish->channel == NULL) {
        sample->channel = wish->phone != NULL ? CHANNEL_SMS : CHANNEL_WEBCHAT;
        return 0;
    }
    return channel_from_name(slice_of(wish->channel), &sample->channel)
               ? 0
               : cli_usage_error(command, "unknown channel: %s", wish->channel);
}

static int
refuse_source(
    const char *command, const struct webhook_wish *wish, const struct sample *sample)
{
    const char *call = sample->channel == CHANNEL_VOICE ? " of a call" : "";
    AUTO(buffer_done) struct buffer names = {.max = NAMES_MAX};

    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        if (sample_has_source(sample->kind, (enum source)i, sample->channel)) {
            buffer_addf(&names, "%s%s", names.size > 0 ? " or " : "",
                source_name((enum source)i));
        }
    }
    return cli_usage_error(command, "%s never sends %s%s; take %s", wish->source,
        wish->event, call, names.data != NULL ? names.data : "another");
}

static int
choose_source(const char *command, const struct webhook_wish *wish, struct sample *sample)
{
    if (wish->source == NULL) {
        sample->source = sample_default_source(sample->kind, sample->channel);
        return 0;
    }
    if (!source_from_name(slice_of(wish->source), &sample->source)) {
        return cli_usage_error(command, "unknown source: %s", wish->source);
    }
    return sample_has_source(sample->kind, sample->source, sample->channel)
               ? 0
               : refuse_source(command, wish, sample);
}

static const struct route *
sample_route(const struct sample *sample)
{
    return route_find(slice_of(route_path(sample->source)));
}

/* Where a route takes both: a plugin posts JSON, Studio's widget a form. */
static int
choose_body(const char *command, const struct webhook_wish *wish, struct sample *sample)
{
    const struct route *route = sample_route(sample);
    const bool wants_form = wish->body != NULL && strcmp(wish->body, "form") == 0;
    const bool wants_json = wish->body != NULL && strcmp(wish->body, "json") == 0;

    if (wish->body == NULL) {
        sample->is_form = route->takes_form && sample->source != SOURCE_FLEX_PLUGIN;
        return 0;
    }
    sample->is_form = wants_form;
    if ((wants_form && route->takes_form) || (wants_json && route->takes_json)) {
        return 0;
    }
    return wants_form || wants_json
               ? cli_usage_error(command, "%s never sends a body of this kind: --body %s",
                     source_name(sample->source), wish->body)
               : cli_usage_error(command, "neither form nor json: --body %s", wish->body);
}

static int
check_wish(const char *command, const struct webhook_wish *wish)
{
    if (wish->task_sid != NULL && !sample_is_sid(wish->task_sid, "WT")) {
        return cli_usage_error(command, "not a task SID: %s", wish->task_sid);
    }
    if (wish->to != NULL && strstr(wish->to, "://") == NULL) {
        return cli_usage_error(command, "--to has no scheme: %s", wish->to);
    }
    return 0;
}

static int
choose_sample(const char *command, const struct webhook_wish *wish,
    const struct config *config, struct sample *sample)
{
    *sample = (struct sample){
        .kind = sample_find(wish->event),
        .email = wish->email,
        .phone = wish->phone,
        .task_sid = wish->task_sid,
        .account_sid = config->account_sid,
        .workspace_sid = config->workspace_sid,
        .deliver = wish->deliver,
        .now_ms = clock_unix_ms(),
    };
    if (sample->email == NULL && sample->phone == NULL) {
        sample->email = default_email;
    }
    if (sample->kind == NULL) {
        return cli_usage_error(command, "unknown event: %s", wish->event);
    }
    int r = choose_channel(command, wish, sample);

    if (r == 0) {
        r = choose_source(command, wish, sample);
    }
    if (r == 0) {
        r = choose_body(command, wish, sample);
    }
    return r != 0 ? r : check_wish(command, wish);
}

static int
compose(struct webhook *webhook)
{
    const int r = sample_compose(&webhook->sample, &webhook->body, &webhook->subject);

    if (r != 0) {
        cli_error("cannot compose the event: %s", strerror(-r));
        return r == -EINVAL ? EX_CONFIG : EX_OSERR;
    }
    return 0;
}

/* ---- where to ------------------------------------------------------------------------------- */

static int
add_target(const char *command, const struct webhook_wish *wish,
    const struct config *config, struct webhook *webhook)
{
    if (wish->to != NULL) {
        base_url_add(&webhook->url, wish->to);
        /* the whole webhook's URL is fine too */
        base_url_cut(&webhook->url, route_path(webhook->sample.source));
        return 0;
    }
    return base_url_add_listener(&webhook->url, config->listen)
               ? 0
               : cli_usage_error(command, "no URL leads to server.listen %s: give --to",
                     config->listen);
}

/* Both URLs up to the route's path; for a JSON body its hash behind it. */
static int
make_urls(const char *command, const struct webhook_wish *wish,
    const struct config *config, struct webhook *webhook)
{
    char hex[SHA256_HEX_SIZE];

    buffer_init(&webhook->url, URL_MAX);
    buffer_init(&webhook->signed_url, URL_MAX);
    const int r = add_target(command, wish, config, webhook);

    if (r != 0) {
        return r;
    }
    const char *public_url = config_public_url(config, webhook->sample.source);

    if (public_url != NULL) {
        base_url_add(&webhook->signed_url, public_url);
    } else {
        buffer_add_slice(&webhook->signed_url, buffer_slice(&webhook->url));
    }
    sha256_hex(buffer_slice(&webhook->body), hex);

    struct buffer *const urls[] = {&webhook->url, &webhook->signed_url};

    for (size_t i = 0; i < LENGTH(urls); i++) {
        buffer_add_text(urls[i], route_path(webhook->sample.source));
        if (!webhook->sample.is_form && wish->bearer == NULL) {
            buffer_addf(urls[i], "?bodySHA256=%s", hex);
        }
        if (urls[i]->failed) {
            return cli_usage_error(command, "the URL is too long");
        }
    }
    return 0;
}

/* ---- proof ----------------------------------------------------------------------------------- */

/* NULL: none. The ring's first is as good: the server takes any of them. */
static const char *
choose_token(const struct webhook_wish *wish, const struct config *config)
{
    if (wish->token != NULL) {
        return wish->token;
    }
    if (config->auth_token != NULL && config->auth_token[0] != '\0') {
        return config->auth_token;
    }
    return config->auth_tokens.count > 0 ? config->auth_tokens.items[0] : NULL;
}

static int
sign(
    const struct webhook_wish *wish, const struct config *config, struct webhook *webhook)
{
    const char *token = choose_token(wish, config);
    const struct verify_input input = {
        .url = buffer_slice(&webhook->signed_url),
        .kind = webhook->sample.is_form ? VERIFY_BODY_FORM : VERIFY_BODY_HASHED,
        .body = buffer_slice(&webhook->body),
    };

    if (token == NULL || token[0] == '\0') {
        cli_error(
            "no auth token to sign with: connectors.twilio_flex.auth_token (set it or "
            "TWILIO_AUTH_TOKEN, or give --token)");
        return EX_CONFIG;
    }
    const int r = verify_sign(token, &input, webhook->signature);

    if (r != VERIFY_OK) {
        cli_error("cannot sign: %s: %s", webhook->signed_url.data, verify_reason(r));
        return EX_OSERR;
    }
    return 0;
}

/* What cannot sign shows a token instead: a browser its user's, survey code the survey's. */
static int
prove(const char *command, const struct webhook_wish *wish, const struct config *config,
    struct webhook *webhook)
{
    const enum source source = webhook->sample.source;

    if (wish->bearer == NULL) {
        return sign(wish, config, webhook);
    }
    if (source != SOURCE_SURVEY && source != SOURCE_FLEX_PLUGIN) {
        return cli_usage_error(command, "%s always signs: --bearer is for survey and %s",
            source_name(source), source_name(SOURCE_FLEX_PLUGIN));
    }
    buffer_clear(&webhook->signed_url);
    return 0;
}

int
webhook_make(const char *command, const struct webhook_wish *wish,
    const struct config *config, struct webhook *webhook)
{
    int r = choose_sample(command, wish, config, &webhook->sample);

    if (r == 0) {
        r = compose(webhook);
    }
    if (r == 0) {
        r = make_urls(command, wish, config, webhook);
    }
    return r != 0 ? r : prove(command, wish, config, webhook);
}
