/*
 * verify_held.c - `verify-signature --held`: re-checks what was held and releases what is valid.
 *
 * Prints what identifies a request and nothing of what it says: no query, no body, no signature.
 */
#include "server/cli/verify_held.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "mapping/timestamp.h"
#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/ingest/held_release.h"

enum {
    SOURCE_WIDTH = 13,
    PATH_SHOWN_MAX = 80,
    EXIT_INVALID = 1,
};

struct output {
    const struct verify_held_arguments *arguments;
    json_t *entries; /* NULL: text */
};

/* ---- printing ----------------------------------------------------------------------------- */

static const char *
verdict_name(const struct output *output, const struct held_finding *finding)
{
    if (finding->verdict == HELD_INVALID) {
        return "invalid";
    }
    return output->arguments->dry_run ? "valid" : "released";
}

/* A held path is one of ours, letter by letter, unless the ring is of another version. */
static void
tell(void *context, const struct held_finding *finding)
{
    const struct output *output = context;
    const char *verdict = verdict_name(output, finding);
    const struct slice path = slice_cut_text(finding->path, PATH_SHOWN_MAX);
    char time[TIMESTAMP_TEXT_SIZE];

    timestamp_format(finding->time_ms, time);
    if (output->entries != NULL) {
        (void)json_array_append_new(
            output->entries, json_pack("{s:s, s:s, s:s%, s:I, s:s, s:s}", "time", time,
                                 "source", finding->source, "path", path.data, path.size,
                                 "bytes", (json_int_t)finding->bytes, "verdict", verdict,
                                 "reason", finding->reason));
        return;
    }
    (void)printf("%s  %-*s  %.*s  %zu bytes  %s%s%s\n", time, SOURCE_WIDTH,
        finding->source, (int)path.size, path.data, finding->bytes, verdict,
        finding->verdict == HELD_INVALID ? ": " : "",
        finding->verdict == HELD_INVALID ? finding->reason : "");
}

static int
print_totals(const struct output *output, const struct held_totals *totals)
{
    const char *released = output->arguments->dry_run ? "valid" : "released";

    if (output->entries != NULL) {
        return cli_print_json(
            json_pack("{s:O, s:I, s:I, s:I}", "entries", output->entries, released,
                (json_int_t)totals->released, "invalid", (json_int_t)totals->invalid,
                "unreadable", (json_int_t)totals->unreadable),
            stdout);
    }
    (void)printf(
        "%zu %s, %zu still invalid", totals->released, released, totals->invalid);
    if (totals->unreadable > 0) {
        (void)printf(", %zu unreadable (torn, or their key is gone)", totals->unreadable);
    }
    (void)fputc('\n', stdout);
    return 0;
}

/* ---- the command -------------------------------------------------------------------------- */

static int
explain_failure(int result, const struct config *config, const struct queue *queue)
{
    switch (result) {
    case HELD_RELEASE_E_CREDENTIALS:
        cli_error("nothing to verify with: connectors.twilio_flex.auth_token, "
                  "server.public_url (set both, in a file this user may read)");
        return EX_CONFIG;
    case HELD_RELEASE_E_KEY:
        cli_error("the key of the held requests is damaged: %s/held.key (restore it, or "
                  "remove it and with it what is held)",
            config->state_dir);
        return EX_NOINPUT;
    case HELD_RELEASE_E_QUEUE:
        cli_error("not all was released: %s (run it again when Redis is well)",
            queue_error(queue));
        return EX_UNAVAILABLE;
    case -ENOMEM:
        return cli_out_of_memory();
    default:
        cli_error("cannot read the held requests, %s: %s (check the path, and run it as "
                  "the server's user)",
            strerror(-result), config->state_dir);
        return EX_NOINPUT;
    }
}

static int
release(const struct config *config, struct queue *queue, struct output *output)
{
    const struct held_release_options options = {
        .config = config,
        .queue = queue,
        .tell = tell,
        .context = output,
    };
    struct held_totals totals;
    const int r = held_release(&options, &totals);
    const int printed = print_totals(output, &totals);

    if (r != 0) {
        return explain_failure(r, config, queue);
    }
    if (printed != 0) {
        return printed;
    }
    return totals.invalid > 0 ? EXIT_INVALID : EX_OK;
}

static int
open_queue(const struct config *config, struct queue **ret_queue)
{
    const int status = cli_queue_open(config, ret_queue);

    if (status != 0) {
        return status;
    }
    return queue_prepare(*ret_queue) == 0
               ? 0
               : cli_queue_unavailable(config, *ret_queue, "nothing can be released");
}

int
verify_held(const struct verify_held_arguments *arguments)
{
    AUTO(config_done) struct config config = {0};
    AUTO(queue_close) struct queue *queue = NULL;
    struct output output = {.arguments = arguments};
    int status = cli_load_config(arguments->config, CONFIG_FOR_TOOL, &config);

    if (status == 0 && !arguments->dry_run) {
        status = open_queue(&config, &queue);
    }
    if (status != 0) {
        return status;
    }
    if (arguments->json) {
        output.entries = json_array();
        if (output.entries == NULL) {
            return cli_out_of_memory();
        }
    }
    status = release(&config, queue, &output);
    json_decref(output.entries);
    return status;
}
