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

/* As session_begin(), knowing by a hint or by nobody where. */
static int
begin_where_sent(struct session *session, int64_t now_us)
{
    return !guide_is_used(&session->redis) ||
                   guide_takes_hint(&session->guide, &session->redis)
               ? begin_connection(session)
               : guide_begin(
                     &session->guide, &session->redis, &session->greeting, now_us);
}

int
session_begin(struct session *session, int64_t now_us)
{
    session->greeted = false;
    return begin_where_sent(session, now_us);
}

static int
advance_question(struct session *session, int64_t now_us)
{
    int r = redis_advance(&session->redis);

    if (r == -EAGAIN && now_us < session->guide.deadline_us) {
        return -EAGAIN;
    }
    if (r == -EAGAIN) {
        r = redis_expire(&session->redis);
    }
    if (r == 0) {
        r = guide_read(&session->guide, &session->redis, &session->greeting);
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
    int r = session->guide.is_asking ? advance_question(session, now_us)
                                     : advance_greeting(session);

    if (r == QUEUE_OK || r == -EAGAIN || !guide_is_used(&session->redis)) {
        return r;
    }
    r = guide_takes_hint(&session->guide, &session->redis)
            ? begin_connection(session)
            : guide_go_on(
                  &session->guide, &session->redis, &session->greeting, now_us, r);
    return r == 0 ? -EAGAIN : r;
}

int64_t
session_wake_us(const struct session *session)
{
    return session->guide.is_asking ? session->guide.deadline_us : INT64_MAX;
}

/* What a guide named may hang for ever: the next attempt asks another. */
int
session_expire(struct session *session)
{
    const int r = redis_expire(&session->redis);

    guide_pass(&session->guide, &session->redis);
    return r;
}

static bool
holds(struct slice text, const char *word)
{
    return text.size > 0 && memmem(text.data, text.size, word, strlen(word)) != NULL;
}

/*
 * READONLY: a replica by now. NOREPLICAS, where Sentinels can say more: cut off from its replicas,
 * one of which may be the master by now. A script's own error may stand before the word. MOVED:
 * another node has the slot. CLUSTERDOWN: this one is cut off from the others, or slots are missing.
 */
static bool
is_demoted(const struct session *session, struct slice error)
{
    const bool is_guided = guide_is_used(&session->redis);

    return holds(error, "READONLY ") || (holds(error, "NOREPLICAS ") && is_guided) ||
           (slice_starts(error, "MOVED ") && is_guided) ||
           (slice_starts(error, "CLUSTERDOWN ") && is_guided);
}

bool
session_leave_demoted(struct session *session, const struct redis_exchange *exchange)
{
    const struct slice error = redis_exchange_error(exchange);

    if (!is_demoted(session, error)) {
        return false;
    }
    redis_set_error(&session->redis, error);
    guide_hear(&session->guide, &session->redis, exchange);
    redis_disconnect(&session->redis);
    return true;
}

/* Of all replies but that to a WAIT, which knows no slot. */
static bool
all_say(const struct redis_exchange *exchange, const char *word)
{
    const size_t count = exchange->answered - (exchange->wait_replicas > 0 ? 1 : 0);

    for (size_t i = 0; i < count; i++) {
        if (!slice_starts(redis_reply_error(exchange->replies[i]), word)) {
            return false;
        }
    }
    return count > 0;
}

int
session_begin_again(
    struct session *session, const struct redis_exchange *exchange, int64_t now_us)
{
    int r = 0;

    if (all_say(exchange, "NOSCRIPT")) {
        session_begin_greeting(session);
        return -EAGAIN;
    }
    if (guide_is_used(&session->redis) && all_say(exchange, "MOVED ")) {
        (void)session_leave_demoted(session, exchange);
        r = session_begin(session, now_us);
        return r == 0 ? -EAGAIN : r;
    }
    return 0;
}

bool
session_leave_replaced(struct session *session, int64_t now_us)
{
    if (!guide_is_used(&session->redis) ||
        !guide_names_another(&session->guide, &session->redis, now_us)) {
        return false;
    }
    redis_set_error(&session->redis, slice_of("a Sentinel names another master"));
    redis_disconnect(&session->redis);
    return true;
}
