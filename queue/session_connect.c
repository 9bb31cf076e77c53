/*
 * session_connect.c - how a session finds its Redis, and when it leaves it.
 */
#include <errno.h>
#include <string.h>

#include "queue/session.h"

static int
begin_connection(struct session *session)
{
    const int r = redis_connect(&session->redis);

    if (r == 0) {
        session_begin_greeting(session);
    }
    return r;
}

int
session_begin(struct session *session, int64_t now_us)
{
    session->greeted = false;
    return sentinel_is_used(&session->redis)
               ? sentinel_begin(
                     &session->sentinel, &session->redis, &session->greeting, now_us)
               : begin_connection(session);
}

static int
advance_question(struct session *session, int64_t now_us)
{
    int r = redis_advance(&session->redis);

    if (r == -EAGAIN && now_us < session->sentinel.deadline_us) {
        return -EAGAIN;
    }
    if (r == -EAGAIN) {
        r = redis_expire(&session->redis);
    }
    if (r == 0) {
        r = sentinel_read(&session->sentinel, &session->redis, &session->greeting);
    }
    if (r == QUEUE_OK) {
        r = begin_connection(session);
    }
    return r == 0 ? -EAGAIN : r;
}

static int
advance_greeting(struct session *session)
{
    const int r = redis_advance(&session->redis);

    return r == 0 ? session_check_greeting(session) : r;
}

int
session_advance(struct session *session, int64_t now_us)
{
    int r = session->sentinel.is_asking ? advance_question(session, now_us)
                                        : advance_greeting(session);

    if (r == QUEUE_OK || r == -EAGAIN || !sentinel_is_used(&session->redis)) {
        return r;
    }
    r = sentinel_go_on(
        &session->sentinel, &session->redis, &session->greeting, now_us, r);
    return r == 0 ? -EAGAIN : r;
}

int64_t
session_wake_us(const struct session *session)
{
    return session->sentinel.is_asking ? session->sentinel.deadline_us : INT64_MAX;
}

/* What a Sentinel named may hang for ever: the next attempt asks another. */
int
session_expire(struct session *session)
{
    const int r = redis_expire(&session->redis);

    sentinel_pass(&session->sentinel, &session->redis);
    return r;
}

static bool
holds(struct slice text, const char *word)
{
    return text.size > 0 && memmem(text.data, text.size, word, strlen(word)) != NULL;
}

/*
 * READONLY: a replica by now. NOREPLICAS, where Sentinels can say more: cut off from its replicas,
 * one of which may be the master by now. A script's own error may stand before the word.
 */
bool
session_leave_demoted(struct session *session, const struct redis_exchange *exchange)
{
    const struct slice error = redis_exchange_error(exchange);

    if (!holds(error, "READONLY ") &&
        !(holds(error, "NOREPLICAS ") && sentinel_is_used(&session->redis))) {
        return false;
    }
    redis_set_error(&session->redis, error);
    redis_disconnect(&session->redis);
    return true;
}

bool
session_leave_replaced(struct session *session, int64_t now_us)
{
    if (!sentinel_is_used(&session->redis) ||
        !sentinel_names_another(&session->sentinel, &session->redis, now_us)) {
        return false;
    }
    redis_set_error(&session->redis, slice_of("a Sentinel names another master"));
    redis_disconnect(&session->redis);
    return true;
}
