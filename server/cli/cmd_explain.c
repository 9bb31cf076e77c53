/*
 * cmd_explain.c - shows what a captured webhook would become in Brevo. Nothing is sent.
 */
#include <string.h>
#include <sysexits.h>

#include "mapping/request.h"
#include "server/cli/cli.h"
#include "server/cli/explain.h"
#include "server/commands.h"
#include "server/ops/clock.h"

static const char command[] = "explain";

struct arguments {
    const char *source;
    const char *config;
    const char *file;
    bool json;
};

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"source", "NAME", "who sent it, see above", &arguments->source, NULL, NULL},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = command,
        .synopsis = "--source NAME FILE [--config FILE] [--json]",
        .summary =
            "Reads the body of a webhook as it was captured (FILE, - for standard input) and\n"
            "shows, for each event in it: its record, each rule that fired, the canonical\n"
            "event, and the requests Brevo would get; or why there are none and what would\n"
            "change that. Nothing is sent and no signature is needed.\n"
            "NAME is flex-plugin, taskrouter, event-streams, conversations, interactions,\n"
            "survey or messaging.\n",
        .options = options,
        .option_count = LENGTH(options),
        .operand = &arguments->file,
        .operand_name = "FILE",
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

static int
choose_source(const char *name, enum source *ret_source)
{
    if (name == NULL) {
        return cli_usage_error(command, "--source is missing");
    }
    if (source_from_name(slice_of(name), ret_source)) {
        return 0;
    }
    return cli_usage_error(command, "unknown source: %s", name);
}

/* ---- as text ---------------------------------------------------------------------------------- */

static void
print_line(const char *label, const char *text)
{
    if (text != NULL) {
        (void)printf("%-10s%s\n", label, text);
    }
}

static void
print_value(const char *label, const json_t *value)
{
    if (value != NULL) {
        (void)printf("%s\n", label);
        (void)json_dumpf(
            value, stdout, JSON_INDENT(2)); /* a broken pipe ends us by signal */
        (void)printf("\n");
    }
}

static void
print_request(const json_t *request)
{
    (void)printf("request   %s %s (%s)\n",
        json_string_value(json_object_get(request, "method")),
        json_string_value(json_object_get(request, "path")),
        json_string_value(json_object_get(request, "when")));

    const json_t *body = json_object_get(request, "body");
    const char *name;
    json_t *how;

    if (body != NULL) {
        (void)json_dumpf(body, stdout, JSON_INDENT(2) | REQUEST_REALS);
        (void)printf("\n");
    }
    json_object_foreach(json_object_get(request, "overwrites"), name, how)
    {
        (void)printf("overwrites %s (%s)\n", name, json_string_value(how));
    }
}

static const char *
why_not_taken(const json_t *extractor)
{
    const char *in = json_string_value(json_object_get(extractor, "in"));

    return slice_is(slice_of(in), "endpoint") ? "an earlier one applies"
                                              : "an earlier one has this survey id";
}

/* "extractor {...}: applies, and finds nothing" */
static void
print_extractor(const json_t *item)
{
    const json_t *extractor = json_object_get(item, "extractor");
    const json_t *unmet = json_object_get(item, "unmet");
    const bool is_answered = json_is_true(json_object_get(item, "answered"));
    const bool is_taken = json_is_true(json_object_get(item, "taken"));

    (void)printf("extractor ");
    (void)json_dumpf(extractor, stdout, 0);
    if (unmet != NULL) {
        (void)printf(": does not apply, by its `%s`\n", json_string_value(unmet));
    } else if (!is_taken) {
        (void)printf(": not taken: %s\n", why_not_taken(extractor));
    } else {
        (void)printf(
            ": applies, and finds %s\n", is_answered ? "an answer" : "no answer");
    }
}

static void
print_record(const json_t *record)
{
    size_t i;
    json_t *item;

    print_line("record", json_string_value(json_object_get(record, "record_key")));
    print_line("type", json_string_value(json_object_get(record, "type")));
    print_line("verdict", json_string_value(json_object_get(record, "verdict")));
    print_line("reason", json_string_value(json_object_get(record, "reason")));
    print_line("remedy", json_string_value(json_object_get(record, "remedy")));
    json_array_foreach(json_object_get(record, "trace"), i, item)
    {
        print_line("rule", json_string_value(item));
    }
    json_array_foreach(json_object_get(record, "extractors"), i, item)
    {
        print_extractor(item);
    }
    print_value("event", json_object_get(record, "event"));
    print_value("counts", json_object_get(record, "counts"));
    json_array_foreach(json_object_get(record, "requests"), i, item)
    {
        print_request(item);
    }
}

static int
print_text(json_t *explanation)
{
    const json_t *records = json_object_get(explanation, "records");
    size_t i;
    json_t *record;

    if (json_array_size(records) == 0) {
        (void)printf("no events\n");
    }
    json_array_foreach(records, i, record)
    {
        (void)printf("%s", i > 0 ? "\n" : "");
        print_record(record);
    }
    json_decref(explanation);
    return EX_OK;
}

int
command_explain(int argc, char **argv)
{
    AUTO(config_done) struct config config = {0};
    AUTO(buffer_done) struct buffer body = {0};
    struct arguments arguments = {0};
    struct explain_input input = {
        .body = &body, .config = &config, .now_ms = clock_unix_ms()};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = choose_source(arguments.source, &input.source);
    if (status == 0) {
        status = cli_read(arguments.file, &body);
    }
    if (status != 0) {
        return status;
    }
    status = cli_load_config(arguments.config, CONFIG_FOR_TOOL, &config);
    if (status != 0) {
        return status;
    }
    json_t *explanation = explain_body(&input);

    if (arguments.json || explanation == NULL) {
        return cli_print_json(explanation, stdout);
    }
    return print_text(explanation);
}
