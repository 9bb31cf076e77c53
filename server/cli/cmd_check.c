/*
 * cmd_check.c - asks Redis and Brevo, live, whether they are as the configuration has it.
 *
 * One line for each thing looked at. It only reads: no contact, no event, no list is touched.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/commands.h"
#include "server/deliver/attribute_watch.h"
#include "server/deliver/brevo_auth.h"
#include "server/service/redis_health.h"

enum {
    EXIT_WRONG = 1,
    DETAIL_SIZE = 512,
    NUMBER_SIZE = 24,
    STATUS_FOUND = 200,
    STATUS_NOT_FOUND = 404,
};

struct arguments {
    const char *config;
    bool json;
};

/* What was looked at so far. */
struct checks {
    json_t *list;
    size_t wrong;
    bool failed; /* memory was out: check once, at the end */
};

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = "check",
        .synopsis = "[--config FILE] [--json]",
        .summary =
            "Asks Redis and Brevo whether they are as the configuration has it: Redis answers\n"
            "and keeps what redis.require asks for; Brevo takes the key, or gives a token and\n"
            "takes it, from this address, has each contact attribute that is written, under\n"
            "that name and of that type, and each list that contacts join.\n"
            "Questions that only read: no contact, event or list is touched.\n"
            "Exit status: 0 all is well, 1 something is wrong, 78 the configuration is.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* `remedy` NULL: it is well. */
static void
add(struct checks *checks, const char *what, const char *detail, const char *remedy)
{
    checks->wrong += remedy != NULL;
    checks->failed |= json_array_append_new(checks->list,
                          json_pack("{s:s, s:b, s:s, s:s*}", "what", what, "ok",
                              remedy == NULL, "detail", detail, "remedy", remedy)) != 0;
}

/* ---- Redis ------------------------------------------------------------------------------------ */

static void
add_health(
    struct checks *checks, const struct config *config, const struct queue_health *health)
{
    char error[REDIS_HEALTH_ERROR_SIZE];
    char detail[DETAIL_SIZE];

    if (config->redis_url != NULL &&
        redis_health_refuses(health, config->redis_require, error)) {
        add(checks, "redis", error, "see docs/operations.md, \"A Redis of your own\"");
        return;
    }
    (void)snprintf(detail, sizeof(detail), "answers, version %s, fsync=%s",
        health->version, queue_fsync_name(health->fsync));
    add(checks, "redis", detail, NULL);
}

static void
check_redis(struct checks *checks, const struct config *config)
{
    AUTO(queue_close) struct queue *queue = NULL;
    struct queue_health health;

    if (cli_queue_open(config, &queue) != 0) {
        add(checks, "redis", "cannot be used", "see the error above");
    } else if (queue_health(queue, &health) == QUEUE_OK) {
        add_health(checks, config, &health);
    } else if (config->redis_url == NULL) {
        add(checks, "redis", "not running: it lives in `flexbrevo run`", NULL);
    } else {
        add(checks, "redis", queue_error(queue), "see redis.url");
    }
}

/* ---- Brevo ------------------------------------------------------------------------------------ */

static void
add_attributes(struct checks *checks, const struct attribute_findings *findings)
{
    char what[DETAIL_SIZE];
    char detail[DETAIL_SIZE];

    for (size_t i = 0; i < findings->count; i++) {
        const struct attribute_finding *finding = &findings->items[i];
        const bool is_fine = finding->problem == ATTRIBUTE_FINE;

        (void)snprintf(what, sizeof(what), "attribute %s", finding->name);
        (void)snprintf(detail, sizeof(detail), "%s, wants %s%s%s",
            attribute_problem_name(finding->problem), finding->wanted,
            finding->found[0] != '\0' ? ", Brevo has " : "", finding->found);
        add(checks, what, detail,
            is_fine ? NULL : attribute_problem_remedy(finding->problem));
    }
}

static const char *
remedy_of(const char *reason)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        if (strcmp(brevo_causes[i].name, reason) == 0) {
            return brevo_causes[i].remedy;
        }
    }
    return "try again; look at brevo.base_url, and at the way to it";
}

/* An answer that is not what was asked for. */
static void
add_refusal(struct checks *checks, const char *what, enum brevo_endpoint endpoint,
    const struct http_exchange *exchange)
{
    const struct brevo_question question = {.endpoint = endpoint};
    struct brevo_verdict verdict;
    char status[BREVO_STATUS_SIZE];
    char detail[DETAIL_SIZE];

    brevo_judge(&question, exchange, &verdict);
    brevo_status_text(exchange, status);
    (void)snprintf(detail, sizeof(detail), "%s, status=%s%s%s",
        verdict.reason[0] != '\0' ? verdict.reason : "bad_answer", status,
        exchange->error[0] != '\0' ? ", " : "", exchange->error);
    add(checks, what, detail, remedy_of(verdict.reason));
}

