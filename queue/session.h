/*
 * session.h - a connection on which our scripts can be called.
 *
 * Each new connection starts with a greeting: log in, choose the database, load the scripts,
 * note the partition count and check it. The same greeting is said again when Redis has
 * forgotten the scripts (SCRIPT FLUSH). With sentinel:// the master is asked for first, and the
 * greeting asks what greets us whether it is one. With cluster:// it is the node that has the slot
 * of our partition; when that moves, we follow.
 */
#pragma once

#include "queue/guide.h"

/* What is no partition's. See session_argument_common(). */
#define QUEUE_META "meta"     /* schema, partitions, id of the data set */
#define QUEUE_PAUSED "paused" /* see pause.lua */

enum script {
    SCRIPT_PUT,
    SCRIPT_CLAIM,
    SCRIPT_SETTLE,
    SCRIPT_EFFECTS,
    SCRIPT_FORGET,
    SCRIPT_STATS,
    SCRIPT_PARKED,
    SCRIPT_UNPARK,
    SCRIPT_WITNESS,
    SCRIPT_AUDIT,
    SCRIPT_PAUSE,
    SCRIPT_BUDGET,
    SCRIPT_FACTS,
    SCRIPT_TALLY,
    SCRIPT_TOLD,
    SCRIPT_COUNT
};

struct session {
    struct redis redis;
    struct guide guide;
    struct redis_exchange greeting; /* and the question to a guide before it */
    unsigned partitions;
    unsigned partition; /* of a cluster: whose node this is a connection to */
    int64_t timeout_us;
    char master[QUEUE_MASTER_SIZE]; /* which guides named, and greeted us last */
    int64_t moves;                  /* it was another than before; until they are told */
    bool greeted;
    int64_t rest_until_us; /* nobody was there: not asked again before */
    bool writable; /* Redis took the writes of the greeting (no OOM, MISCONF, READONLY) */
};

/*
 * QUEUE_OK, QUEUE_E_URL, or -EINVAL; text in ret_error (QUEUE_ERROR_SIZE). Does not connect.
 * `partition`: in a cluster, whose node it shall find; else 0.
 */
int session_init(struct session *session, const struct queue_options *options,
    unsigned partition, char *ret_error) MUST_USE;
void session_done(struct session *session);

/*
 * For event loops: begins to connect and greet, carried on by session_advance() when the
 * descriptor is ready or session_wake_us() has come. 0, -EIO or -ENOMEM.
 */
int session_begin(struct session *session, int64_t now_us) MUST_USE;
/* The same on a connection there is, when Redis has forgotten the scripts. */
void session_begin_greeting(struct session *session);
/* What was answered, for session_advance(): as that. */
int session_check_greeting(struct session *session) MUST_USE;
/*
 * QUEUE_OK: `greeted`; -EAGAIN: not yet, and the descriptor may be another one. Otherwise
 * disconnected: -errno or QUEUE_E_*.
 */
int session_advance(struct session *session, int64_t now_us) MUST_USE;
int64_t session_wake_us(const struct session *session); /* INT64_MAX: never by itself */
/* Closes, because something took too long. Returns -ETIMEDOUT. */
int session_expire(struct session *session);

/*
 * Runs an exchange, connecting first when need be, within the session's timeout. QUEUE_OK: every
 * reply is there, but each may still be an error. Else disconnected: -errno or QUEUE_E_*.
 */
int session_call(struct session *session, struct redis_exchange *exchange) MUST_USE;

struct session_call {
    struct session *session;
    struct redis_exchange *exchange;
    int status;       /* as session_call()'s */
    bool is_greeting; /* ours */
    bool is_resent;   /* ours */
};
/* As session_call(), several at once; they wait together, within the first one's timeout. */
void session_call_all(struct session_call *calls, size_t count);

/*
 * This Redis is not, or may soon not be, the one to write to: closes, so that the next connection
 * finds who is. What the exchange got for an answer counts.
 */
bool session_leave_demoted(
    struct session *session, const struct redis_exchange *exchange);

/* As session_leave_demoted(), because a Sentinel says that another is the master by now. */
bool session_leave_replaced(struct session *session, int64_t now_us);

/*
 * Redis has done nothing of the exchange, and can: it knows the scripts no more, or another node has
 * the slot by now. -EAGAIN: a greeting is under way, send the exchange again behind it. 0: the
 * answers count. Else disconnected, -errno.
 */
int session_begin_again(struct session *session, const struct redis_exchange *exchange,
    int64_t now_us) MUST_USE;
/*
 * With wait_replicas in the URL: what the exchange has written must have reached so many replicas
 * before its last reply comes. Nothing may be added behind it.
 */
void session_add_wait(const struct session *session, struct redis_exchange *exchange);
/* Why what was written does not count as stored; absent when it does. */
struct slice session_wait_error(const struct redis_exchange *exchange);
/*
 * QUEUE_OK, or QUEUE_E_REFUSED with the error kept when a reply of the exchange is an error or too
 * few replicas have what it wrote.
 */
int session_check_replies(
    struct session *session, const struct redis_exchange *exchange) MUST_USE;

/* "EVALSHA <script> <keys>": `keys` keys and `arguments` arguments must follow. */
void session_command(
    struct redis_exchange *exchange, enum script script, size_t keys, size_t arguments);

/* The write that changes nothing: refused exactly when a put would be (OOM, MISCONF, ...). */
void session_probe(const struct session *session, struct redis_exchange *exchange);

/* ---- key names --------------------------------------------------------------------------- */

enum {
    SESSION_NAME_SIZE = 32,
};

/* "fb:{3}:stream" and so on: every key of a partition carries its number as the hash tag. */
struct partition_name {
    char text[SESSION_NAME_SIZE];
};
struct partition_name partition_name(unsigned partition, const char *kind);

/*
 * "fb:<kind><name>": an argument naming what is no partition's. In a cluster it is kept with the
 * session's partition: "fb:{0}:<kind><name>".
 */
void session_argument_common(const struct session *session,
    struct redis_exchange *exchange, const char *kind, struct slice name);

/* "fb:{3}:<kind><name>": an argument naming one record, effect, link or body copy. */
void session_argument_key(struct redis_exchange *exchange, unsigned partition,
    const char *kind, struct slice name);
