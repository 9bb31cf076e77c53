/*
 * upload.h - the body of one request while it arrives, in bounded memory.
 *
 * A body over `max` is counted and dropped, so that its sender can still be answered. One budget
 * bounds the memory of all uploads of a server. Memory follows what has arrived, by doubling:
 * announcing a large body reserves a fair share at most, and that with its first byte.
 */
#pragma once

#include "mapping/base.h"

enum {
    UPLOAD_FAIR_SHARE = 16 * 1024, /* each may take so much: any callback fits */
    UPLOAD_READ_AWAY_FACTOR = 2, /* of the limit: longer ones are not read to their end */
};

struct upload_budget {
    size_t body_max; /* of one upload */
    size_t total_max;
    size_t total; /* memory in use */
};

struct upload {
    struct upload_budget *budget;
    char *data; /* NUL-terminated; NULL while empty */
    size_t size;
    size_t capacity;
    size_t expected; /* SIZE_MAX: not announced */
    size_t received; /* dropped bytes too */
    bool too_large;
    bool no_room;
};

/* upload_done() releases it. `expected` is the announced size, or SIZE_MAX. */
void upload_begin(struct upload *upload, struct upload_budget *budget, size_t expected);
/* Would `size` more bytes find room in the budget? True where they need none. */
bool upload_has_room(const struct upload *upload, size_t size);
void upload_add(struct upload *upload, const char *data, size_t size);
/* Its memory goes back to the budget; what still comes finds no room. */
void upload_give_up(struct upload *upload);
/* So much more than allowed is announced or has come that it is not worth reading. */
bool upload_is_endless(const struct upload *upload);
void upload_done(struct upload *upload); /* zeroed ones and second calls are fine */
