/*
 * queue_scripts.c - what the queue's scripts cost beside a bare deduplicating append.
 *
 *   queue_scripts URL [ROUNDS]
 *
 * The Redis at URL is emptied. In each round every shape handles the same number of events, the
 * shapes taking turns; the figures are medians of rounds, the ratios medians of the ratios within
 * one round. Redis's CPU time is taken from INFO. The bare script is SET NX EX + XADD of the
 * whole body, one call for a whole batch: no record, no counters, no claims.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"
#include "queue/redis.h"

enum {
    BODY_SIZE = 1300,
    EVENTS = 1600, /* of one shape in one round; a multiple of each batch size */
    ROUNDS_DEFAULT = 9,
    ROUNDS_MAX = 101,
    BATCH_MAX = 100,
    PATIENCE_US = 60 * 1000 * 1000,
};

static const size_t batches[] = {1, 16, 100};

static const char bare_script[] =
    "local n = 0 "
    "for i = 2, #KEYS do "
    "if redis.call('SET', KEYS[i], '1', 'NX', 'EX', 86400) then "
    "redis.call('XADD', KEYS[1], '*', 'p', ARGV[i - 1]) n = n + 1 end end "
    "return n";

enum shape {
    BARE,
    PUT,
    CLAIM,
    EFFECT,
    SETTLE,
    SHAPE_COUNT
};

static const char *const shape_names[SHAPE_COUNT] = {
    "bare", "put", "claim", "effect claim", "settle"};

struct sample {
    double redis_us; /* Redis CPU per event */
    double wall_us;  /* per event */
};

struct bench {
    const char *url;
    struct redis redis; /* for the bare script and INFO */
    struct redis_exchange exchange;
    char sha[41];
    struct queue *queue;
    char body[BODY_SIZE];
    char keys[EVENTS][64];
    struct queue_record *records[EVENTS];
    struct sample samples[SHAPE_COUNT][ROUNDS_MAX];
};

static struct bench bench;

_Noreturn static void
die(const char *what, const char *why)
{
    (void)fprintf(stderr, "queue_scripts: %s: %s\n", what, why);
    exit(1);
}

/* ---- Redis directly ---------------------------------------------------------------------- */

static const struct redisReply *
run(void)
{
    redis_begin(&bench.redis, &bench.exchange);
    if (redis_finish(&bench.redis, redis_now_us() + PATIENCE_US) != 0) {
        die("Redis", bench.redis.error);
    }
    if (redis_reply_error(bench.exchange.replies[0]).size > 0) {
        die("Redis", redis_reply_error(bench.exchange.replies[0]).data);
    }
    return bench.exchange.replies[0];
}

static const struct redisReply *
run_texts(const char *first, const char *second, const char *third)
{
    redis_exchange_clear(&bench.exchange);
    redis_command_texts(
        &bench.exchange, (const char *const[]){first, second, third, NULL, NULL, NULL});
    return run();
}

static double
info_value(struct slice info, const char *name)
{
    const char *found = memmem(info.data, info.size, name, strlen(name));

    return found != NULL ? strtod(found + strlen(name), NULL) : 0;
}

/* Seconds of CPU, all threads. */
static double
redis_cpu(void)
{
    const struct slice info = redis_reply_text(run_texts("INFO", "cpu", NULL));

    return info_value(info, "used_cpu_user:") + info_value(info, "used_cpu_sys:");
}

static void
bare_batch(size_t first, size_t count)
{
    struct redis_exchange *exchange = &bench.exchange;

    redis_exchange_clear(exchange);
    redis_command(exchange, 4 + 2 * count);
    redis_argument_text(exchange, "EVALSHA");
    redis_argument_text(exchange, bench.sha);
    redis_argument_number(exchange, (int64_t)count + 1);
    redis_argument_text(exchange, "bare:{0}:stream");
    for (size_t i = 0; i < count; i++) {
        redis_argument_joined(
            exchange, slice_of("bare:{0}:d:"), slice_of(bench.keys[first + i]));
    }
    for (size_t i = 0; i < count; i++) {
        redis_argument(exchange, (struct slice){.data = bench.body, .size = BODY_SIZE});
    }
    if (redis_reply_number(run()) != (int64_t)count) {
        die("bare script", "did not store all");
    }
}

/* ---- the queue --------------------------------------------------------------------------- */

static void
check(int status)
{
    if (status != QUEUE_OK) {
        die("queue", queue_error(bench.queue));
    }
}

static void
put_batch(size_t first, size_t count)
{
    struct queue_put puts[BATCH_MAX] = {0};

    for (size_t i = 0; i < count; i++) {
        puts[i] = (struct queue_put){.key = slice_of(bench.keys[first + i]),
            .route = slice_of("taskrouter"),
            .bytes = {.data = bench.body, .size = BODY_SIZE}};
    }
    check(queue_put(bench.queue, puts, count));
}

static void
claim_batch(size_t first, size_t count)
{
    size_t got = 0;

    check(queue_claim(bench.queue, count, bench.records + first, &got));
    if (got != count) {
        die("claim", "did not get all");
    }
}

/* A worker claims effects one by one: one before each delivery. */
static void
effect_batch(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        struct queue_effect effect = {.key = bench.keys[i], .word = bench.keys[i]};

        check(queue_effect_claim(bench.queue, bench.records[i], &effect));
        if (effect.result != QUEUE_EFFECT_CLAIMED) {
            die("effect", "was taken");
        }
    }
}

