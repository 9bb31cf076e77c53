/*
 * cmd_parked.c - what was set aside: list it, show one, put it back, drop it.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/cli/parked_filter.h"
#include "server/cli/parked_print.h"
#include "server/commands.h"
#include "server/config/config_value.h"

enum {
    EXIT_NOT_PARKED = 1,
};

enum action {
    ACTION_LIST,
    ACTION_SHOW,
    ACTION_REPLAY,
    ACTION_DROP,
    ACTION_COUNT
};

static const struct {
    const char *name;
    enum queue_unpark act;
    const char *done;  /* what the total is called */
    const char *would; /* and with --dry-run */
} actions[ACTION_COUNT] = {
    [ACTION_LIST] = {.name = "list", .done = "listed"},
    [ACTION_SHOW] = {.name = "show"},
    [ACTION_REPLAY] = {"replay", QUEUE_REPLAY, "replayed", "would be replayed"},
    [ACTION_DROP] = {"drop", QUEUE_DROP, "dropped", "would be dropped"},
};

struct arguments {
    const char *config;
    const char *older;
    const char *newer;
    const char *limit;
    struct parked_filter filter;
    struct cli_texts words; /* the action, then keys */
    enum action action;
    bool all;
    bool dry_run;
    bool json;
};

/* What a command works with. */
struct work {
    const struct arguments *arguments;
    const struct config *config;
    struct queue *queue;
    struct queue_parked_walk *walk;
    struct parked_print print;
    int64_t count;      /* matched, or acted upon */
    int64_t not_parked; /* of the keys given */
};

/* ---- arguments --------------------------------------------------------------------------- */

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"reason", "NAME", "only those parked for this reason", &arguments->filter.reason,
            NULL, NULL},
        {"type", "NAME", "only those of this type, like task.completed",
            &arguments->filter.type, NULL, NULL},
        {"key", "GLOB", "only those whose key matches, like 'task.*/WT0*'",
            &arguments->filter.glob, NULL, NULL},
        {"older", "DURATION", "only those parked at least so long ago: 90s, 10m, 24h, 7d",
            &arguments->older, NULL, NULL},
        {"newer", "DURATION", "only those parked at most so long ago", &arguments->newer,
            NULL, NULL},
        {"limit", "N", "at most so many, the longest parked first", &arguments->limit,
            NULL, NULL},
        {"all", NULL, "replay, drop: all that is parked", NULL, NULL, &arguments->all},
        {"dry-run", NULL, "replay, drop: only show what would be done", NULL, NULL,
            &arguments->dry_run},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = "parked",
        .synopsis = "list|show|replay|drop [KEY...] [OPTIONS]",
        .summary =
            "list    what is parked: since when, why, attempts, key, routes, what went wrong\n"
            "show    all of the records KEY, their bytes included: personal data\n"
            "replay  puts records back to be delivered, their attempts counted anew. What\n"
            "        Brevo has accepted before is not sent again\n"
            "drop    deletes records for good; copies of them are refused as duplicates\n\n"
            "replay and drop want keys, at most 15, a filter, or --all. Both may be broken\n"
            "off, repeated, and run while workers are at it.\n"
            "Exit status: 0 done, 1 a KEY is not parked, 69 Redis does not answer.\n",
        .options = options,
        .option_count = LENGTH(options),
        .operands = &arguments->words,
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* 0, or EX_USAGE said. */
static int
read_action(struct arguments *arguments)
{
    if (arguments->words.count == 0) {
        return cli_usage_error(
            "parked", "what to do is missing: list, show, replay or drop");
    }
    const char *word = arguments->words.items[0];

    for (size_t i = 0; i < LENGTH(actions); i++) {
        if (strcmp(word, actions[i].name) == 0) {
            arguments->action = (enum action)i;
            return 0;
        }
    }
    return cli_usage_error(
        "parked", "unknown action: %s (list, show, replay or drop)", word);
}

