/*
 * redis.h - one connection to Redis; the only home of hiredis.
 *
 * Commands are written into an exchange, go out together, and their replies come back in order
 * into the same exchange. One exchange is under way at a time. The socket never blocks: an event
 * loop calls redis_advance() when redis_fd() is ready, everyone else redis_finish(), which waits
 * until a deadline. hiredis connects and parses; deadlines, writes and reads are ours, because
 * its timeouts count per read and its writes may raise SIGPIPE.
 *
 * After any failure the connection is closed and never used again. A reply that comes too late
 * therefore meets nobody, and a command that has not reached Redis by then never will.
 *
 * A host name is looked up by getaddrinfo(), which may block: use an address or a unix socket.
 * Sentinels (sentinel.h), and the masters they name, are given by address.
 */
#pragma once

#include "queue/redis_url.h"

enum {
    REDIS_COMMANDS_MAX = 256,           /* of one exchange */
    REDIS_BYTES_MAX = 64 * 1024 * 1024, /* of one exchange */
    REDIS_BYTES_KEPT = 2 * 1024 * 1024, /* a larger buffer is given back after use */
    REDIS_READ_SIZE = 16 * 1024,
};

struct redisContext; /* hiredis's own */
struct redisReply;

/* ---- exchange ---------------------------------------------------------------------------- */

struct redis_exchange {
    struct buffer bytes;   /* the commands, kept until cleared: they may be sent again */
    size_t arguments_left; /* of the command being written */
    size_t count;          /* commands */
    size_t answered;
    struct redisReply *replies[REDIS_COMMANDS_MAX];
    size_t begins[REDIS_COMMANDS_MAX];      /* of each command, in `bytes` */
    uint8_t partitions[REDIS_COMMANDS_MAX]; /* whose keys each command has; 0: or none */
    unsigned wait_replicas; /* the last command is a WAIT for so many; 0: it is none */
};

void redis_exchange_init(struct redis_exchange *exchange);
void redis_exchange_clear(struct redis_exchange *exchange);
void redis_exchange_done(struct redis_exchange *exchange);

/* Starts a command of `arguments` arguments, its name included; exactly so many must follow. */
void redis_command(struct redis_exchange *exchange, size_t arguments);
void redis_argument(struct redis_exchange *exchange, struct slice value);
void redis_argument_text(struct redis_exchange *exchange, const char *value);
void redis_argument_joined(
    struct redis_exchange *exchange, struct slice head, struct slice tail);
void redis_argument_number(struct redis_exchange *exchange, int64_t value);
/* The command being written has keys of this partition. */
void redis_command_of(struct redis_exchange *exchange, unsigned partition);
/* Adds a command of another exchange. */
void redis_command_copy(
    struct redis_exchange *exchange, const struct redis_exchange *from, size_t index);
/* A whole command of a few texts, NULL at the end of at most REDIS_TEXTS_MAX. */
enum {
    REDIS_TEXTS_MAX = 5,
};
void redis_command_texts(
    struct redis_exchange *exchange, const char *const texts[REDIS_TEXTS_MAX + 1]);

/* AUTH, or nothing when the login has no password. */
void redis_command_login(
    struct redis_exchange *exchange, const struct redis_login *login);

/* ---- replies: all accept NULL, which reads as absent, 0 and empty ------------------------- */

/* The text of an error reply; absent when it is none. */
struct slice redis_reply_error(const struct redisReply *reply);
/* The first error among the replies there are; absent when there is none. */
struct slice redis_exchange_error(const struct redis_exchange *exchange);
struct slice redis_reply_text(const struct redisReply *reply);
int64_t redis_reply_number(
    const struct redisReply *reply); /* a decimal text counts as one */
size_t redis_reply_count(const struct redisReply *reply); /* elements */
const struct redisReply *redis_reply_at(const struct redisReply *reply, size_t index);

/* ---- connection -------------------------------------------------------------------------- */

struct redis {
    struct redis_url url;
    struct redisContext *context; /* NULL: not connected */
    bool connecting;
    struct slice unsent;             /* of the exchange under way */
    struct redis_exchange *exchange; /* NULL: none under way */
    char error[QUEUE_ERROR_SIZE];    /* why the last call failed */
    char received[REDIS_READ_SIZE];
};

/* Reads the URL; does not connect. QUEUE_OK or QUEUE_E_URL. */
int redis_init(struct redis *redis, const char *url, char *ret_error) MUST_USE;
void redis_done(struct redis *redis);

/* Begins to connect. 0, -EIO or -ENOMEM. */
int redis_connect(struct redis *redis) MUST_USE;
void redis_disconnect(struct redis *redis);
bool redis_is_connected(const struct redis *redis); /* or connecting */
int redis_fd(const struct redis *redis);            /* -1: not connected */
bool redis_wants_write(const struct redis *redis);

/* The exchange must stay untouched until all replies are there or the connection is closed. */
void redis_begin(struct redis *redis, struct redis_exchange *exchange);
/*
 * Writes and reads what it can without waiting.
 * 0: every reply of the exchange is there (or none is under way, and the peer still is);
 * -EAGAIN: not yet; -EIO or -ENOMEM: disconnected.
 */
int redis_advance(struct redis *redis) MUST_USE;
/* As redis_advance(), but waits, until `deadline_us` at the longest: then -ETIMEDOUT. */
int redis_finish(struct redis *redis, int64_t deadline_us) MUST_USE;
/* Waits until redis_advance() may have something to do, `until_us` at the longest. */
void redis_wait(const struct redis *redis, int64_t until_us);
/* Closes, because an answer took too long. Returns -ETIMEDOUT. */
int redis_expire(struct redis *redis);

/* Keeps `text` as the error, behind the name of the peer. */
void redis_set_error(struct redis *redis, struct slice text);

int64_t redis_now_us(void); /* monotonic */
