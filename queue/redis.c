/*
 * redis.c - one connection to Redis; the only home of hiredis.
 */
#include "queue/redis.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "queue/crash_point.h"

/* ---- exchange ---------------------------------------------------------------------------- */

void
redis_exchange_init(struct redis_exchange *exchange)
{
    *exchange = (struct redis_exchange){0};
    buffer_init(&exchange->bytes, REDIS_BYTES_MAX);
}

void
redis_exchange_clear(struct redis_exchange *exchange)
{
    for (size_t i = 0; i < exchange->answered; i++) {
        freeReplyObject(exchange->replies[i]);
    }
    exchange->answered = 0;
    exchange->count = 0;
    exchange->arguments_left = 0;
    exchange->wait_replicas = 0;
    if (exchange->bytes.capacity > REDIS_BYTES_KEPT) {
        buffer_done(&exchange->bytes);
    }
    buffer_clear(&exchange->bytes);
}

void
redis_exchange_done(struct redis_exchange *exchange)
{
    redis_exchange_clear(exchange);
    buffer_done(&exchange->bytes);
}

/* ---- replies ----------------------------------------------------------------------------- */

static bool
has_text(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

static struct slice
text_of(const struct redisReply *reply)
{
    return (struct slice){.data = reply->str, .size = reply->len};
}

struct slice
redis_reply_error(const struct redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ERROR ? text_of(reply)
                                                             : (struct slice){0};
}

struct slice
redis_reply_text(const struct redisReply *reply)
{
    return reply != NULL && has_text(reply) ? text_of(reply) : (struct slice){0};
}

int64_t
redis_reply_number(const struct redisReply *reply)
{
    int64_t number = 0;

    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
        return reply->integer;
    }
    return slice_to_int64(redis_reply_text(reply), &number) ? number : 0;
}

