/*
 * witness.c - what Redis held, kept in state_dir, so that a Redis that lost something is found out.
 *
 * The file, one line each: "name", "id", "unsettled", then a partition's number and its mark.
 */
#include "server/service/witness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ops/clock.h"
#include "server/ops/file.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"
#include "server/service/state_dir.h"

enum {
    PATH_SIZE = 4096,
    FILE_MAX = 8 * 1024,
    NUMBER_SIZE = 24,
};

static const char file_name[] = "witness";
static const char lock_name[] = "witness.lock";

struct witness {
    const char *state_dir;
    int lock_fd;                /* -1: not ours (yet) */
    bool is_read;               /* the file, if there is one */
    bool is_lost;               /* it cannot be kept, and that was said */
    struct queue_witness known; /* without a name: nothing yet */
};

static void
count_loss(int64_t times, int64_t missing)
{
    counter_add(metrics_counter(METRIC_REDIS_WENT_BACK, NULL, NULL), times);
    counter_add(metrics_counter(METRIC_REDIS_MISSING, NULL, NULL), missing);
}

struct witness *
witness_open(const char *state_dir)
{
    struct witness *witness = calloc(1, sizeof(*witness));

    if (witness != NULL) {
        witness->state_dir = state_dir;
        witness->lock_fd = -1;
        count_loss(0, 0); /* there from the start: an alert sees it grow */
    }
    return witness;
}

