/*
 * session.c - a connection on which our scripts can be called.
 */
#include "queue/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "queue/cluster.h"
#include "queue/scripts.h"

static const struct script_source {
    const char *text;
    const char *sha;
} scripts[SCRIPT_COUNT] = {
    [SCRIPT_PUT] = {script_put_text, script_put_sha},
    [SCRIPT_CLAIM] = {script_claim_text, script_claim_sha},
    [SCRIPT_SETTLE] = {script_settle_text, script_settle_sha},
    [SCRIPT_EFFECTS] = {script_effects_text, script_effects_sha},
    [SCRIPT_FORGET] = {script_forget_text, script_forget_sha},
    [SCRIPT_STATS] = {script_stats_text, script_stats_sha},
    [SCRIPT_PARKED] = {script_parked_text, script_parked_sha},
    [SCRIPT_UNPARK] = {script_unpark_text, script_unpark_sha},
    [SCRIPT_WITNESS] = {script_witness_text, script_witness_sha},
    [SCRIPT_AUDIT] = {script_audit_text, script_audit_sha},
    [SCRIPT_PAUSE] = {script_pause_text, script_pause_sha},
    [SCRIPT_BUDGET] = {script_budget_text, script_budget_sha},
    [SCRIPT_FACTS] = {script_facts_text, script_facts_sha},
    [SCRIPT_TALLY] = {script_tally_text, script_tally_sha},
    [SCRIPT_TOLD] = {script_told_text, script_told_sha},
};

int
session_init(struct session *session, const struct queue_options *options,
    unsigned partition, char *ret_error)
{
    *session = (struct session){.partitions = options->partitions,
        .partition = partition,
        .timeout_us = options->timeout_ms * US_PER_MS};
    redis_exchange_init(&session->greeting);
    if (options->partitions < 1 || options->partitions > QUEUE_PARTITIONS_MAX) {
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "the partition count must be 1 to %d",
            QUEUE_PARTITIONS_MAX);
        return -EINVAL;
    }
    const int r = redis_init(&session->redis, options->url, ret_error);

    guide_init(&session->guide, &session->redis.url, cluster_slot(session->partition));
    return r;
}

void
session_done(struct session *session)
{
    redis_done(&session->redis);
    guide_done(&session->guide);
    redis_exchange_done(&session->greeting);
}

/* ---- greeting ---------------------------------------------------------------------------- */

static void
write_meta(const struct session *session, struct redis_exchange *exchange,
    const char *field, int64_t value)
{
    redis_command(exchange, 4);
    redis_argument_text(exchange, "HSETNX");
    session_argument_common(session, exchange, QUEUE_META, (struct slice){0});
    redis_argument_text(exchange, field);
    redis_argument_number(exchange, value);
}

void
session_probe(const struct session *session, struct redis_exchange *exchange)
{
    write_meta(session, exchange, "partitions", session->partitions);
    if (session->redis.url.is_cluster) { /* see guard.lua */
        redis_command(exchange, 2);
        redis_argument_text(exchange, "EXISTS");
        session_argument_key(exchange, session->partition, "", (struct slice){0});
    }
}

static void
write_login(const struct redis_url *url, struct redis_exchange *exchange)
{
    redis_command_login(exchange, &url->login);
    if (url->db != 0) {
        redis_command(exchange, 2);
        redis_argument_text(exchange, "SELECT");
        redis_argument_number(exchange, url->db);
    }
}

/* The last three replies are those of HSETNX, HSETNX and HGET; with Sentinel, before them ROLE. */
enum {
    REPLIES_META = 3,
};

/* A Sentinel that was away may name a master of old; a cluster's replica says MOVED by itself. */
static bool
asks_role(const struct session *session)
{
    return guide_is_used(&session->redis) && !session->redis.url.is_cluster;
}