static int
read_duration(const char *option, const char *text, int64_t *ret_ms)
{
    if (text == NULL) {
        return 0;
    }
    if (!config_duration_parse(text, ret_ms) || *ret_ms <= 0) {
        return cli_usage_error("parked", "not a duration: --%s %s", option, text);
    }
    return 0;
}

static int
read_filter(struct arguments *arguments)
{
    struct parked_filter *filter = &arguments->filter;
    int status = read_duration("older", arguments->older, &filter->older_ms);

    if (status == 0) {
        status = read_duration("newer", arguments->newer, &filter->newer_ms);
    }
    if (status == 0 && arguments->limit != NULL &&
        (!slice_to_int64(slice_of(arguments->limit), &filter->limit) ||
            filter->limit <= 0)) {
        status = cli_usage_error(
            "parked", "not a number above 0: --limit %s", arguments->limit);
    }
    return status;
}

/* Nothing is replayed or dropped because a filter was forgotten. */
static int
check(const struct arguments *arguments)
{
    const bool has_keys = arguments->words.count > 1;
    const bool has_filter = !parked_filter_is_empty(&arguments->filter);
    const char *name = actions[arguments->action].name;

    if (has_keys && (has_filter || arguments->all || arguments->limit != NULL)) {
        return cli_usage_error("parked", "keys and filters exclude each other: %s", name);
    }
    if (arguments->action == ACTION_LIST) {
        if (has_keys) {
            return cli_usage_error("parked", "list takes --key instead of KEY: %s",
                arguments->words.items[1]);
        }
        return 0;
    }
    if (arguments->action == ACTION_SHOW) {
        return has_keys ? 0 : cli_usage_error("parked", "KEY is missing: show");
    }
    if (has_filter && arguments->all) {
        return cli_usage_error(
            "parked", "--all and a filter exclude each other: %s", name);
    }
    return has_keys || has_filter || arguments->all
               ? 0
               : cli_usage_error(
                     "parked", "which records: %s (give keys, a filter, or --all)", name);
}

static int
refuse_name(const char *what, const char *name, const char *nearest, const char *remedy)
{
    return nearest != NULL
               ? cli_usage_error(
                     "parked", "no such %s: %s (did you mean %s?)", what, name, nearest)
               : cli_usage_error("parked", "no such %s: %s (%s)", what, name, remedy);
}

/* A slip would look as if there were none. */
static int
check_names(const struct parked_filter *filter)
{
    const char *nearest = NULL;

    if (filter->reason != NULL && !parked_filter_knows_reason(filter->reason, &nearest)) {
        return refuse_name(
            "reason", filter->reason, nearest, "docs/operations.md lists them");
    }
    if (filter->type != NULL && !parked_filter_knows_type(filter->type, &nearest)) {
        return refuse_name(
            "type", filter->type, nearest, "docs/events.md lists them; --key takes any");
    }
    return 0;
}

/* ---- by filter --------------------------------------------------------------------------- */

static int
unavailable(const struct work *work)
{
    return cli_queue_unavailable(work->config, work->queue, "parked records");
}

/* Keeps those of a page that match, as far as the limit allows. */
static size_t
choose(const struct work *work, struct queue_parked page[QUEUE_PARKED_PAGE], size_t count,
    int64_t now_ms)
{
    const struct parked_filter *filter = &work->arguments->filter;
    size_t chosen = 0;

    for (size_t i = 0; i < count; i++) {
        const bool has_room =
            filter->limit == 0 || work->count + (int64_t)chosen < filter->limit;

        if (has_room && parked_filter_matches(filter, &page[i], now_ms)) {
            page[chosen++] = page[i];
        }
    }
    return chosen;
}

static bool
only_looks(const struct arguments *arguments)
{
    return arguments->action == ACTION_LIST || arguments->dry_run;
}

