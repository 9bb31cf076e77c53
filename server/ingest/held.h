/*
 * held.h - keeps requests whose well-formed signature matched nothing, until that is mended.
 *
 * A wrong token or URL in our configuration looks like this, and most callers call once. The exact
 * bytes are sealed and appended to a ring in the state directory, bounded in size and in pace: who
 * has no token of ours can fill it as well. See docs/decisions/0017.
 *
 * One ring per state directory, shared by all loops of one process; another process on the same
 * directory holds nothing meanwhile. Every file is opened anew for each request, so that deleting
 * one, the key above all, takes effect at once.
 */
#pragma once

#include "server/proof/forwarded.h"

enum {
    HELD_RING_MAX = 64 * 1024 * 1024,   /* both halves */
    HELD_BYTES_PER_S = 4 * 1024 * 1024, /* written at most, and a burst of two seconds */
    HELD_CHARGE_MIN = 1024,             /* what a short request counts, too */
};

struct held_request {
    int64_t time_ms; /* Unix */
    struct slice target;
    struct slice signature;
    struct slice content_type;
    struct forwarded forwarded; /* of a trusted proxy; else absent */
    struct slice body;
};

enum held_result {
    HELD_OK = 0,
    HELD_E_BUSY, /* too much at once, or another process has the ring */
};

struct held;

/*
 * Touches nothing yet: files are made with the first request. `directory` is borrowed, `max` is
 * for both halves of the ring. 0 or -ENOMEM.
 */
int held_open(const char *directory, size_t max, struct held **ret_held) MUST_USE;
void held_close(struct held **held);

/* Any thread. A held_result, or -errno; -EINVAL when held.key is damaged. */
int held_keep(struct held *held, const struct held_request *request) MUST_USE;
