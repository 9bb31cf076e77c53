/*
 * cmd_audit.c - walks every record and says where it is, and what does not fit.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "mapping/timestamp.h"
#include "queue/audit.h"
#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/commands.h"
#include "server/service/witness.h"

enum {
    FINDINGS_SHOWN_MAX = 1000, /* of one run; all are counted */
    EXIT_FINDINGS = 1,
};

struct arguments {
    const char *config;
    bool json;
    bool list;
    bool repair;
};

/* What each finding means and what to do about it. */
static const struct meaning {
    const char *name;
    const char *means;
    const char *remedy;
} meanings[] = {
    {"record_nowhere", "it waits for a worker, and no entry in the stream says so",
        "flexbrevo audit --repair"},
    {"entry_skipped", "its entry was passed over, and no worker has it pending",
        "flexbrevo audit --repair"},
    {"delayed_nowhere", "it is delayed, and not in the delayed set: it never comes back",
        "flexbrevo audit --repair"},
    {"parked_nowhere", "it is parked, and not in the parked list",
        "flexbrevo audit --repair"},
    {"record_empty", "it is unsettled and has no bytes", "see who writes in this Redis"},
    {"record_expires", "it is unsettled and will be deleted by its time to live",
        "PERSIST it; see who writes in this Redis"},
    {"record_unreadable", "it is in no state we know",
        "written by a newer version, or by somebody else"},
    {"tombstone_stays", "it is settled and never expires", "EXPIRE it, or leave it"},
    {"entry_without_record",
        "the stream names a record that is gone: acknowledged, and lost",
        "see who deletes in this Redis; ask for the event again"},
    {"entry_foreign", "an entry of the stream that is not ours",
        "see who writes in this Redis; a worker sets it aside"},
    {"entry_of_delivered", "a second entry of a settled record",
        "nothing: a worker takes it away"},
    {"entry_of_filtered", "a second entry of a settled record",
        "nothing: a worker takes it away"},
    {"entry_of_dropped", "a second entry of a dropped record",
        "nothing: a worker takes it away"},
    {"entry_of_delayed", "an entry of a delayed record",
        "nothing: a worker takes it away"},
    {"entry_of_parked", "an entry of a parked record", "nothing: a worker takes it away"},
    {"delayed_without_record", "the delayed set names a record that is gone",
        "see who deletes in this Redis; ask for the event again"},
    {"delayed_elsewhere", "the delayed set names a record that is in another state",
        "nothing: a worker takes it away"},
    {"parked_without_record", "the parked list names a record that is gone",
        "see who deletes in this Redis; ask for the event again"},
    {"parked_elsewhere", "the parked list names a record that is in another state",
        "ZREM it; see who writes in this Redis"},
    {"claim_without_entry", "a worker has an entry pending that was deleted",
        "see who deletes in this Redis; its record is found, too"},
    {"no_group", "the consumer group is gone: somebody emptied Redis",
        "start a worker: it makes the group again, at the beginning"},
    {"lost_before", "a worker met this entry without its record",
        "as entry_without_record; ZREM it from the lost set once understood"},
    {"unaccounted", "accepted, and in no other count",
        "the findings above name them, or they are gone without a trace"},
    {"parked_by_reason", "the counts by reason differ from the parked list by this much",
        "see who writes in this Redis"},
    {"filtered_by_reason", "the counts by reason differ from the filtered by this much",
        "see who writes in this Redis"},
    {"went_back", "accepted events that this state directory has witnessed are gone",
        "docs/operations.md, \"A Redis that lost something\""},
    {"replaced", "not the data set that this state directory has witnessed",
        "docs/operations.md, \"A Redis that lost something\""},
};

struct report {
    const struct arguments *arguments;
    json_t *findings; /* NULL: as text */
    bool failed;      /* memory, or standard output */
    int64_t total;
    int64_t repaired;
};

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"list", NULL, "print each record, where it is and why", NULL, NULL,
            &arguments->list},
        {"repair", NULL, "put back what is missing where a record says it is", NULL, NULL,
            &arguments->repair},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = "audit",
        .synopsis = "[--config FILE] [--list] [--repair] [--json]",
        .summary =
            "Walks every record of the queue in redis.url, or in the Redis that `flexbrevo run`\n"
            "keeps under state_dir, and compares it with the stream, the sets, the pending\n"
            "lists, the counters and with what this state_dir has witnessed. Workers and\n"
            "servers may run meanwhile. Changes nothing without --repair.\n"
            "Exit status: 0 clean or all repaired, 1 findings, 69 Redis does not answer.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* ---- findings -------------------------------------------------------------------------------- */