static void
settle_batch(size_t first, size_t count)
{
    struct queue_settlement settlements[BATCH_MAX] = {0};

    for (size_t i = 0; i < count; i++) {
        settlements[i] = (struct queue_settlement){.record = bench.records[first + i],
            .outcome = QUEUE_DELIVERED,
            .effect_key = bench.keys[first + i]};
    }
    check(queue_settle(bench.queue, settlements, count));
    for (size_t i = first; i < first + count; i++) {
        queue_record_free(&bench.records[i]);
    }
}

static void (*const shapes[SHAPE_COUNT])(size_t first, size_t count) = {
    bare_batch, put_batch, claim_batch, effect_batch, settle_batch};

/* ---- measuring --------------------------------------------------------------------------- */

static struct sample
measure(enum shape shape, size_t batch)
{
    const double cpu = redis_cpu();
    const int64_t start_us = redis_now_us();

    for (size_t at = 0; at < EVENTS; at += batch) {
        shapes[shape](at, batch);
    }
    const int64_t wall_us = redis_now_us() - start_us;

    return (struct sample){.redis_us = (redis_cpu() - cpu) * 1e6 / EVENTS,
        .wall_us = (double)wall_us / EVENTS};
}

/* Claims need puts before them, so only the bare script can change its place. */
static void
run_round(size_t round, size_t batch)
{
    const enum shape first = round % 2 == 0 ? BARE : PUT;

    (void)run_texts("FLUSHALL", NULL, NULL);
    check(queue_prepare(bench.queue));
    for (unsigned i = 0; i < SHAPE_COUNT; i++) {
        const enum shape shape = (enum shape)((first + i) % SHAPE_COUNT);

        bench.samples[shape][round] = measure(shape, batch);
    }
}

static int
compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double
median(double *values, size_t count)
{
    qsort(values, count, sizeof(values[0]), compare);
    return values[count / 2];
}

static void
report(enum shape shape, size_t batch, size_t rounds)
{
    double redis_us[ROUNDS_MAX] = {0};
    double wall_us[ROUNDS_MAX] = {0};
    double redis_ratio[ROUNDS_MAX] = {0};
    double wall_ratio[ROUNDS_MAX] = {0};

    for (size_t i = 0; i < rounds; i++) {
        const struct sample *own = &bench.samples[shape][i];
        const struct sample *bare = &bench.samples[BARE][i];

        redis_us[i] = own->redis_us;
        wall_us[i] = own->wall_us;
        redis_ratio[i] = own->redis_us / bare->redis_us;
        wall_ratio[i] = own->wall_us / bare->wall_us;
    }
    (void)printf("%5zu  %-12s %8.1f us %5.2f x  %10.0f/s %5.2f x\n", batch,
        shape_names[shape], median(redis_us, rounds), median(redis_ratio, rounds),
        1e6 / median(wall_us, rounds), median(wall_ratio, rounds));
}

static void
open_all(void)
{
    char error[QUEUE_ERROR_SIZE] = "";
    const struct queue_options options = {.url = bench.url,
        .consumer = "bench",
        .partitions = 1,
        .dedupe_window_ms = 86400000,
        .claim_deadline_ms = 60000,
        .timeout_ms = 60000};

    redis_exchange_init(&bench.exchange);
    if (redis_init(&bench.redis, bench.url, error) != QUEUE_OK ||
        queue_open(&options, &bench.queue, error) != QUEUE_OK) {
        die("URL", error);
    }
    if (redis_connect(&bench.redis) != 0) {
        die("Redis", bench.redis.error);
    }
    if (!slice_to_text(redis_reply_text(run_texts("SCRIPT", "LOAD", bare_script)),
            bench.sha, sizeof(bench.sha))) {
        die("Redis", "gave no digest");
    }
    for (size_t i = 0; i < EVENTS; i++) {
        (void)snprintf(
            bench.keys[i], sizeof(bench.keys[i]), "task.completed/WT%032zx", i);
    }
    for (size_t i = 0; i < BODY_SIZE; i++) {
        bench.body[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[i * 7 % 36];
    }
}

int
main(int count, char **arguments)
{
    const int64_t asked = count > 2 ? strtol(arguments[2], NULL, 10) : ROUNDS_DEFAULT;
    const size_t rounds =
        asked > 0 && asked < ROUNDS_MAX ? (size_t)asked : ROUNDS_DEFAULT;

    if (count < 2) {
        die("usage", "queue_scripts URL [ROUNDS]; the Redis at URL is emptied");
    }
    bench.url = arguments[1];
    open_all();
    (void)printf("batch  shape        Redis CPU per event      events/s, time\n");
    for (size_t i = 0; i < LENGTH(batches); i++) {
        for (size_t round = 0; round < rounds; round++) {
            run_round(round, batches[i]);
        }
        for (unsigned shape = 0; shape < SHAPE_COUNT; shape++) {
            report((enum shape)shape, batches[i], rounds);
        }
    }
    (void)run_texts("FLUSHALL", NULL, NULL);
    queue_close(&bench.queue);
    redis_done(&bench.redis);
    redis_exchange_done(&bench.exchange);
    return 0;
}
