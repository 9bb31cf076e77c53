/*
 * cmd_conflicts.c - pairs of contacts that are one customer, for a person to merge.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "mapping/timestamp.h"
#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/commands.h"
#include "server/deliver/conflict.h"

struct arguments {
    const char *config;
    const char *forget;
    bool json;
};

/* "<with the e-mail> <with the phone>"; anything else is none of ours. */
struct pair {
    int64_t contact;
    int64_t by_phone;
};

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"forget", "CONTACT",
            "take its pairs off the list: Brevo's number of one of both",
            &arguments->forget, NULL, NULL},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = "conflicts",
        .synopsis = "[--forget CONTACT] [--config FILE] [--json]",
        .summary =
            "Lists contacts that are one customer: one has the e-mail, the other the phone,\n"
            "by Brevo's numbers, the latest met first. What is known of both is told of the one\n"
            "with the e-mail; whether they are merged in Brevo is for a person to decide.\n"
            "Exit status: 0 done, 69 Redis does not answer.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

static bool
read_pair(const struct queue_note *note, struct pair *ret_pair)
{
    const struct slice text = slice_of(note->text);
    const struct slice first = slice_before(text, ' ');

    return first.size < text.size && slice_to_int64(first, &ret_pair->contact) &&
           slice_to_int64(slice_skip(text, first.size + 1), &ret_pair->by_phone);
}

/* ---- listed -------------------------------------------------------------------------------- */

/* 0, or a sysexits code with the error printed. */
static int
print_pair(const struct queue_note *note, const struct pair *pair, json_t *pairs)
{
    char met[TIMESTAMP_TEXT_SIZE];

    timestamp_format(note->time_ms, met);
    if (pairs == NULL) {
        (void)printf("%s  contact %" PRId64 ", by phone %" PRId64 "\n", met,
            pair->contact, pair->by_phone);
        return 0;
    }
    return json_array_append_new(
               pairs, json_pack("{s:I, s:I, s:s}", "contact", (json_int_t)pair->contact,
                          "by_phone", (json_int_t)pair->by_phone, "met", met)) == 0
               ? 0
               : cli_out_of_memory();
}

static int
print_page(const struct queue_notes *notes, json_t *pairs)
{
    int status = 0;

    for (size_t i = 0; i < notes->count && status == 0; i++) {
        struct pair pair;

        if (read_pair(&notes->items[i], &pair)) {
            status = print_pair(&notes->items[i], &pair, pairs);
        }
    }
    return status;
}

static int
list(const struct config *config, struct queue *queue, json_t *pairs)
{
    struct queue_notes notes = {.count = QUEUE_NOTES_PAGE};
    int64_t first = 0;
    int status = 0;

    while (notes.count == QUEUE_NOTES_PAGE && status == 0) {
        if (queue_note_page(queue, CONFLICT_NOTES, first, &notes) != QUEUE_OK) {
            return cli_queue_unavailable(config, queue, "not all could be listed");
        }
        first += QUEUE_NOTES_PAGE;
        status = print_page(&notes, pairs);
    }
    return status;
}

/* ---- forgotten ----------------------------------------------------------------------------- */

/* How many pairs of one page, those it is in; -1: Redis does not answer. */
static int
forget_page(struct queue *queue, int64_t contact, const struct queue_notes *notes)
{
    int forgotten = 0;

    for (size_t i = 0; i < notes->count; i++) {
        struct pair pair;
        bool is_gone;

        if (!read_pair(&notes->items[i], &pair) ||
            (pair.contact != contact && pair.by_phone != contact)) {
            continue;
        }
        if (queue_note_remove(queue, CONFLICT_NOTES, notes->items[i].text, &is_gone) !=
            QUEUE_OK) {
            return -1;
        }
        forgotten += is_gone ? 1 : 0;
    }
    return forgotten;
}

static int
forget(const struct arguments *arguments, const struct config *config,
    struct queue *queue, int64_t contact)
{
    struct queue_notes notes = {.count = QUEUE_NOTES_PAGE};
    int64_t forgotten = 0;
    int64_t first = 0;

    while (notes.count == QUEUE_NOTES_PAGE) {
        const int r = queue_note_page(queue, CONFLICT_NOTES, first, &notes);
        const int gone = r == QUEUE_OK ? forget_page(queue, contact, &notes) : -1;

        if (gone < 0) {
            return cli_queue_unavailable(config, queue, "not all was forgotten");
        }
        forgotten += gone;
        first += QUEUE_NOTES_PAGE - gone; /* those behind have moved up */
    }
    if (arguments->json) {
        return cli_print_json(
            json_pack("{s:I}", "forgotten", (json_int_t)forgotten), stdout);
    }
    (void)printf("%" PRId64 " forgotten\n", forgotten);
    return 0;
}

static int
run(const struct arguments *arguments, const struct config *config, struct queue *queue)
{
    int64_t contact;
    int status;

    if (arguments->forget != NULL) {
        return slice_to_int64(slice_of(arguments->forget), &contact)
                   ? forget(arguments, config, queue, contact)
                   : cli_usage_error("conflicts", "no number of a contact: --forget");
    }
    if (!arguments->json) {
        return list(config, queue, NULL);
    }
    json_t *pairs = json_array();

    status = pairs != NULL ? list(config, queue, pairs) : cli_out_of_memory();
    if (status != 0) {
        json_decref(pairs);
        return status;
    }
    return cli_print_json(json_pack("{s:o}", "conflicts", pairs), stdout);
}

int
command_conflicts(int argc, char **argv)
{
    AUTO(config_done) struct config config = {0};
    AUTO(queue_close) struct queue *queue = NULL;
    struct arguments arguments = {0};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = cli_load_config(arguments.config, CONFIG_FOR_TOOL, &config);
    if (status == 0) {
        status = cli_queue_open(&config, &queue);
    }
    return status != 0 ? status : run(&arguments, &config, queue);
}