size_t
redis_reply_count(const struct redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

const struct redisReply *
redis_reply_at(const struct redisReply *reply, size_t index)
{
    return index < redis_reply_count(reply) ? reply->element[index] : NULL;
}

/* ---- connection -------------------------------------------------------------------------- */

int64_t
redis_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int
redis_init(struct redis *redis, const char *url, char *ret_error)
{
    *redis = (struct redis){0};
    return redis_url_parse(url, &redis->url, ret_error);
}

void
redis_done(struct redis *redis)
{
    redis_disconnect(redis);
    explicit_bzero(&redis->url, sizeof(redis->url));
}

void
redis_set_error(struct redis *redis, struct slice text)
{
    const struct redis_url *url = &redis->url;
    const int size = text.size < QUEUE_ERROR_SIZE ? (int)text.size : QUEUE_ERROR_SIZE;

    /* Cut when too long: it is for a person to read. */
    if (url->path[0] != '\0') {
        (void)snprintf(redis->error, sizeof(redis->error), "Redis at %.60s: %.*s",
            url->path, size, text.data);
    } else {
        (void)snprintf(redis->error, sizeof(redis->error), "Redis at %.60s:%u: %.*s",
            url->host, url->port, size, text.data);
    }
}

/* Closes with a reason; returns `status` for the caller to pass up. */
static int
give_up(struct redis *redis, int status, const char *why)
{
    redis_set_error(redis, slice_of(why));
    redis_disconnect(redis);
    return status;
}

static int
io_failed(struct redis *redis, int error)
{
    char text[QUEUE_ERROR_SIZE];

    return give_up(redis, -EIO, strerror_r(error, text, sizeof(text)));
}

/* After a send or receive that failed: 0 when the socket only was not ready. */
static int
try_later(struct redis *redis)
{
    return errno == EAGAIN || errno == EINTR ? 0 : io_failed(redis, errno);
}

int
redis_connect(struct redis *redis)
{
    const struct redis_url *url = &redis->url;

    redis_disconnect(redis);
    redis->context = url->path[0] != '\0' ? redisConnectUnixNonBlock(url->path)
                                          : redisConnectNonBlock(url->host, url->port);
    if (redis->context == NULL) {
        return give_up(redis, -ENOMEM, "out of memory");
    }
    if (redis->context->err != 0) {
        return give_up(redis, -EIO, redis->context->errstr);
    }
    if (fcntl(redis->context->fd, F_SETFD, FD_CLOEXEC) != 0) {
        return give_up(redis, -EIO, "cannot set close-on-exec");
    }
    redis->connecting = true;
    return 0;
}

/* By a reset. Else the kernel goes on sending what Redis has not got yet, for minutes. */
static void
abandon(const struct redis *redis)
{
    const struct linger at_once = {.l_onoff = 1};

    (void)setsockopt(
        redis->context->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void
redis_disconnect(struct redis *redis)
{
    if (redis->context != NULL) {
        if (redis->exchange != NULL) {
            abandon(redis);
        }
        redisFree(redis->context);
    }
    redis->context = NULL;
    redis->connecting = false;
    redis->exchange = NULL;
    redis->unsent = (struct slice){0};
}

bool
redis_is_connected(const struct redis *redis)
{
    return redis->context != NULL;
}

int
redis_fd(const struct redis *redis)
{
    return redis->context != NULL ? redis->context->fd : -1;
}

bool
redis_wants_write(const struct redis *redis)
{
    return redis->context != NULL && (redis->connecting || redis->unsent.size > 0);
}

void
redis_begin(struct redis *redis, struct redis_exchange *exchange)
{
    assert(redis->exchange == NULL && exchange->arguments_left == 0);
    for (size_t i = 0; i < exchange->answered; i++) { /* of an earlier attempt */
        freeReplyObject(exchange->replies[i]);
    }
    exchange->answered = 0;
    redis->exchange = exchange;
    redis->unsent = buffer_slice(&exchange->bytes);
}

/* Waits `wait_ms` (0: looks). What poll() saw, or 0. */
static short
wait_for(const struct redis *redis, short events, int wait_ms)
{
    struct pollfd ready = {.fd = redis->context->fd, .events = events};

    return poll(&ready, 1, wait_ms) > 0 ? ready.revents : 0; /* EINTR: nothing seen */
}

static int
check_connected(struct redis *redis)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (wait_for(redis, POLLOUT, 0) == 0) {
        return -EAGAIN;
    }
    if (getsockopt(redis->context->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
        error != 0) {
        return io_failed(redis, error != 0 ? error : errno);
    }
    redis->connecting = false;
    return 0;
}

static int
send_some(struct redis *redis)
{
    while (redis->unsent.size > 0) {
        const ssize_t sent = send(redis->context->fd, redis->unsent.data,
            redis->unsent.size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0) {
            return try_later(redis);
        }
        redis->unsent = slice_skip(redis->unsent, (size_t)sent);
    }
    return 0;
}

static int
take_replies(struct redis *redis)
{
    for (;;) {
        struct redis_exchange *exchange = redis->exchange;
        void *reply = NULL;

        if (redisReaderGetReply(redis->context->reader, &reply) != REDIS_OK) {
            return give_up(redis, -EIO, redis->context->reader->errstr);
        }
        if (reply == NULL) {
            return 0;
        }
        if (exchange == NULL || exchange->answered == exchange->count) {
            freeReplyObject(reply);
            return give_up(redis, -EIO, "a reply nobody asked for");
        }
        exchange->replies[exchange->answered++] = reply;
    }
}

/* Redis may have said why just before ("max number of clients reached"). */
static int
hung_up(struct redis *redis)
{
    const struct redis_exchange *exchange = redis->exchange;
    struct slice why = {0};

    if (exchange != NULL && exchange->answered > 0) {
        why = redis_reply_error(exchange->replies[exchange->answered - 1]);
    }
    redis_set_error(redis, why.size > 0 ? why : slice_of("closed the connection"));
    redis_disconnect(redis);
    return -EIO;
}

static int
receive_some(struct redis *redis)
{
    ssize_t size = 0;

    do {
        size = recv(
            redis->context->fd, redis->received, sizeof(redis->received), MSG_DONTWAIT);
        if (size == 0) {
            return hung_up(redis);
        }
        if (size < 0) {
            return try_later(redis);
        }
        if (redisReaderFeed(redis->context->reader, redis->received, (size_t)size) !=
            REDIS_OK) {
            return give_up(redis, -EIO, redis->context->reader->errstr);
        }
        const int r = take_replies(redis);

        if (r != 0) {
            return r;
        }
    } while ((size_t)size == sizeof(redis->received)); /* there may be more */
    return 0;
}

int
redis_advance(struct redis *redis)
{
    const bool was_unsent = redis->unsent.size > 0;
    int r = redis->connecting ? check_connected(redis) : 0;

    r = r == 0 ? send_some(redis) : r;
    if (r == 0 && was_unsent && redis->unsent.size == 0) {
        CRASH_POINT("redis_sent");
        return -EAGAIN; /* no answer is that fast: a look for it would be wasted */
    }
    if (r == 0) {
        r = receive_some(redis);
    }
    if (r != 0) {
        return r;
    }
    if (redis->exchange != NULL && redis->exchange->answered < redis->exchange->count) {
        return -EAGAIN;
    }
    CRASH_POINT("redis_answered");
    redis->exchange = NULL;
    return 0;
}

int
redis_expire(struct redis *redis)
{
    return give_up(redis, -ETIMEDOUT,
        redis->connecting ? "no connection in time" : "no answer in time");
}

void
redis_wait(const struct redis *redis, int64_t until_us)
{
    const int64_t left_us = until_us - redis_now_us();
    const short events = (short)(POLLIN | (redis_wants_write(redis) ? POLLOUT : 0));

    if (left_us > 0) { /* what it saw does not matter: redis_advance() looks for itself */
        (void)wait_for(redis, events, (int)((left_us + US_PER_MS - 1) / US_PER_MS));
    }
}

int
redis_finish(struct redis *redis, int64_t deadline_us)
{
    int r = 0;

    while ((r = redis_advance(redis)) == -EAGAIN) {
        if (redis_now_us() >= deadline_us) {
            return redis_expire(redis);
        }
        redis_wait(redis, deadline_us);
    }
    return r;
}