static const struct meaning *
meaning_of(struct slice name)
{
    static const struct meaning unknown = {"", "", "see docs/cli.md"};

    for (size_t i = 0; i < LENGTH(meanings); i++) {
        if (slice_is(name, meanings[i].name)) {
            return &meanings[i];
        }
    }
    return &unknown;
}

static void
print_finding(const struct queue_finding *finding, const struct meaning *meaning)
{
    (void)printf("%.*s  %.*s", (int)finding->name.size, finding->name.data,
        (int)finding->key.size, finding->key.size > 0 ? finding->key.data : "");
    if (finding->count != 0) {
        (void)printf("%" PRId64, finding->count);
    }
    if (finding->repaired) {
        (void)printf("\n    %s (repaired)\n", meaning->means);
    } else {
        (void)printf("\n    %s (%s)\n", meaning->means, meaning->remedy);
    }
}

/* A key that is not UTF-8 is not ours: null. */
static json_t *
finding_json(const struct queue_finding *finding, const struct meaning *meaning)
{
    json_t *object = json_pack("{s:s%, s:s, s:s, s:b}", "name", finding->name.data,
        finding->name.size, "means", meaning->means, "remedy", meaning->remedy,
        "repaired", finding->repaired ? 1 : 0);
    json_t *key =
        finding->key.size > 0 ? json_stringn(finding->key.data, finding->key.size) : NULL;

    (void)json_object_set_new(object, "key", key != NULL ? key : json_null());
    if (finding->count != 0) {
        (void)json_object_set_new(
            object, "count", json_integer((json_int_t)finding->count));
    }
    return object;
}

static void
tell_finding(void *context, const struct queue_finding *finding)
{
    struct report *report = context;
    const struct meaning *meaning = meaning_of(finding->name);

    report->total++;
    report->repaired += finding->repaired ? 1 : 0;
    if (report->total > FINDINGS_SHOWN_MAX) {
        return;
    }
    if (report->findings == NULL) {
        print_finding(finding, meaning);
    } else if (json_array_append_new(report->findings, finding_json(finding, meaning)) !=
               0) {
        report->failed = true;
    }
}

/* "delayed    task.completed/WT...  ticket_settle  until 2026-..." */
static void
print_record(const struct queue_audited *record, const char *until)
{
    (void)printf("%-9.*s  %.*s", (int)record->place.size, record->place.data,
        (int)record->key.size, record->key.data);
    if (record->reason.size > 0) {
        (void)printf("  %.*s", (int)record->reason.size, record->reason.data);
    }
    if (until != NULL) {
        (void)printf("  until %s", until);
    }
    (void)printf("\n");
}

static json_t *
text_json(struct slice text)
{
    return text.size > 0 ? json_stringn(text.data, text.size) : NULL;
}

static void
tell_record(void *context, const struct queue_audited *record)
{
    struct report *report = context;
    char text[TIMESTAMP_TEXT_SIZE];
    const char *until = NULL;

    if (record->due_ms > 0) {
        timestamp_format(record->due_ms, text);
        until = text;
    }
    if (report->findings == NULL) {
        print_record(record, until);
        return;
    }
    json_t *line = json_pack("{s:s%, s:s%, s:o*, s:s*}", "record", record->key.data,
        record->key.size, "where", record->place.data, record->place.size, "reason",
        text_json(record->reason), "until", until);

    if (line == NULL || json_dumpf(line, stdout, JSON_COMPACT) != 0 ||
        fputc('\n', stdout) == EOF) {
        report->failed = true;
    }
    json_decref(line);
}

