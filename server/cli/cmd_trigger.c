/*
 * cmd_trigger.c - sends a signed sample webhook, as Twilio would.
 *
 * Two URLs: the one Twilio would have called, which is signed (server.public_url and the route's
 * path), and the one the request is sent to, which may be this host's listener behind the proxy.
 */
#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/base_url.h"
#include "server/cli/cli.h"
#include "server/cli/sample.h"
#include "server/commands.h"
#include "server/config/config.h"
#include "server/ingest/routes.h"
#include "server/ingest/verify.h"
#include "server/net/http_client.h"
#include "server/ops/clock.h"

enum {
    EXIT_REFUSED = 1,
    URL_MAX = 4096,
    HEADER_MAX = 128,
    TIMEOUT_MS = 20 * 1000, /* more than the longest any Twilio product waits */
};

static const char command[] = "trigger";
static const char default_email[] = "customer@example.com";

struct arguments {
    const char *event;
    const char *email;
    const char *phone;
    const char *to;
    const char *token;
    const char *source;
    const char *task_sid;
    const char *channel;
    const char *config;
    bool deliver;
    bool json;
};

/* What is sent, and where. */
struct webhook {
    struct sample sample;
    char task_sid[SAMPLE_SID_SIZE];
    struct buffer body;
    struct buffer url;        /* sent to */
    struct buffer signed_url; /* signed over */
    char signature[VERIFY_SIGNATURE_SIZE];
};

static void
webhook_done(struct webhook *webhook)
{
    buffer_done(&webhook->body);
    buffer_done(&webhook->url);
    buffer_done(&webhook->signed_url);
}

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"email", "EMAIL",
            "the customer's address (customer@example.com without --phone)",
            &arguments->email, NULL, NULL},
        {"phone", "PHONE", "the customer's number, +15550100", &arguments->phone, NULL,
            NULL},
        {"channel", "NAME", "voice sms whatsapp webchat email messenger video",
            &arguments->channel, NULL, NULL},
        {"task", "SID", "the task it is about (WT...; a new one)", &arguments->task_sid,
            NULL, NULL},
        {"source", "NAME", "taskrouter, event-streams or flex-plugin", &arguments->source,
            NULL, NULL},
        {"to", "URL", "send to this base URL (http://<server.listen>)", &arguments->to,
            NULL, NULL},
        {"token", "TOKEN", "auth token to sign with (auth_token of the configuration)",
            &arguments->token, NULL, NULL},
        {"deliver", NULL, "let a server with a live Brevo deliver it", NULL, NULL,
            &arguments->deliver},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = command,
        .synopsis = "EVENT [OPTIONS]",
        .summary =
            "Composes a webhook as Twilio would send it, signs it, posts it and prints the\n"
            "answer. EVENT is one of:\n"
            "  task.created task.completed task.canceled reservation.accepted\n"
            "  conversation.ended (through event-streams; it names no customer)\n\n"
            "The route's path is appended to --to. What is signed is server.public_url and\n"
            "the path or, where no public_url is set, the URL sent to. A browser's Flex token\n"
            "cannot be had here: what flex-plugin posts is signed as Twilio signs JSON.\n"
            "It is marked flexbrevo_test; a server with a live Brevo filters it unless\n"
            "--deliver is given.\n"
            "Exit status: 0 accepted, 1 refused, 69 no answer or try again later.\n",
        .options = options,
        .option_count = LENGTH(options),
        .operand = &arguments->event,
        .operand_name = "EVENT",
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* ---- what to send --------------------------------------------------------------------------- */

static int
choose_source(const struct arguments *arguments, struct sample *sample)
{
    if (arguments->source == NULL) {
        sample->source = sample_default_source(sample->kind);
        return 0;
    }
    if (!source_from_name(slice_of(arguments->source), &sample->source)) {
        return cli_usage_error(command, "unknown source: %s", arguments->source);
    }
    if (!sample_has_source(sample->kind, sample->source)) {
        return cli_usage_error(
            command, "%s never sends %s", arguments->source, arguments->event);
    }
    return 0;
}

