/*
 * derive.c - records made of a record in hand.
 */
#include "server/deliver/derive.h"

#include "mapping/derived.h"

int
derive_put(struct queue *queue, const struct queue_record *record, const char *key,
    const char *subject)
{
    struct queue_put puts[QUEUE_ROUTES_MAX];

    for (size_t i = 0; i < record->route_count; i++) {
        puts[i] = (struct queue_put){
            .key = slice_of(key),
            .subject = slice_of(subject),
            .route = record->routes[i].name,
            .bytes = record->routes[i].bytes,
        };
    }
    return queue_put_derived(queue, puts, record->route_count);
}

int
derive_all(struct queue *queue, const struct job *job, const struct rules *rules)
{
    enum event_type types[DERIVED_MAX];
    const size_t count = event_derived(&job->reading, rules, types);

    for (size_t i = 0; i < count; i++) {
        char key[KEY_SIZE_MAX];
        const int r =
            event_derived_key(&job->reading, types[i], key)
                ? derive_put(queue, job->record, key, job->reading.event.task_sid)
                : QUEUE_OK;

        if (r != QUEUE_OK) {
            return r;
        }
    }
    return QUEUE_OK;
}