/* What the witness of this directory remembers; a directory without one has nothing to say. */
static int
ask_witness(const struct config *config, struct queue *queue, struct report *report)
{
    struct queue_witness witness;
    struct queue_look look;
    const int read = witness_read(config->state_dir, &witness);

    if (read != 0) {
        if (read != -ENOENT) {
            cli_error(
                "the witness cannot be read, %s: %s/witness (run as the server's user)",
                strerror(-read), config->state_dir);
        }
        return QUEUE_OK;
    }
    const int r = queue_witness_check(queue, &witness, &look);

    if (r == QUEUE_OK && look.sight != QUEUE_SIGHT_FINE) {
        const struct queue_finding finding = {
            .name =
                slice_of(look.sight == QUEUE_SIGHT_REPLACED ? "replaced" : "went_back"),
            .count = look.missing,
        };

        tell_finding(report, &finding);
    }
    return r;
}

/* ---- the sum --------------------------------------------------------------------------------- */

static void
print_sum(const struct queue_audit *audit, const struct report *report)
{
    int64_t all = 0;

    for (size_t i = 0; i < QUEUE_PLACE_COUNT; i++) {
        all += audit->records[i];
        if (i != QUEUE_PLACE_UNKNOWN || audit->records[i] > 0) {
            (void)printf("%-12s %10" PRId64 "\n", queue_place_name((enum queue_place)i),
                audit->records[i]);
        }
    }
    (void)printf("%-12s %10" PRId64 "  settled ones as long as they are remembered\n"
                 "%-12s %10" PRId64 "\n%-12s %10" PRId64 "\n",
        "records", all, "accepted", audit->stats.accepted, "findings", report->total);
    if (report->repaired > 0) {
        (void)printf("%-12s %10" PRId64 "\n", "repaired", report->repaired);
    }
    if (report->total > FINDINGS_SHOWN_MAX) {
        (void)printf("only the first %d findings are shown\n", FINDINGS_SHOWN_MAX);
    }
}

static int
print_json(const struct queue_audit *audit, struct report *report)
{
    json_t *records = json_object();
    json_t *findings = report->findings;

    for (size_t i = 0; i < QUEUE_PLACE_COUNT; i++) {
        (void)json_object_set_new(records, queue_place_name((enum queue_place)i),
            json_integer((json_int_t)audit->records[i]));
    }
    report->findings = NULL;
    return cli_print_json(json_pack("{s:o, s:I, s:I, s:I, s:I, s:o}", "records", records,
                              "accepted", (json_int_t)audit->stats.accepted,
                              "unaccounted_events", (json_int_t)audit->stats.unaccounted,
                              "findings_total", (json_int_t)report->total, "repaired",
                              (json_int_t)report->repaired, "findings", findings),
        stdout);
}

static int
run_audit(const struct config *config, struct queue *queue, struct report *report)
{
    const struct queue_audit_options options = {
        .repair = report->arguments->repair,
        .record = report->arguments->list ? tell_record : NULL,
        .finding = tell_finding,
        .context = report,
    };
    struct queue_audit audit;
    int r = queue_audit(queue, &options, &audit);

    r = r == QUEUE_OK ? ask_witness(config, queue, report) : r;
    if (r != QUEUE_OK) {
        return cli_queue_unavailable(config, queue, "the queue cannot be audited");
    }
    if (report->failed) {
        cli_error("cannot write: standard output (see whether its disk is full)");
        return EX_IOERR;
    }
    int status = EX_OK;

    if (report->findings != NULL) {
        status = print_json(&audit, report);
    } else {
        print_sum(&audit, report);
    }
    return status != EX_OK                    ? status
           : report->total > report->repaired ? EXIT_FINDINGS
                                              : EX_OK;
}

int
command_audit(int argc, char **argv)
{
    AUTO(config_done) struct config config = {0};
    AUTO(queue_close) struct queue *queue = NULL;
    struct arguments arguments = {0};
    struct report report = {.arguments = &arguments};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = cli_load_config(arguments.config, CONFIG_FOR_TOOL, &config);
    if (status == 0) {
        status = cli_queue_open(&config, &queue);
    }
    if (status != 0) {
        return status;
    }
    if (arguments.json) {
        report.findings = json_array();
    }
    status = run_audit(&config, queue, &report);
    json_decref(report.findings);
    return status;
}