static int
choose_channel(const struct arguments *arguments, struct sample *sample)
{
    if (arguments->channel != NULL) {
        return channel_from_name(slice_of(arguments->channel), &sample->channel)
                   ? 0
                   : cli_usage_error(command, "unknown channel: %s", arguments->channel);
    }
    sample->channel = arguments->phone != NULL ? CHANNEL_SMS : CHANNEL_WEBCHAT;
    return 0;
}

static int
choose_task(const struct arguments *arguments, struct webhook *webhook)
{
    if (arguments->task_sid == NULL) {
        const int r = sample_make_sid("WT", webhook->task_sid);

        if (r != 0) {
            cli_error("no random numbers: %s", strerror(-r));
            return EX_OSERR;
        }
    } else if (!sample_is_sid(arguments->task_sid, "WT") ||
               !slice_to_text(slice_of(arguments->task_sid), webhook->task_sid,
                   sizeof(webhook->task_sid))) {
        return cli_usage_error(command, "not a task SID: %s", arguments->task_sid);
    }
    webhook->sample.task_sid = webhook->task_sid;
    return 0;
}

static int
choose_sample(const struct arguments *arguments, const struct config *config,
    struct webhook *webhook)
{
    struct sample *sample = &webhook->sample;

    *sample = (struct sample){
        .kind = sample_find(arguments->event),
        .email = arguments->email,
        .phone = arguments->phone,
        .account_sid = config->account_sid,
        .workspace_sid = config->workspace_sid,
        .deliver = arguments->deliver,
        .now_ms = clock_unix_ms(),
    };
    if (sample->email == NULL && sample->phone == NULL) {
        sample->email = default_email;
    }
    if (sample->kind == NULL) {
        return cli_usage_error(command, "unknown event: %s", arguments->event);
    }
    int r = choose_source(arguments, sample);

    if (r == 0) {
        r = choose_channel(arguments, sample);
    }
    return r != 0 ? r : choose_task(arguments, webhook);
}

/* ---- where to ------------------------------------------------------------------------------- */

/* Both URLs up to the route's path; for a JSON body its hash behind it. */
static int
make_urls(const struct arguments *arguments, const struct config *config,
    struct webhook *webhook)
{
    const char *path = route_path(webhook->sample.source);
    char hex[VERIFY_SHA256_SIZE];

    buffer_init(&webhook->url, URL_MAX);
    buffer_init(&webhook->signed_url, URL_MAX);
    if (arguments->to != NULL && strstr(arguments->to, "://") == NULL) {
        return cli_usage_error(command, "--to has no scheme: %s", arguments->to);
    }
    if (arguments->to != NULL) {
        base_url_add(&webhook->url, arguments->to);
        base_url_cut(&webhook->url, path); /* the whole webhook's URL is fine too */
    } else if (!base_url_add_listener(&webhook->url, config->listen)) {
        return cli_usage_error(
            command, "no URL leads to server.listen %s: give --to", config->listen);
    }
    const char *public_url = config_public_url(config, webhook->sample.source);

    if (public_url != NULL) {
        base_url_add(&webhook->signed_url, public_url);
    } else {
        buffer_add_slice(&webhook->signed_url, buffer_slice(&webhook->url));
    }
    verify_sha256_hex(buffer_slice(&webhook->body), hex);

    struct buffer *const urls[] = {&webhook->url, &webhook->signed_url};

    for (size_t i = 0; i < LENGTH(urls); i++) {
        buffer_add_text(urls[i], path);
        if (webhook->sample.source != SOURCE_TASKROUTER) {
            buffer_addf(urls[i], "?bodySHA256=%s", hex);
        }
        if (urls[i]->failed) {
            return cli_usage_error(command, "the URL is too long");
        }
    }
    return 0;
}

/* NULL: none. The ring's first is as good: the server takes any of them. */
static const char *
choose_token(const struct arguments *arguments, const struct config *config)
{
    if (arguments->token != NULL) {
        return arguments->token;
    }
    if (config->auth_token != NULL && config->auth_token[0] != '\0') {
        return config->auth_token;
    }
    return config->auth_tokens.count > 0 ? config->auth_tokens.items[0] : NULL;
}

