/*
 * health.c - can the Redis in use keep what is put into it?
 */
#include "queue/health.h"

#include <string.h>
#include <sys/param.h>

#include "queue/handle.h"

enum {
    VERSION_NEEDED = 6 * 100 + 2, /* XAUTOCLAIM, ZADD GT in scripts: 6.2 */
    MEMORY_HIGH_PERCENT = 80,
    MEMORY_FULL_PERCENT =
        95, /* the rest is for what ends deliveries, and so makes room */
    MEMORY_ROOM_PERCENT = 90,
};

const char *
queue_fsync_name(enum queue_fsync fsync)
{
    static const char *const names[] = {
        [QUEUE_FSYNC_UNKNOWN] = "unknown",
        [QUEUE_FSYNC_OFF] = "off",
        [QUEUE_FSYNC_NO] = "no",
        [QUEUE_FSYNC_EVERYSEC] = "everysec",
        [QUEUE_FSYNC_ALWAYS] = "always",
    };

    return names[fsync];
}

/* ---- INFO: lines of "name:value" ----------------------------------------------------------- */

static struct slice
next_line(struct slice *rest)
{
    const struct slice line = slice_before(*rest, '\n');

    *rest = slice_skip(*rest, line.size < rest->size ? line.size + 1 : line.size);
    return slice_trim(line);
}

/* Absent when there is no such line. */
static struct slice
field(struct slice info, const char *name)
{
    while (info.size > 0) {
        const struct slice line = next_line(&info);
        const struct slice key = slice_before(line, ':');

        if (key.size < line.size && slice_is(key, name)) {
            return slice_skip(line, key.size + 1);
        }
    }
    return (struct slice){0};
}

static int64_t
number(struct slice info, const char *name)
{
    int64_t value = 0;

    return slice_to_int64(field(info, name), &value) ? value : 0;
}

/* ---- what it means --------------------------------------------------------------------------- */

/* "7.0.15" is 700; 0: unknown. */
static int64_t
version_number(struct slice version)
{
    const struct slice major = slice_before(version, '.');
    int64_t first = 0;
    int64_t second = 0;

    if (major.size == version.size || !slice_to_int64(major, &first) ||
        !slice_to_int64(
            slice_before(slice_skip(version, major.size + 1), '.'), &second)) {
        return 0;
    }
    return first * 100 + second;
}

static enum queue_fsync
read_fsync(struct slice info, struct slice fsync)
{
    static const enum queue_fsync known[] = {
        QUEUE_FSYNC_NO, QUEUE_FSYNC_EVERYSEC, QUEUE_FSYNC_ALWAYS};

    if (slice_is(field(info, "aof_enabled"), "0")) {
        return QUEUE_FSYNC_OFF;
    }
    for (size_t i = 0; i < LENGTH(known); i++) {
        if (slice_is(field(info, "aof_enabled"), "1") &&
            slice_is(fsync, queue_fsync_name(known[i]))) {
            return known[i];
        }
    }
    return QUEUE_FSYNC_UNKNOWN;
}

/* "slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0" */
static int64_t
count_in_sync(struct slice info)
{
    static const char online[] = ",state=online,";
    int64_t count = 0;

    while (info.size > 0) {
        const struct slice line = next_line(&info);

        if (slice_starts(line, "slave") &&
            memmem(line.data, line.size, online, strlen(online)) != NULL) {
            count++;
        }
    }
    return count;
}

static bool
evicts(struct slice info)
{
    const struct slice policy = field(info, "maxmemory_policy");

    return number(info, "maxmemory") > 0 && policy.size > 0 &&
           !slice_is(policy, "noeviction");
}

static bool
uses(const struct queue_health *health, int64_t percent)
{
    return health->maxmemory > 0 &&
           health->used_memory / percent >= health->maxmemory / 100;
}

static bool
fills(const struct queue_health *health, int64_t percent)
{
    return uses(health, percent) && !health->evicts;
}

