/*
 * answers.c - the answers to surveys that a task's record carries, as records of their own.
 */
#include "server/deliver/answers.h"

#include "mapping/survey.h"

size_t
answers_routes(const struct queue_route *routes, size_t count,
    struct queue_route ret_routes[QUEUE_ROUTES_MAX])
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (!slice_is(routes[i].name, source_route(SOURCE_FLEX_PLUGIN))) {
            ret_routes[kept++] = routes[i];
        }
    }
    return kept;
}

/* What was told of one answer, by whom it may be told. Returns how many. */
static size_t
put_of_each_route(const struct job *job, const char *key, struct queue_put *puts)
{
    struct queue_route routes[QUEUE_ROUTES_MAX];
    const size_t count =
        answers_routes(job->record->routes, job->record->route_count, routes);

    for (size_t i = 0; i < count; i++) {
        puts[i] = (struct queue_put){
            .key = slice_of(key),
            .subject = slice_of(payload_text(job->payload, "task_sid")),
            .route = routes[i].name,
            .bytes = routes[i].bytes,
        };
    }
    return count;
}

int
answers_put(struct queue *queue, const struct job *job, const struct rules *rules)
{
    char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX];
    struct queue_put puts[RULES_EXTRACTORS_MAX * QUEUE_ROUTES_MAX];
    const size_t answers =
        survey_split(job->payload, rules, slice_of(job->record->key), keys);
    size_t count = 0;

    for (size_t i = 0; i < answers; i++) {
        count += put_of_each_route(job, keys[i], puts + count);
    }
    return count > 0 ? queue_put_derived(queue, puts, count) : QUEUE_OK;
}