static void
write_greeting(const struct session *session, struct redis_exchange *exchange)
{
    write_login(&session->redis.url, exchange);
    for (size_t i = 0; i < SCRIPT_COUNT; i++) {
        redis_command_texts(exchange,
            (const char *const[]){"SCRIPT", "LOAD", scripts[i].text, NULL, NULL, NULL});
    }
    if (asks_role(session)) {
        redis_command_texts(
            exchange, (const char *const[]){"ROLE", NULL, NULL, NULL, NULL, NULL});
    }
    /* HSETNX first and its answer ignored: over maxmemory it fails, and settling must go on. */
    write_meta(session, exchange, "schema", QUEUE_SCHEMA);
    write_meta(session, exchange, "partitions", session->partitions);
    redis_command(exchange, 3);
    redis_argument_text(exchange, "HGET");
    session_argument_common(session, exchange, QUEUE_META, (struct slice){0});
    redis_argument_text(exchange, "partitions");
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
        const struct slice why = redis_exchange_error(greeting);

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

static bool
is_replica(const struct session *session, const struct redis_exchange *greeting)
{
    const struct redisReply *role =
        greeting->replies[greeting->answered - REPLIES_META - 1];

    return asks_role(session) &&
           !slice_is(redis_reply_text(redis_reply_at(role, 0)), "master");
}

static void
note_master(struct session *session)
{
    char master[sizeof(session->master)];

    (void)snprintf(master, sizeof(master), "%.46s:%u", session->redis.url.host,
        session->redis.url.port);
    if (session->master[0] != '\0' && strcmp(master, session->master) != 0) {
        session->moves++;
    }
    memcpy(session->master, master, sizeof(master));
}

int
session_check_greeting(struct session *session)
{
    const struct redis_exchange *greeting = &session->greeting;
    const struct slice error = first_error(greeting, greeting->answered - REPLIES_META);
    int r = QUEUE_E_REFUSED;

    if (error.size > 0) {
        redis_set_error(&session->redis, error);
    } else if (is_replica(session, greeting)) {
        redis_set_error(&session->redis, slice_of("is a replica, not the master"));
    } else {
        r = check_meta(session, greeting);
    }
    session->greeted = r == QUEUE_OK;
    if (session->greeted && guide_is_used(&session->redis)) {
        note_master(session);
        guide_arrived(&session->guide);
    }
    session->writable = redis_exchange_error(greeting).size == 0;
    if (r != QUEUE_OK) {
        guide_hear(&session->guide, &session->redis, greeting);
        redis_disconnect(&session->redis);
    }
    return r;
}

/* ---- replies ----------------------------------------------------------------------------- */

/*
 * Redis waits for all it had written when the command before was run, whoever wrote it: so a copy
 * of an event that is there, but maybe not yet at the replicas, waits as well.
 */
void
session_add_wait(const struct session *session, struct redis_exchange *exchange)
{
    const unsigned replicas = session->redis.url.wait_replicas;

    if (replicas > 0) {
        redis_command(exchange, 3);
        redis_argument_text(exchange, "WAIT");
        redis_argument_number(exchange, replicas);
        redis_argument_number(exchange, session->timeout_us / US_PER_MS / 2);
        exchange->wait_replicas = replicas;
    }
}

struct slice
session_wait_error(const struct redis_exchange *exchange)
{
    const struct redisReply *wait =
        exchange->answered > 0 ? exchange->replies[exchange->answered - 1] : NULL;

    return exchange->wait_replicas == 0 ||
                   redis_reply_number(wait) >= exchange->wait_replicas
               ? (struct slice){0}
               : slice_of("too few replicas have it in time (see wait_replicas)");
}

int
session_check_replies(struct session *session, const struct redis_exchange *exchange)
{
    struct slice error = redis_exchange_error(exchange);

    if (error.size == 0) {
        error = session_wait_error(exchange);
    }
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
session_argument_common(const struct session *session, struct redis_exchange *exchange,
    const char *kind, struct slice name)
{
    struct partition_name head = partition_name(session->partition, kind);

    if (!session->redis.url.is_cluster) {
        (void)snprintf(head.text, sizeof(head.text), "fb:%s", kind); /* fits */
    }
    redis_command_of(exchange, session->partition);
    redis_argument_joined(exchange, slice_of(head.text), name);
}

void
session_argument_key(struct redis_exchange *exchange, unsigned partition,
    const char *kind, struct slice name)
{
    const struct partition_name head = partition_name(partition, kind);

    redis_command_of(exchange, partition);
    redis_argument_joined(exchange, slice_of(head.text), name);
}
