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
derive_all(
    struct queue *queue, struct job *job, const struct config *config, int64_t now_us)
{
    enum event_type types[DERIVED_MAX];
    const size_t count = event_derived(&job->reading, &config->rules, types);

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
    job_tell(job, config, now_us);
    return QUEUE_OK;
}