void
witness_close(struct witness **witness)
{
    if (*witness != NULL) {
        if ((*witness)->lock_fd >= 0) {
            (void)close((*witness)->lock_fd);
        }
        free(*witness);
    }
    *witness = NULL;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int
path_of(const char *state_dir, char path[PATH_SIZE])
{
    const int size = snprintf(path, PATH_SIZE, "%s/%s", state_dir, file_name);

    return size > 0 && size < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

/* "<name> <value>". False: not a line of ours. */
static bool
read_line(struct slice line, struct queue_witness *known)
{
    const struct slice name = slice_before(line, ' ');
    const struct slice value =
        slice_skip(line, name.size < line.size ? name.size + 1 : 0);
    int64_t partition = 0;

    if (slice_is(name, "name")) {
        return slice_to_text(value, known->name, sizeof(known->name));
    }
    if (slice_is(name, "id")) {
        return slice_to_text(value, known->id, sizeof(known->id));
    }
    if (slice_is(name, "unsettled")) {
        return slice_to_int64(value, &known->unsettled);
    }
    return slice_to_int64(name, &partition) && partition >= 0 &&
           partition < QUEUE_PARTITIONS_MAX &&
           slice_to_int64(value, &known->marks[partition]);
}

int
witness_read(const char *state_dir, struct queue_witness *ret_witness)
{
    AUTO(buffer_done) struct buffer text = {0};
    struct queue_witness known = {0};
    char path[PATH_SIZE];
    int r = path_of(state_dir, path);

    if (r == 0) {
        r = file_read(path, FILE_MAX, &text);
    }
    if (r != 0) {
        return r;
    }
    struct slice rest = buffer_slice(&text);

    while (rest.size > 0) {
        const struct slice line = slice_before(rest, '\n');

        if (line.size == rest.size || !read_line(line, &known)) {
            return -EBADMSG;
        }
        rest = slice_skip(rest, line.size + 1);
    }
    if (strlen(known.name) != QUEUE_WITNESS_ID_SIZE - 1) {
        return -EBADMSG;
    }
    *ret_witness = known;
    return 0;
}

static int
write_file(const struct witness *witness)
{
    AUTO(buffer_done) struct buffer text = {.max = FILE_MAX};
    const struct queue_witness *known = &witness->known;
    char path[PATH_SIZE];
    const int r = path_of(witness->state_dir, path);

    buffer_addf(&text, "name %s\n", known->name);
    if (known->id[0] != '\0') {
        buffer_addf(&text, "id %s\n", known->id);
    }
    buffer_addf(&text, "unsettled %" PRId64 "\n", known->unsettled);
    for (size_t i = 0; i < LENGTH(known->marks); i++) {
        if (known->marks[i] > 0) {
            buffer_addf(&text, "%zu %" PRId64 "\n", i, known->marks[i]);
        }
    }
    if (text.failed) {
        return -ENOMEM;
    }
    return r == 0 ? file_replace(path, buffer_slice(&text)) : r;
}

/* Says once that it cannot be kept, and once that it can again. */
static void
note_kept(struct witness *witness, int r)
{
    if (r < 0 && !witness->is_lost) {
        log_error("witness_not_kept",
            "where=%s error=\"%s\" do=\"make it readable and writable; until then a Redis that loses data "
            "while this process is down goes unnoticed\"",
            witness->state_dir, strerror(-r));
    } else if (r == 0 && witness->is_lost) {
        log_info("witness_kept", "where=%s", witness->state_dir);
    }
    witness->is_lost = r < 0;
}

/* ---- whose it is ----------------------------------------------------------------------------- */

/*
 * A file that is no witness's is as good as none: its marks are not to be trusted. One that cannot
 * be read now may be read later. What was seen before the directory could be written stays known.
 */
static int
load(struct witness *witness)
{
    const int r = witness_read(witness->state_dir, &witness->known);

    if (r == 0 || (r != -ENOENT && r != -EBADMSG && r != -EFBIG)) {
        return r;
    }
    if (r != -ENOENT) {
        log_error("witness_unreadable",
            "where=%s/%s do=\"flexbrevo audit; a new one is begun\"", witness->state_dir,
            file_name);
    }
    return witness->known.name[0] != '\0' ? 0 : queue_witness_name(witness->known.name);
}

/* False: another process of this directory is the witness. */
static bool
take_office(struct witness *witness)
{
    char error[STATE_DIR_ERROR_SIZE];
    int r = 0;

    if (witness->lock_fd < 0) {
        r = state_dir_prepare(witness->state_dir, error);
        r = r == 0 ? state_dir_lock(witness->state_dir, lock_name, 0, &witness->lock_fd)
                   : r;
    }
    if (r == -EWOULDBLOCK) {
        return false;
    }
    if (r == 0 && !witness->is_read) {
        r = load(witness);
        witness->is_read = r == 0;
    }
    if (r < 0) {
        note_kept(witness, r);
    }
    return witness->known.name[0] != '\0' ||
           queue_witness_name(witness->known.name) == 0; /* as long as we live */
}

/* ---- looking --------------------------------------------------------------------------------- */

static void
alarm_about(const struct queue_look *look, struct queue *queue)
{
    const bool replaced = look->sight == QUEUE_SIGHT_REPLACED;
    /* a mark is gone, or new events hide the gap */
    char missing[NUMBER_SIZE] = "unknown";
    char note[QUEUE_NOTE_SIZE];

    if (look->missing > 0) {
        (void)snprintf(missing, sizeof(missing), "%" PRId64, look->missing);
    }
    log_error("redis_went_back",
        "how=%s missing_at_least=%s unsettled_before=%" PRId64
        " do=\"find out who emptied, restored or cut it; then ask for the events again: "
        "docs/operations.md\"",
        replaced ? "replaced" : "older", missing, look->unsettled);
    count_loss(1, look->missing);
    (void)snprintf(note, sizeof(note),
        look->missing > 0 ? "%s, at least %s accepted events are gone"
                          : "%s, accepted events may be gone, how many is %s",
        replaced ? "another data set" : "older data", missing);
    if (queue_note_put(queue, WITNESS_NOTE, note, clock_unix_ms()) != QUEUE_OK) {
        log_warn("note_not_kept", "error=\"%s\"", queue_error(queue));
    }
}

int
witness_run(struct witness *witness, struct queue *queue)
{
    struct queue_look look;

    if (!take_office(witness)) {
        return QUEUE_OK;
    }
    const int r = queue_witness_look(queue, &witness->known, &look);

    if (r != QUEUE_OK) {
        return r;
    }
    if (look.sight != QUEUE_SIGHT_FINE) {
        alarm_about(&look, queue);
    }
    if (witness->is_read && (look.is_news || witness->is_lost)) {
        note_kept(witness, write_file(witness));
    }
    return QUEUE_OK;
}
