/*
 * status_redis.c - what `status` says of Redis itself: the mode in force and what is lacking.
 */
#include "server/cli/status_redis.h"

#include <inttypes.h>
#include <stdio.h>

#include "mapping/timestamp.h"
#include "server/service/redis_health.h"

static json_t *
list_lacks(const struct queue_health *health)
{
    json_t *list = json_array();

    for (size_t i = 0; i < QUEUE_WEAKNESS_COUNT; i++) {
        const struct redis_lack *lack = redis_lack((enum queue_weakness)i);

        if (health->weak[i] &&
            json_array_append_new(
                list, json_pack("{s:s, s:s, s:s}", "cause", lack->name, "means",
                          lack->means, "remedy", lack->remedy)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* null: never. */
static json_t *
tell_went_back(const struct queue_note *went_back)
{
    char time[TIMESTAMP_TEXT_SIZE];

    if (went_back->text[0] == '\0') {
        return json_null();
    }
    timestamp_format(went_back->time_ms, time);
    return json_pack("{s:s, s:s}", "noticed", time, "what", went_back->text);
}

json_t *
status_redis_json(const struct queue_health *health, const struct queue_note *went_back)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "fsync",
        queue_fsync_name(health->fsync), "version", health->version, "replicas",
        (json_int_t)health->replicas, "replicas_in_sync",
        (json_int_t)health->replicas_in_sync, "degraded", list_lacks(health), "went_back",
        tell_went_back(went_back));
}

void
status_redis_print(const struct queue_health *health, const struct queue_note *went_back)
{
    char time[TIMESTAMP_TEXT_SIZE];

    (void)printf("\nredis        fsync=%s version=%s", queue_fsync_name(health->fsync),
        health->version[0] != '\0' ? health->version : "unknown");
    if (health->replicas > 0) {
        (void)printf(
            " replicas=%" PRId64 "/%" PRId64, health->replicas_in_sync, health->replicas);
    }
    (void)printf("\n");
    for (size_t i = 0; i < QUEUE_WEAKNESS_COUNT; i++) {
        if (health->weak[i]) {
            const struct redis_lack *lack = redis_lack((enum queue_weakness)i);

            (void)printf(
                "  degraded   %s: %s (%s)\n", lack->name, lack->means, lack->remedy);
        }
    }
    if (went_back->text[0] != '\0') {
        timestamp_format(went_back->time_ms, time);
        (void)printf("  went back  %s: %s\n", time, went_back->text);
    }
}
