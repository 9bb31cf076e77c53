/*
 * redis_health.c - what a Redis lacks, in words; and which lack is a reason not to start.
 *
 * Why some refuse and others only degrade: docs/decisions/0024-what-redis-must-keep.md.
 */
#include "server/service/redis_health.h"

#include <stdio.h>
#include <string.h>

/* The levels of redis.require, the most lenient first. */
enum require {
    REQUIRE_NONE,
    REQUIRE_EVERYSEC,
    REQUIRE_ALWAYS,
    REQUIRE_COUNT, /* refused by none */
};

static const struct {
    struct redis_lack lack;
    enum require refused_from; /* this level and the stricter ones */
} rows[QUEUE_WEAKNESS_COUNT] = {
    [QUEUE_WEAK_TOO_OLD] = {{"too_old", "it is older than 6.2 and lacks commands we need",
                                "install Redis 6.2 or later"},
        REQUIRE_NONE},
    [QUEUE_WEAK_FSYNC_UNKNOWN] = {{"fsync_unknown",
                                      "it does not say when a write is on disk",
                                      "allow INFO and CONFIG GET, or ask who runs it"},
        REQUIRE_ALWAYS},
    [QUEUE_WEAK_FSYNC_OFF] = {{"fsync_off", "no append-only file: a restart may lose all",
                                  "appendonly yes and appendfsync always"},
        REQUIRE_EVERYSEC},
    [QUEUE_WEAK_FSYNC_NO] = {{"fsync_no", "writes are on disk when the kernel likes",
                                 "appendfsync always"},
        REQUIRE_EVERYSEC},
    [QUEUE_WEAK_FSYNC_EVERYSEC] = {{"fsync_everysec", "a crash may lose the last second",
                                       "appendfsync always"},
        REQUIRE_ALWAYS},
    [QUEUE_WEAK_EVICTION] = {{"eviction", "at maxmemory it deletes what is queued",
                                 "maxmemory-policy noeviction"},
        REQUIRE_EVERYSEC},
    [QUEUE_WEAK_MEMORY_HIGH] = {{"memory_high",
                                    "over 80 % of maxmemory is used; from 95 % on new "
                                    "events are kept out",
                                    "raise maxmemory, or see why little is delivered"},
        REQUIRE_COUNT},
    [QUEUE_WEAK_MEMORY_FULL] = {{"memory_full",
                                    "over 95 % of maxmemory is used: new events are kept "
                                    "out until 10 % are free",
                                    "raise maxmemory now, then see what fills it"},
        REQUIRE_COUNT},
    [QUEUE_WEAK_APPEND_FAILING] = {{"append_failing", "its last write to disk failed",
                                       "look at its disk and log"},
        REQUIRE_COUNT},
    [QUEUE_WEAK_REWRITE_FAILING] = {{"rewrite_failing",
                                        "its append-only file grows without end",
                                        "look at its disk, memory and log"},
        REQUIRE_COUNT},
    [QUEUE_WEAK_SNAPSHOT_FAILING] = {{"snapshot_failing",
                                         "its last snapshot failed; it may refuse writes",
                                         "look at its disk, memory and log"},
        REQUIRE_COUNT},
    [QUEUE_WEAK_LOADING] = {{"loading", "it is loading its data", "wait"}, REQUIRE_COUNT},
    [QUEUE_WEAK_READ_ONLY] = {{"read_only", "it is a replica and refuses writes",
                                  "let redis.url name the master"},
        REQUIRE_COUNT},
};

const struct redis_lack *
redis_lack(enum queue_weakness weakness)
{
    return &rows[weakness].lack;
}

static enum require
parse_require(const char *require)
{
    if (strcmp(require, "none") == 0) {
        return REQUIRE_NONE;
    }
    return strcmp(require, "everysec") == 0 ? REQUIRE_EVERYSEC : REQUIRE_ALWAYS;
}

bool
redis_health_refuses(const struct queue_health *health, const char *require,
    char ret_error[REDIS_HEALTH_ERROR_SIZE])
{
    const enum require level = parse_require(require);

    for (size_t i = 0; i < LENGTH(rows); i++) {
        if (!health->weak[i] || level < rows[i].refused_from) {
            continue;
        }
        (void)snprintf(ret_error, REDIS_HEALTH_ERROR_SIZE,
            "this Redis cannot keep the promise, %s: redis.url (%s%s)",
            rows[i].lack.means, rows[i].lack.remedy,
            rows[i].refused_from == REQUIRE_NONE     ? ""
            : rows[i].refused_from == REQUIRE_ALWAYS ? ", or redis.require: everysec"
                                                     : ", or redis.require: none");
        return true;
    }
    return false;
}
