/*
 * session.c - a connection on which our scripts can be called.
 */
#include "queue/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "queue/scripts.h"

static const struct script_source {
    const char *text;
    const char *sha;
} scripts[SCRIPT_COUNT] = {
    [SCRIPT_PUT] = {script_put_text, script_put_sha},
    [SCRIPT_CLAIM] = {script_claim_text, script_claim_sha},
    [SCRIPT_SETTLE] = {script_settle_text, script_settle_sha},
    [SCRIPT_EFFECTS] = {script_effects_text, script_effects_sha},
    [SCRIPT_STATS] = {script_stats_text, script_stats_sha},
    [SCRIPT_PARKED] = {script_parked_text, script_parked_sha},
    [SCRIPT_UNPARK] = {script_unpark_text, script_unpark_sha},
    [SCRIPT_PAUSE] = {script_pause_text, script_pause_sha},
};

static const char meta_key[] = "fb:meta";

int
session_init(
    struct session *session, const struct queue_options *options, char *ret_error)
{
    *session = (struct session){
        .partitions = options->partitions, .timeout_us = options->timeout_ms * US_PER_MS};
    redis_exchange_init(&session->greeting);
    if (options->partitions < 1 || options->partitions > QUEUE_PARTITIONS_MAX) {
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "the partition count must be 1 to %d",
            QUEUE_PARTITIONS_MAX);
        return -EINVAL;
    }
    return redis_init(&session->redis, options->url, ret_error);
}

void
session_done(struct session *session)
{
    redis_done(&session->redis);
    redis_exchange_done(&session->greeting);
}

/* ---- greeting ---------------------------------------------------------------------------- */

/* HSETNX first and its answer ignored: over maxmemory it fails, and settling must go on. */
void
session_probe(const struct session *session, struct redis_exchange *exchange)
{
    redis_command(exchange, 4);
    redis_argument_text(exchange, "HSETNX");
    redis_argument_text(exchange, meta_key);
    redis_argument_text(exchange, "partitions");
    redis_argument_number(exchange, session->partitions);
}

static void
write_login(const struct redis_url *url, struct redis_exchange *exchange)
{
    const char *const named[] = {"AUTH", url->user, url->password, NULL, NULL, NULL};
    const char *const plain[] = {"AUTH", url->password, NULL, NULL, NULL, NULL};

    if (url->password[0] != '\0') {
        redis_command_texts(exchange, url->user[0] != '\0' ? named : plain);
    }
    if (url->db != 0) {
        redis_command(exchange, 2);
        redis_argument_text(exchange, "SELECT");
        redis_argument_number(exchange, url->db);
    }
}

/* The last three replies are those of HSETNX, HSETNX and HGET. */
enum {
    REPLIES_META = 3,
};

static void
write_greeting(const struct session *session, struct redis_exchange *exchange)
{
    const char *const get[] = {"HGET", meta_key, "partitions", NULL, NULL, NULL};

    write_login(&session->redis.url, exchange);
    for (size_t i = 0; i < SCRIPT_COUNT; i++) {
        redis_command_texts(exchange,
            (const char *const[]){"SCRIPT", "LOAD", scripts[i].text, NULL, NULL, NULL});
    }
    redis_command(exchange, 4);
    redis_argument_text(exchange, "HSETNX");
    redis_argument_text(exchange, meta_key);
    redis_argument_text(exchange, "schema");
    redis_argument_number(exchange, QUEUE_SCHEMA);
    session_probe(session, exchange);
    redis_command_texts(exchange, get);
}

void
session_begin_greeting(struct session *session)
{
    struct redis_exchange *greeting = &session->greeting;

    session->greeted = false;
    redis_exchange_clear(greeting);
    write_greeting(session, greeting);
    redis_begin(&session->redis, greeting);
}

/* The first error of replies [0, count), or absent. */
static struct slice
first_error(const struct redis_exchange *exchange, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct slice error = redis_reply_error(exchange->replies[i]);

        if (error.size > 0) {
            return error;
        }
    }
    return (struct slice){0};
}