/* Acts on records of one partition, and tells of those it found parked. 0 or a sysexits code. */
static int
act(struct work *work, const struct queue_parked *records, size_t count)
{
    const struct arguments *arguments = work->arguments;
    bool done[QUEUE_PARKED_PAGE];
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        done[i] = true;
    }
    if (count > 0 && !only_looks(arguments) &&
        queue_unpark(work->queue, actions[arguments->action].act, records, count, done) !=
            QUEUE_OK) {
        return unavailable(work);
    }
    for (size_t i = 0; i < count && status == 0; i++) {
        if (done[i]) {
            work->count++;
            status = parked_print_record(&work->print, &records[i]);
        }
    }
    return status;
}

static int
walk_all(struct work *work)
{
    struct queue_parked page[QUEUE_PARKED_PAGE];
    const int64_t limit = work->arguments->filter.limit;
    size_t count = 1;
    int status = 0;

    while (count > 0 && status == 0 && (limit == 0 || work->count < limit)) {
        if (queue_parked_next(work->walk, page, &count) != QUEUE_OK) {
            return unavailable(work);
        }
        status =
            act(work, page, choose(work, page, count, queue_parked_now_ms(work->walk)));
    }
    return status;
}

/* ---- by key ------------------------------------------------------------------------------ */

static int
take_found(struct work *work, const char *key, struct queue_parked *found)
{
    if (work->arguments->action == ACTION_SHOW) {
        return parked_print_whole(work->arguments->json, found);
    }
    const int64_t before = work->count;
    const int status = act(work, found, 1);

    if (status == 0 && work->count == before) {
        cli_error("not parked any more: %s", key);
        work->not_parked++;
    }
    return status;
}

static int
take_keys(struct work *work)
{
    const struct cli_texts *words = &work->arguments->words;
    int status = 0;

    for (size_t i = 1; i < words->count && status == 0; i++) {
        struct queue_parked found = {0};
        bool is_found = false;

        if (queue_parked_find(work->walk, slice_of(words->items[i]), &found, &is_found) !=
            QUEUE_OK) {
            return unavailable(work);
        }
        if (is_found) {
            status = take_found(work, words->items[i], &found);
        } else {
            cli_error("not parked: %s (see flexbrevo parked list)", words->items[i]);
            work->not_parked++;
        }
    }
    return status;
}

/* ---- the command ------------------------------------------------------------------------- */

static int
run(struct work *work)
{
    const struct arguments *arguments = work->arguments;
    const bool has_keys = arguments->words.count > 1;
    const int status = has_keys ? take_keys(work) : walk_all(work);

    if (arguments->action != ACTION_SHOW) {
        parked_print_end(&work->print,
            arguments->dry_run && arguments->action != ACTION_LIST
                ? actions[arguments->action].would
                : actions[arguments->action].done,
            work->count);
    }
    if (status != 0) {
        return status;
    }
    return work->not_parked > 0 ? EXIT_NOT_PARKED : EX_OK;
}

int
command_parked(int argc, char **argv)
{
    AUTO(config_done) struct config config = {0};
    AUTO(queue_close) struct queue *queue = NULL;
    AUTO(queue_parked_close) struct queue_parked_walk *walk = NULL;
    struct arguments arguments = {0};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = read_action(&arguments);
    if (status == 0) {
        status = read_filter(&arguments);
    }
    if (status == 0) {
        status = check(&arguments);
    }
    if (status == 0) {
        status = check_names(&arguments.filter);
    }
    if (status == 0) {
        status = cli_load_config(arguments.config, CONFIG_FOR_TOOL, &config);
    }
    if (status == 0) {
        status = cli_queue_open(&config, &queue);
    }
    if (status != 0) {
        return status;
    }
    if (queue_parked_open(queue, &walk) != QUEUE_OK) {
        return cli_out_of_memory();
    }
    struct work work = {
        .arguments = &arguments,
        .config = &config,
        .queue = queue,
        .walk = walk,
        .print = {.json = arguments.json},
    };

    return run(&work);
}