static int
sign(const struct arguments *arguments, const struct config *config,
    struct webhook *webhook)
{
    const char *token = choose_token(arguments, config);
    const struct verify_input input = {
        .url = buffer_slice(&webhook->signed_url),
        .kind = webhook->sample.source == SOURCE_TASKROUTER ? VERIFY_BODY_FORM
                                                            : VERIFY_BODY_HASHED,
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

/* ---- sending -------------------------------------------------------------------------------- */

static int
post(const struct webhook *webhook, struct http_exchange *exchange)
{
    char signature[HEADER_MAX];
    const bool is_form = webhook->sample.source == SOURCE_TASKROUTER;

    (void)snprintf(
        signature, sizeof(signature), "X-Twilio-Signature: %s", webhook->signature);
    *exchange = (struct http_exchange){
        .method = "POST",
        .url = webhook->url.data,
        .headers = {signature, is_form ? "Content-Type: application/x-www-form-urlencoded"
                                       : "Content-Type: application/json"},
        .header_count = 2,
        .body = buffer_slice(&webhook->body),
        .timeout_ms = TIMEOUT_MS,
    };
    const int r = http_client_call(exchange);

    if (r == -EINVAL) {
        return cli_usage_error(command, "not a URL: %s", webhook->url.data);
    }
    if (r != 0) {
        return cli_out_of_memory();
    }
    if (exchange->result != HTTP_ANSWERED) {
        cli_error("no answer: %s: %s (is the server running there?)", webhook->url.data,
            exchange->error);
        return EX_UNAVAILABLE;
    }
    return 0;
}

static int
print_json(const struct webhook *webhook, const struct http_exchange *exchange)
{
    const struct slice answer = buffer_slice(&exchange->answer);
    json_t *body =
        json_loadb(answer.data != NULL ? answer.data : "", answer.size, 0, NULL);

    if (body == NULL) {
        body = json_stringn(answer.data != NULL ? answer.data : "", answer.size);
    }
    return cli_print_json(
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "source",
            source_name(webhook->sample.source), "task_sid", webhook->task_sid, "url",
            webhook->url.data, "signed_url", webhook->signed_url.data, "status",
            (json_int_t)exchange->status, "body", body != NULL ? body : json_null()),
        stdout);
}

static void
print_text(const struct webhook *webhook, const struct http_exchange *exchange)
{
    (void)printf("posted  %s\n", webhook->url.data);
    if (strcmp(webhook->url.data, webhook->signed_url.data) != 0) {
        (void)printf("signed  %s\n", webhook->signed_url.data);
    }
    (void)printf("task    %s\nstatus  %ld\n", webhook->task_sid, exchange->status);
    if (exchange->answer.size > 0) {
        (void)printf("%s\n", exchange->answer.data);
    }
}

static int
judge(long status)
{
    if (status >= 200 && status < 300) {
        return EX_OK;
    }
    return status == 429 || status >= 500 ? EX_UNAVAILABLE : EXIT_REFUSED;
}

static int
trigger(const struct arguments *arguments, const struct config *config)
{
    AUTO(webhook_done) struct webhook webhook = {0};
    AUTO(http_exchange_done) struct http_exchange exchange = {0};
    int r = choose_sample(arguments, config, &webhook);

    if (r != 0) {
        return r;
    }
    r = sample_compose(&webhook.sample, &webhook.body);
    if (r != 0) {
        cli_error("cannot compose the event: %s", strerror(-r));
        return r == -EINVAL ? EX_CONFIG : EX_OSERR;
    }
    r = make_urls(arguments, config, &webhook);
    if (r == 0) {
        r = sign(arguments, config, &webhook);
    }
    if (r == 0) {
        r = post(&webhook, &exchange);
    }
    if (r != 0) {
        return r;
    }
    if (!arguments->json) {
        print_text(&webhook, &exchange);
        return judge(exchange.status);
    }
    r = print_json(&webhook, &exchange);
    return r != 0 ? r : judge(exchange.status);
}

int
command_trigger(int argc, char **argv)
{
    AUTO(config_done) struct config config = {0};
    struct arguments arguments = {0};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = cli_load_config(arguments.config, CONFIG_FOR_TOOL, &config);
    if (status != 0) {
        return status;
    }
    return trigger(&arguments, &config);
}