static void
judge(struct slice info, struct queue_health *health)
{
    const int64_t version = version_number(field(info, "redis_version"));
    const struct {
        enum queue_weakness weakness;
        bool is_there;
    } all[] = {
        {QUEUE_WEAK_TOO_OLD, version > 0 && version < VERSION_NEEDED},
        {QUEUE_WEAK_FSYNC_UNKNOWN, health->fsync == QUEUE_FSYNC_UNKNOWN},
        {QUEUE_WEAK_FSYNC_OFF, health->fsync == QUEUE_FSYNC_OFF},
        {QUEUE_WEAK_FSYNC_NO, health->fsync == QUEUE_FSYNC_NO},
        {QUEUE_WEAK_FSYNC_EVERYSEC, health->fsync == QUEUE_FSYNC_EVERYSEC},
        {QUEUE_WEAK_EVICTION, health->evicts},
        {QUEUE_WEAK_MEMORY_HIGH, uses(health, MEMORY_HIGH_PERCENT)},
        {QUEUE_WEAK_MEMORY_FULL, fills(health, MEMORY_FULL_PERCENT)},
        {QUEUE_WEAK_APPEND_FAILING,
            slice_is(field(info, "aof_last_write_status"), "err")},
        {QUEUE_WEAK_REWRITE_FAILING,
            slice_is(field(info, "aof_last_bgrewrite_status"), "err")},
        {QUEUE_WEAK_SNAPSHOT_FAILING,
            slice_is(field(info, "rdb_last_bgsave_status"), "err")},
        {QUEUE_WEAK_LOADING, slice_is(field(info, "loading"), "1")},
        {QUEUE_WEAK_READ_ONLY, slice_is(field(info, "role"), "slave")},
    };

    for (size_t i = 0; i < LENGTH(all); i++) {
        health->weak[all[i].weakness] = all[i].is_there;
    }
}

void
queue_health_read(struct slice info, struct slice fsync, struct queue_health *ret_health)
{
    struct queue_health health = {
        .fsync = read_fsync(info, fsync),
        .used_memory =
            number(info, "used_memory") - number(info, "mem_not_counted_for_evict"),
        .maxmemory = number(info, "maxmemory"),
        .evicts = evicts(info),
        .replicas = number(info, "connected_slaves"),
        .replicas_in_sync = count_in_sync(info),
    };

    if (!slice_to_text(
            field(info, "redis_version"), health.version, sizeof(health.version))) {
        health.version[0] = '\0';
    }
    judge(info, &health);
    *ret_health = health;
}

void
queue_health_follow(struct queue_health *health, const struct queue_health *before)
{
    health->weak[QUEUE_WEAK_MEMORY_FULL] = fills(health,
        before->weak[QUEUE_WEAK_MEMORY_FULL] ? MEMORY_ROOM_PERCENT : MEMORY_FULL_PERCENT);
}

/* ---- asking -------------------------------------------------------------------------------- */

/* In thousandths; of a node that deletes, or has no limit, 0. */
static int64_t
fullness(const struct queue_health *node)
{
    return node->maxmemory > 0 && !node->evicts
               ? node->used_memory / (node->maxmemory / 1000 + 1)
               : 0;
}

/* Of several nodes the weakest counts, and the memory of the fullest. */
static void
add_node(struct queue_health *all, const struct queue_health *node)
{
    for (size_t i = 0; i < QUEUE_WEAKNESS_COUNT; i++) {
        all->weak[i] = all->weak[i] || node->weak[i];
    }
    all->fsync = MIN(all->fsync, node->fsync);
    all->replicas = MIN(all->replicas, node->replicas);
    all->replicas_in_sync = MIN(all->replicas_in_sync, node->replicas_in_sync);
    if (fullness(node) > fullness(all)) {
        all->used_memory = node->used_memory;
        all->maxmemory = node->maxmemory;
        all->evicts = node->evicts;
    }
}

/* A node that tells nothing of itself is one of which nothing is known. */
static struct queue_health
read_node(const struct redis_exchange *exchange, size_t at)
{
    struct queue_health health;

    queue_health_read(redis_reply_error(exchange->replies[at]).size > 0
                          ? (struct slice){0}
                          : redis_reply_text(exchange->replies[at]),
        redis_reply_text(redis_reply_at(exchange->replies[at + 1], 1)), &health);
    return health;
}

int
queue_health(struct queue *queue, struct queue_health *ret_health)
{
    struct redis_exchange *exchange = &queue->exchange;

    redis_exchange_clear(exchange);
    for (unsigned i = 0; i < handle_sessions(queue); i++) {
        redis_command(exchange, 1);
        redis_command_of(exchange, i);
        redis_argument_text(exchange, "INFO");
        redis_command_texts(exchange,
            (const char *const[]){"CONFIG", "GET", "appendfsync", NULL, NULL, NULL});
        redis_command_of(exchange, i);
    }
    const int r = handle_run(queue, exchange);

    for (size_t i = 0; r == QUEUE_OK && i < exchange->count; i += 2) {
        const struct queue_health node = read_node(exchange, i);

        if (i == 0) {
            *ret_health = node;
        } else {
            add_node(ret_health, &node);
        }
    }
    return r;
}