static int
check_meta(struct session *session, const struct redis_exchange *greeting)
{
    const struct redisReply *get = greeting->replies[greeting->answered - 1];
    const int64_t partitions = redis_reply_number(get);

    if (partitions == session->partitions) {
        return QUEUE_OK;
    }
    if (partitions ==
        0) { /* not there and not to be written: one of the three says why */
        const struct slice why = first_error(greeting, greeting->answered);

        redis_set_error(
            &session->redis, why.size > 0 ? why : slice_of("fb:meta is broken"));
        return QUEUE_E_REFUSED;
    }
    char text[QUEUE_ERROR_SIZE];

    (void)snprintf(text, sizeof(text), "was set up with %lld partitions, not %u",
        (long long)partitions, session->partitions);
    redis_set_error(&session->redis, slice_of(text));
    return QUEUE_E_PARTITIONS;
}

int
session_check_greeting(struct session *session)
{
    const struct redis_exchange *greeting = &session->greeting;
    const struct slice error = first_error(greeting, greeting->answered - REPLIES_META);
    int r = QUEUE_E_REFUSED;

    if (error.size > 0) {
        redis_set_error(&session->redis, error);
    } else {
        r = check_meta(session, greeting);
    }
    session->greeted = r == QUEUE_OK;
    session->writable = first_error(greeting, greeting->answered).size == 0;
    if (r != QUEUE_OK) {
        redis_disconnect(&session->redis);
    }
    return r;
}

/* ---- calls ------------------------------------------------------------------------------- */

static int
greet(struct session *session, int64_t deadline_us)
{
    session_begin_greeting(session);
    const int r = redis_finish(&session->redis, deadline_us);

    return r != 0 ? r : session_check_greeting(session);
}

/* A connection that has died since the last call is replaced without a word. */
static int
make_ready(struct session *session, int64_t deadline_us)
{
    struct redis *redis = &session->redis;

    if (session->greeted && redis_is_connected(redis) && redis_advance(redis) == 0) {
        return QUEUE_OK;
    }
    const int r = redis_connect(redis);

    return r != 0 ? r : greet(session, deadline_us);
}

static int
run(struct session *session, struct redis_exchange *exchange, int64_t deadline_us)
{
    redis_begin(&session->redis, exchange);
    return redis_finish(&session->redis, deadline_us);
}

int
session_call(struct session *session, struct redis_exchange *exchange)
{
    const int64_t deadline_us = redis_now_us() + session->timeout_us;

    if (exchange->bytes.failed) {
        redis_set_error(
            &session->redis, slice_of("out of memory, or over 64 MiB to send"));
        return -ENOMEM;
    }
    int r = make_ready(session, deadline_us);

    if (r == QUEUE_OK) {
        r = run(session, exchange, deadline_us);
    }
    if (r == QUEUE_OK && session_scripts_missing(exchange)) {
        r = greet(session, deadline_us);
        if (r == QUEUE_OK) {
            r = run(session, exchange, deadline_us);
        }
    }
    return r;
}

bool
session_scripts_missing(const struct redis_exchange *exchange)
{
    for (size_t i = 0; i < exchange->answered; i++) {
        if (!slice_starts(redis_reply_error(exchange->replies[i]), "NOSCRIPT")) {
            return false;
        }
    }
    return exchange->answered > 0;
}

int
session_check_replies(struct session *session, const struct redis_exchange *exchange)
{
    const struct slice error = first_error(exchange, exchange->answered);

    if (error.size == 0) {
        return QUEUE_OK;
    }
    redis_set_error(&session->redis, error);
    return QUEUE_E_REFUSED;
}

void
session_command(
    struct redis_exchange *exchange, enum script script, size_t keys, size_t arguments)
{
    redis_command(exchange, 3 + keys + arguments);
    redis_argument_text(exchange, "EVALSHA");
    redis_argument_text(exchange, scripts[script].sha);
    redis_argument_number(exchange, (int64_t)keys);
}

/* ---- key names --------------------------------------------------------------------------- */

struct partition_name
partition_name(unsigned partition, const char *kind)
{
    struct partition_name name = {0};

    (void)snprintf(
        name.text, sizeof(name.text), "fb:{%u}:%s", partition, kind); /* fits */
    return name;
}

void
session_argument_key(struct redis_exchange *exchange, unsigned partition,
    const char *kind, struct slice name)
{
    const struct partition_name head = partition_name(partition, kind);

    redis_argument_joined(exchange, slice_of(head.text), name);
}
