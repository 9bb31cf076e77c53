/*
 * session.h - a connection on which our scripts can be called.
 *
 * Each new connection starts with a greeting: log in, choose the database, load the scripts,
 * note the partition count and check it. The same greeting is said again when Redis has
 * forgotten the scripts (SCRIPT FLUSH).
 */
#pragma once

#include "queue/redis.h"

enum script {
    SCRIPT_PUT,
    SCRIPT_CLAIM,
    SCRIPT_SETTLE,
    SCRIPT_EFFECTS,
    SCRIPT_STATS,
    SCRIPT_PARKED,
    SCRIPT_UNPARK,
    SCRIPT_PAUSE,
    SCRIPT_COUNT
};

struct session {
    struct redis redis;
    struct redis_exchange greeting;
    unsigned partitions;
    int64_t timeout_us;
    bool greeted;
    bool writable; /* Redis took the writes of the greeting (no OOM, MISCONF, READONLY) */
};

/* QUEUE_OK, QUEUE_E_URL, or -EINVAL; text in ret_error (QUEUE_ERROR_SIZE). Does not connect. */
int session_init(struct session *session, const struct queue_options *options,
    char *ret_error) MUST_USE;
void session_done(struct session *session);

/* For event loops: hands the greeting to the connection; redis_advance() carries it on. */
void session_begin_greeting(struct session *session);
/* What was answered. QUEUE_OK: `greeted`. Otherwise disconnected: QUEUE_E_*. */
int session_check_greeting(struct session *session) MUST_USE;

/*
 * Runs an exchange, connecting first when need be, within the session's timeout. QUEUE_OK: every
 * reply is there, but each may still be an error. Else disconnected: -errno or QUEUE_E_*.
 */
int session_call(struct session *session, struct redis_exchange *exchange) MUST_USE;

/* Every reply says that Redis does not know the script: greet and send the exchange again. */
bool session_scripts_missing(const struct redis_exchange *exchange);
/* QUEUE_OK, or QUEUE_E_REFUSED with the error kept when a reply of the exchange is an error. */
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

/* "fb:{3}:<kind><name>": an argument naming one record, effect, link or body copy. */
void session_argument_key(struct redis_exchange *exchange, unsigned partition,
    const char *kind, struct slice name);
