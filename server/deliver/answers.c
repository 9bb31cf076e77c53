/*
 * answers.c - the answers to surveys that a task's record carries, as records of their own.
 */
#include "server/deliver/answers.h"

#include "mapping/survey.h"

int
answers_put(struct queue *queue, const struct job *job, const struct rules *rules)
{
    const struct queue_record *record = job->record;
    char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX];
    struct queue_put puts[RULES_EXTRACTORS_MAX * QUEUE_ROUTES_MAX];
    const size_t answers = survey_split(job->payload, rules, slice_of(record->key), keys);
    size_t count = 0;

    for (size_t i = 0; i < answers; i++) {
        for (size_t j = 0; j < record->route_count; j++) {
            const struct queue_route *route = &record->routes[j];

            if (!slice_is(route->name, source_route(SOURCE_FLEX_PLUGIN))) {
                puts[count++] = (struct queue_put){
                    .key = slice_of(keys[i]),
                    .subject = slice_of(payload_text(job->payload, "task_sid")),
                    .route = route->name,
                    .bytes = route->bytes,
                };
            }
        }
    }
    return count > 0 ? queue_put_derived(queue, puts, count) : QUEUE_OK;
}
