/*
 * durable_set.c - what makes a loop's requests durable: one durable, or in a cluster one for each
 * partition of the queue.
 */
#include "server/ingest/durable_set.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>

#include "server/ops/clock.h"

enum {
    WAIT_MAX_US =
        1000 * 1000, /* for a partition's node, before a new unit is refused early */
};

struct durable_set {
    struct durable *parts[QUEUE_PARTITIONS_MAX];
    unsigned count;
    struct durable_unit *refused; /* done in the next run */
};

/* ---- sharing out ------------------------------------------------------------------------- */

/* The events of one partition. */
struct share {
    struct durable_unit unit;
    struct split *split;
    unsigned partition;
};

/* A unit of several partitions: the copies of its puts stand partition by partition. */
struct split {
    struct durable_unit *whole;
    size_t left; /* shares under way */
    int status;
    struct queue_put *copies;
    size_t *origins; /* of each copy, in the whole */
    struct share shares[];
};

static unsigned
partition_of(const struct durable_set *set, const struct queue_put *put)
{
    return queue_partition(put->subject, set->count);
}

/* How many puts of the unit each partition has. Returns how many partitions there are. */
static size_t
count_puts(const struct durable_set *set, const struct durable_unit *unit,
    size_t counts[QUEUE_PARTITIONS_MAX])
{
    size_t partitions = 0;

    for (size_t i = 0; i < unit->put_count; i++) {
        partitions += counts[partition_of(set, &unit->puts[i])]++ == 0 ? 1 : 0;
    }
    return partitions;
}

static void
on_share_done(struct durable_unit *unit, int status)
{
    const struct share *share =
        (struct share *)((char *)unit - offsetof(struct share, unit));
    struct split *split = share->split;
    const size_t first = (size_t)(unit->puts - split->copies);

    for (size_t i = 0; i < unit->put_count; i++) {
        split->whole->puts[split->origins[first + i]].result = unit->puts[i].result;
    }
    split->status = split->status != 0 ? split->status : status;
    if (--split->left == 0) {
        struct durable_unit *whole = split->whole;
        const int worst = split->status;

        free(split);
        whole->done(whole, worst);
    }
}

static struct split *
make_split(struct durable_unit *unit, size_t shares)
{
    const size_t head = sizeof(struct split) + shares * sizeof(struct share);
    struct split *split =
        calloc(1, head + unit->put_count * (sizeof(struct queue_put) + sizeof(size_t)));

    if (split != NULL) {
        split->whole = unit;
        split->left = shares;
        split->copies = (struct queue_put *)((char *)split + head);
        split->origins = (size_t *)(split->copies + unit->put_count);
    }
    return split;
}

/* Copies the partition's puts of the whole, in their order. Returns where the next one's begin. */
static size_t
copy_puts(
    const struct durable_set *set, struct split *split, unsigned partition, size_t at)
{
    const struct durable_unit *whole = split->whole;

    for (size_t i = 0; i < whole->put_count; i++) {
        if (partition_of(set, &whole->puts[i]) == partition) {
            split->origins[at] = i;
            split->copies[at++] = whole->puts[i];
        }
    }
    return at;
}

static void
fill_split(const struct durable_set *set, struct split *split,
    const size_t counts[QUEUE_PARTITIONS_MAX])
{
    struct share *share = split->shares;
    size_t at = 0;

    for (unsigned partition = 0; partition < set->count; partition++) {
        if (counts[partition] == 0) {
            continue;
        }
        *share++ = (struct share){.split = split,
            .partition = partition,
            .unit = {.puts = split->copies + at,
                .put_count = counts[partition],
                .done = on_share_done,
                .deadline_us = split->whole->deadline_us}};
        at = copy_puts(set, split, partition, at);
    }
}

static void
refuse(struct durable_set *set, struct durable_unit *unit)
{
    unit->next = set->refused;
    set->refused = unit;
}

static bool
has_room(const struct durable_set *set, const size_t counts[QUEUE_PARTITIONS_MAX])
{
    const int64_t now_us = clock_monotonic_us();

    for (unsigned i = 0; i < set->count; i++) {
        if (counts[i] > 0 && durable_wait_us(set->parts[i], now_us) > WAIT_MAX_US) {
            return false;
        }
    }
    return true;
}