/* Of a list of that name in the configuration; 0: none is. Asked for as attributes are. */
static void
ask_list(struct checks *checks, const struct config *config, const char *header,
    const char *name, int64_t number)
{
    AUTO(buffer_done) struct buffer url = {.max = BREVO_URL_SIZE_MAX};
    AUTO(http_exchange_done) struct http_exchange exchange = {0};
    char what[DETAIL_SIZE];
    char digits[NUMBER_SIZE];

    if (number == 0) {
        return;
    }
    (void)snprintf(digits, sizeof(digits), "%" PRId64, number);
    (void)snprintf(what, sizeof(what), "list %s", digits);
    checks->failed |= !attribute_watch_compose(config, header, &url, &exchange);
    buffer_clear(&url);
    brevo_url(&url, config->brevo_base_url, BREVO_LIST, NULL, digits);
    exchange.url = url.data;
    if (checks->failed || url.failed || http_client_call(&exchange) != 0) {
        checks->failed = true;
    } else if (exchange.result == HTTP_ANSWERED && exchange.status == STATUS_FOUND) {
        add(checks, what, name, NULL);
    } else if (exchange.result == HTTP_ANSWERED && exchange.status == STATUS_NOT_FOUND) {
        char remedy[DETAIL_SIZE];

        (void)snprintf(remedy, sizeof(remedy), "correct %s, or leave it out", name);
        add(checks, what, "Brevo has no list of that number", remedy);
    } else {
        add_refusal(checks, what, BREVO_LIST, &exchange);
    }
}

static void
ask_brevo(struct checks *checks, const struct config *config, const char *header)
{
    AUTO(buffer_done) struct buffer url = {.max = BREVO_URL_SIZE_MAX};
    AUTO(http_exchange_done) struct http_exchange exchange = {0};
    struct attribute_findings findings;

    if (!attribute_watch_compose(config, header, &url, &exchange) ||
        http_client_call(&exchange) != 0) {
        checks->failed = true;
    } else if (attribute_watch_read(&exchange, &config->rules, &findings)) {
        add(checks, "brevo",
            config->brevo_api_key != NULL ? "takes the key from this address"
                                          : "takes the token from this address",
            NULL);
        add_attributes(checks, &findings);
        ask_list(checks, config, header, "connectors.twilio_flex.lists.support_contacts",
            config->rules.list_support_contacts);
        ask_list(checks, config, header, "connectors.twilio_flex.lists.csat_respondents",
            config->rules.list_csat_respondents);
    } else {
        add_refusal(checks, "brevo", BREVO_ATTRIBUTES, &exchange);
    }
}

/* By key, or by a token of its own. */
static void
check_brevo(struct checks *checks, const struct config *config)
{
    AUTO(brevo_auth_done) struct brevo_auth auth;

    brevo_auth_init(&auth, config);
    if (brevo_auth_obtain(&auth) != 0) {
        checks->failed = true;
        return;
    }
    if (auth.token.problem != BREVO_TOKEN_FINE) {
        add(checks, "brevo token", brevo_token_problem_name(auth.token.problem),
            brevo_token_remedy(auth.token.problem));
        return;
    }
    ask_brevo(checks, config, brevo_auth_header(&auth));
}

/* ---- said ------------------------------------------------------------------------------------- */

static void
print_text(const json_t *list)
{
    size_t i;
    const json_t *check;

    json_array_foreach(list, i, check)
    {
        const char *remedy = json_string_value(json_object_get(check, "remedy"));

        (void)printf("%-6s %s: %s%s%s%s\n", remedy == NULL ? "ok" : "WRONG",
            json_string_value(json_object_get(check, "what")),
            json_string_value(json_object_get(check, "detail")),
            remedy != NULL ? " (" : "", remedy != NULL ? remedy : "",
            remedy != NULL ? ")" : "");
    }
}

/* Takes over the list. */
static int
show(const struct checks *checks, bool as_json)
{
    int status = EX_OK;

    if (as_json) {
        status = cli_print_json(json_pack("{s:o, s:I}", "checks", checks->list, "wrong",
                                    (json_int_t)checks->wrong),
            stdout);
    } else {
        print_text(checks->list);
        json_decref(checks->list);
    }
    return status == EX_OK && checks->wrong > 0 ? EXIT_WRONG : status;
}

int
command_check(int argc, char **argv)
{
    AUTO(config_done) struct config config = {0};
    struct arguments arguments = {0};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = cli_load_config(arguments.config, CONFIG_FOR_ASK, &config);
    if (status != 0) {
        return status;
    }
    struct checks checks = {.list = json_array()};

    check_redis(&checks, &config);
    check_brevo(&checks, &config);
    if (checks.list == NULL || checks.failed) {
        json_decref(checks.list);
        return cli_out_of_memory();
    }
    return show(&checks, arguments.json);
}
