/*
 * record.c - a claimed record, as claim.lua tells of it.
 */
#include <stdlib.h>
#include <string.h>

#include "queue/handle.h"

static char *
append(char *end, struct slice value, struct slice *ret_copy)
{
    if (value.size > 0) {
        memcpy(end, value.data, value.size);
    }
    end[value.size] = '\0';
    *ret_copy = (struct slice){.data = end, .size = value.size};
    return end + value.size + 1;
}

static char *
append_text(char *end, struct slice value, char **ret_text)
{
    struct slice copy = {0};

    *ret_text = end;
    return append(end, value, &copy);
}

/* Positions in claim.lua's answer. */
enum {
    ANSWER_KEY,
    ANSWER_ENTRY_ID,
    ANSWER_ATTEMPTS,
    ANSWER_RECEIVED,
    ANSWER_SCHEMA,
    ANSWER_LOST_CLAIMS,
    ANSWER_ROUTES,
    ANSWER_WAS_DELIVERED,
    ANSWER_WAITS_SINCE,
};

static size_t
storage_size(const struct redisReply *answer, struct slice token)
{
    const struct redisReply *routes = redis_reply_at(answer, ANSWER_ROUTES);
    size_t size = redis_reply_text(redis_reply_at(answer, ANSWER_KEY)).size + 1 +
                  redis_reply_text(redis_reply_at(answer, ANSWER_ENTRY_ID)).size + 1 +
                  token.size + 1;

    for (size_t i = 0; i < redis_reply_count(routes); i++) {
        size += redis_reply_text(redis_reply_at(routes, i)).size + 1;
    }
    return size;
}

/* put.lua lets no record have more than QUEUE_ROUTES_MAX routes. */
static void
fill_routes(struct queue_record *record, const struct redisReply *routes, char *end)
{
    const size_t count = redis_reply_count(routes) / 2;

    record->route_count = count < QUEUE_ROUTES_MAX ? count : QUEUE_ROUTES_MAX;
    for (size_t i = 0; i < record->route_count; i++) {
        struct queue_route *route = &record->routes[i];

        end = append(end, redis_reply_text(redis_reply_at(routes, 2 * i)), &route->name);
        end = append(
            end, redis_reply_text(redis_reply_at(routes, 2 * i + 1)), &route->bytes);
    }
}

struct queue_record *
handle_make_record(const struct redisReply *answer, const char *token, unsigned partition)
{
    AUTO(queue_record_free) struct queue_record *record = calloc(1, sizeof(*record));

    if (record == NULL) {
        return NULL;
    }
    char *end = malloc(storage_size(answer, slice_of(token)));

    if (end == NULL) {
        return NULL;
    }
    record->storage = end;
    end = append_text(
        end, redis_reply_text(redis_reply_at(answer, ANSWER_KEY)), &record->key);
    end = append_text(end, redis_reply_text(redis_reply_at(answer, ANSWER_ENTRY_ID)),
        &record->entry_id);
    end = append_text(end, slice_of(token), &record->token);
    fill_routes(record, redis_reply_at(answer, ANSWER_ROUTES), end);
    record->partition = partition;
    record->schema = (unsigned)redis_reply_number(redis_reply_at(answer, ANSWER_SCHEMA));
    record->attempts = redis_reply_number(redis_reply_at(answer, ANSWER_ATTEMPTS));
    record->received_ms = redis_reply_number(redis_reply_at(answer, ANSWER_RECEIVED));
    record->waits_since_ms =
        redis_reply_number(redis_reply_at(answer, ANSWER_WAITS_SINCE));
    record->lost_claims = redis_reply_number(redis_reply_at(answer, ANSWER_LOST_CLAIMS));

    record->was_delivered =
        redis_reply_number(redis_reply_at(answer, ANSWER_WAS_DELIVERED)) != 0;

    struct queue_record *made = record;

    record = NULL;
    return made;
}

void
queue_record_free(struct queue_record **record)
{
    if (*record != NULL) {
        free((*record)->storage);
        free(*record);
    }
    *record = NULL;
}