static void
add_split(struct durable_set *set, struct durable_unit *unit, size_t shares,
    const size_t counts[QUEUE_PARTITIONS_MAX])
{
    struct split *split = make_split(unit, shares);

    if (split == NULL) {
        refuse(set, unit);
        return;
    }
    fill_split(set, split, counts);
    for (size_t i = 0; i < shares; i++) {
        durable_add(set->parts[split->shares[i].partition], &split->shares[i].unit);
    }
}

void
durable_set_add(struct durable_set *set, struct durable_unit *unit)
{
    size_t counts[QUEUE_PARTITIONS_MAX] = {0};

    if (set->count == 1 || unit->put_count == 0) { /* it was asked before it came */
        durable_add(set->parts[0], unit);
        return;
    }
    const size_t shares = count_puts(set, unit, counts);

    if (!has_room(set, counts)) {
        refuse(set, unit);
    } else if (shares == 1) {
        durable_add(set->parts[partition_of(set, &unit->puts[0])], unit);
    } else {
        add_split(set, unit, shares, counts);
    }
}

static void
end_refused(struct durable_set *set, int status)
{
    struct durable_unit *unit = set->refused;

    set->refused = NULL;
    while (unit != NULL) {
        struct durable_unit *next = unit->next;

        unit->done(unit, status);
        unit = next;
    }
}

/* ---- turns ------------------------------------------------------------------------------- */

size_t
durable_set_watch(const struct durable_set *set, struct pollfd fds[DURABLE_SET_FDS])
{
    for (unsigned i = 0; i < set->count; i++) {
        durable_watch(set->parts[i], fds + (size_t)i * DURABLE_FDS);
    }
    return (size_t)set->count * DURABLE_FDS;
}

int
durable_set_timeout_ms(const struct durable_set *set, int64_t now_us)
{
    int soonest_ms = set->refused != NULL ? 0 : -1;

    for (unsigned i = 0; i < set->count; i++) {
        const int timeout_ms = durable_timeout_ms(set->parts[i], now_us);

        if (timeout_ms >= 0 && (soonest_ms < 0 || timeout_ms < soonest_ms)) {
            soonest_ms = timeout_ms;
        }
    }
    return soonest_ms;
}

void
durable_set_run(struct durable_set *set, const struct pollfd *fds, int64_t now_us)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct pollfd *own = fds != NULL ? fds + (size_t)i * DURABLE_FDS : NULL;

        durable_run(set->parts[i],
            own != NULL && (own[0].revents != 0 || own[1].revents != 0), now_us);
    }
    end_refused(set, -EAGAIN);
}

/* ---- life -------------------------------------------------------------------------------- */

int
durable_set_open(const struct queue_options *options, struct spooler *spooler,
    struct durable_set **ret_set, char *ret_error)
{
    struct queue_options own = *options;
    struct durable_set *set = calloc(1, sizeof(*set));
    int r = QUEUE_OK;

    if (set == NULL) {
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    while (r == QUEUE_OK && set->count < options->partitions) {
        own.partition = set->count;
        r = durable_open(&own, spooler, &set->parts[set->count], ret_error);
        set->count += r == QUEUE_OK ? 1 : 0;
    }
    if (r != QUEUE_OK) {
        durable_set_close(&set);
        return r;
    }
    *ret_set = set;
    return QUEUE_OK;
}

void
durable_set_close(struct durable_set **set)
{
    if (*set != NULL) {
        end_refused(*set, -ECANCELED);
        for (unsigned i = 0; i < (*set)->count; i++) {
            durable_close(&(*set)->parts[i]);
        }
        free(*set);
    }
    *set = NULL;
}

/* ---- what the owner asks ----------------------------------------------------------------- */

bool
durable_set_ready(const struct durable_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (durable_ready(set->parts[i])) {
            return true;
        }
    }
    return false;
}

int64_t
durable_set_wait_us(const struct durable_set *set, int64_t now_us)
{
    int64_t shortest_us = INT64_MAX;

    for (unsigned i = 0; i < set->count; i++) {
        shortest_us = MIN(shortest_us, durable_wait_us(set->parts[i], now_us));
    }
    return shortest_us;
}

size_t
durable_set_waiting(const struct durable_set *set)
{
    size_t waiting = 0;

    for (unsigned i = 0; i < set->count; i++) {
        waiting += durable_waiting(set->parts[i]);
    }
    return waiting;
}

const char *
durable_set_error(const struct durable_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (!durable_ready(set->parts[i]) && durable_error(set->parts[i])[0] != '\0') {
            return durable_error(set->parts[i]);
        }
    }
    return durable_error(set->parts[0]);
}
