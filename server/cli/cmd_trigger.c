/*
 * cmd_trigger.c - sends a signed sample webhook, as Twilio would.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/cli/webhook.h"
#include "server/commands.h"
#include "server/net/http_client.h"

enum {
    EXIT_REFUSED = 1,
    BASIC_AUTH_MAX = 1024,
    HEADER_MAX = 8192,      /* a Flex user's token has up to 6 KB */
    TIMEOUT_MS = 20 * 1000, /* more than the longest any Twilio product waits */
};

static const char command[] = "trigger";

static const char summary[] =
    "Composes a webhook as Twilio would send it, signs it, posts it and prints the\n"
    "answer. EVENT, and who sends it (the first does without --source):\n"
    "  task.created task.updated task.canceled      taskrouter event-streams\n"
    "  task.completed                               taskrouter event-streams flex-plugin\n"
    "  reservation.accepted worker.activity.update  taskrouter event-streams\n"
    "  conversation.ended (it names no customer)    event-streams conversations interactions\n"
    "  conversation.ended --channel voice           interactions\n"
    "  survey.completed                             survey, as a form or --body json\n"
    "  message.delivered message.failed             messaging event-streams\n"
    "  sink.test (as a sink's Test call makes it)   event-streams\n\n"
    "The route's path is appended to --to. What is signed is server.public_url and\n"
    "the path or, where no public_url is set, the URL sent to. A browser's Flex token\n"
    "cannot be had here: without --bearer, what flex-plugin posts is signed as Twilio\n"
    "signs JSON.\n"
    "It is marked flexbrevo_test; a server with a live Brevo filters it unless\n"
    "--deliver is given.\n"
    "Exit status: 0 accepted, 1 refused, 69 no answer or try again later.\n";

struct arguments {
    struct webhook_wish wish;
    const char *config;
    bool json;
};

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    struct webhook_wish *wish = &arguments->wish;
    const struct cli_option options[] = {
        {"email", "EMAIL",
            "the customer's address (customer@example.com without --phone)", &wish->email,
            NULL, NULL},
        {"phone", "PHONE", "the customer's number, +15550100", &wish->phone, NULL, NULL},
        {"channel", "NAME", "voice sms whatsapp webchat email messenger video",
            &wish->channel, NULL, NULL},
        {"task", "SID", "the task it is about (WT...; a new one)", &wish->task_sid, NULL,
            NULL},
        {"source", "NAME", "who sends it", &wish->source, NULL, NULL},
        {"body", "KIND", "form or json, where the source sends both", &wish->body, NULL,
            NULL},
        {"to", "URL", "send to this base URL (http://<server.listen>)", &wish->to, NULL,
            NULL},
        {"token", "TOKEN", "auth token to sign with (auth_token of the configuration)",
            &wish->token, NULL, NULL},
        {"bearer", "TOKEN",
            "prove it by this token instead: survey_token, or a Flex user's",
            &wish->bearer, NULL, NULL},
        {"deliver", NULL, "let a server with a live Brevo deliver it", NULL, NULL,
            &wish->deliver},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = command,
        .synopsis = "EVENT [OPTIONS]",
        .summary = summary,
        .options = options,
        .option_count = LENGTH(options),
        .operand = &wish->event,
        .operand_name = "EVENT",
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

static bool
is_signed(const struct webhook *webhook)
{
    return webhook->signed_url.size > 0;
}

/* As Twilio calls a URL with a user and a password in it. Empty where the route asks for none. */
static bool
make_basic_auth(const struct config *config, const struct webhook *webhook,
    char header[BASIC_AUTH_MAX])
{
    static const char name[] = "Authorization: Basic ";
    const char *secret = config->routes[webhook->sample.source].basic_auth;

    header[0] = '\0';
    if (secret == NULL || !is_signed(webhook)) {
        return true;
    }
    memcpy(header, name, sizeof(name));
    return verify_base64(
        slice_of(secret), header + strlen(name), BASIC_AUTH_MAX - strlen(name));
}

static int
post(const struct webhook_wish *wish, const struct config *config,
    const struct webhook *webhook, struct http_exchange *exchange)
{
    char proof[HEADER_MAX];
    char basic_auth[BASIC_AUTH_MAX];
    const bool by_signature = is_signed(webhook);
    const int size = snprintf(proof, sizeof(proof), "%s%s",
        by_signature ? "X-Twilio-Signature: " : "Authorization: Bearer ",
        by_signature ? webhook->signature : wish->bearer);

    if (size < 0 || (size_t)size >= sizeof(proof)) {
        return cli_usage_error(command, "the token is too long: --bearer");
    }
    if (!make_basic_auth(config, webhook, basic_auth)) {
        return cli_usage_error(command, "the route's basic_auth is too long");
    }
    *exchange = (struct http_exchange){
        .method = "POST",
        .url = webhook->url.data,
        .headers = {proof,
            webhook->sample.is_form ? "Content-Type: application/x-www-form-urlencoded"
                                    : "Content-Type: application/json",
            basic_auth},
        .header_count = basic_auth[0] != '\0' ? 3 : 2,
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
        json_pack("{s:s, s:s, s:s, s:s*, s:I, s:o}", "source",
            source_name(webhook->sample.source), webhook->subject.name,
            webhook->subject.id, "url", webhook->url.data, "signed_url",
            is_signed(webhook) ? webhook->signed_url.data : NULL, "status",
            (json_int_t)exchange->status, "body", body != NULL ? body : json_null()),
        stdout);
}

/* "task_sid" is told as "task". */
static void
print_subject(const struct sample_subject *subject)
{
    const struct slice name = slice_before(slice_of(subject->name), '_');

    (void)printf("%-7.*s %s\n", (int)name.size, name.data, subject->id);
}

static void
print_text(const struct webhook *webhook, const struct http_exchange *exchange)
{
    (void)printf("posted  %s\n", webhook->url.data);
    if (is_signed(webhook) && strcmp(webhook->url.data, webhook->signed_url.data) != 0) {
        (void)printf("signed  %s\n", webhook->signed_url.data);
    }
    print_subject(&webhook->subject);
    (void)printf("status  %ld\n", exchange->status);
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
    int r = webhook_make(command, &arguments->wish, config, &webhook);

    if (r == 0) {
        r = post(&arguments->wish, config, &webhook, &exchange);
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
