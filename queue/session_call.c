/*
 * session_call.c - exchanges whose caller waits: one, or several with a node each.
 */
#include <errno.h>
#include <poll.h>
#include <sys/param.h>

#include "queue/session.h"

/* A connection that has died since the last call is replaced without a word. */
static bool
is_ready(struct session *session, int64_t now_us)
{
    return session->greeted && redis_is_connected(&session->redis) &&
           redis_advance(&session->redis) == 0 &&
           !session_leave_replaced(session, now_us);
}

static void
begin(struct session_call *call, int64_t now_us)
{
    struct session *session = call->session;

    call->is_greeting = false;
    call->is_resent = false;
    call->status = -EAGAIN;
    if (call->exchange->bytes.failed) {
        redis_set_error(
            &session->redis, slice_of("out of memory, or over 64 MiB to send"));
        call->status = -ENOMEM;
    } else if (is_ready(session, now_us)) {
        redis_begin(&session->redis, call->exchange);
    } else {
        const int r = session_begin(session, now_us);

        call->is_greeting = true;
        call->status = r != 0 ? r : -EAGAIN;
    }
}

static void
advance(struct session_call *call, int64_t now_us)
{
    struct session *session = call->session;
    int r = call->is_greeting ? session_advance(session, now_us)
                              : redis_advance(&session->redis);

    if (r == QUEUE_OK && call->is_greeting) {
        call->is_greeting = false;
        redis_begin(&session->redis, call->exchange);
        r = redis_advance(&session->redis);
    }
    if (r == QUEUE_OK && !call->is_resent) {
        r = session_begin_again(session, call->exchange, now_us);
        call->is_resent = call->is_greeting = r == -EAGAIN;
    }
    if (r == QUEUE_OK) {
        (void)session_leave_demoted(session, call->exchange); /* for the next call */
    }
    call->status = r;
}

/* Until one of those under way may go on, `until_us` at the longest. */
static void
wait_for_any(const struct session_call *calls, size_t count, int64_t until_us)
{
    struct pollfd fds[QUEUE_PARTITIONS_MAX];
    nfds_t waiting = 0;

    for (size_t i = 0; i < count; i++) {
        const struct redis *redis = &calls[i].session->redis;

        if (calls[i].status == -EAGAIN) {
            fds[waiting++] = (struct pollfd){.fd = redis_fd(redis),
                .events = (short)(POLLIN | (redis_wants_write(redis) ? POLLOUT : 0))};
            until_us = calls[i].is_greeting
                           ? MIN(until_us, session_wake_us(calls[i].session))
                           : until_us;
        }
    }
    const int64_t left_us = until_us - redis_now_us();

    if (left_us > 0) { /* what it saw does not matter: each looks for itself */
        (void)poll(fds, waiting, (int)((left_us + US_PER_MS - 1) / US_PER_MS));
    }
}

/* How many are under way. */
static size_t
advance_all(struct session_call *calls, size_t count, int64_t deadline_us)
{
    const int64_t now_us = redis_now_us();
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        if (calls[i].status == -EAGAIN) {
            advance(&calls[i], now_us);
        }
        if (calls[i].status == -EAGAIN && now_us >= deadline_us) {
            calls[i].status = session_expire(calls[i].session);
        }
        left += calls[i].status == -EAGAIN ? 1 : 0;
    }
    return left;
}

void
session_call_all(struct session_call *calls, size_t count)
{
    const int64_t now_us = redis_now_us();
    const int64_t deadline_us = now_us + calls[0].session->timeout_us;

    for (size_t i = 0; i < count; i++) {
        begin(&calls[i], now_us);
    }
    while (advance_all(calls, count, deadline_us) > 0) {
        wait_for_any(calls, count, deadline_us);
    }
}

int
session_call(struct session *session, struct redis_exchange *exchange)
{
    struct session_call call = {.session = session, .exchange = exchange};

    session_call_all(&call, 1);
    return call.status;
}
