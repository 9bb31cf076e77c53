/*
 * held_file.h - how held requests lie on disk; for held.c and held_read.c.
 *
 *   held.key        32 random bytes
 *   held.lock       locked by the process that writes
 *   held.ring       entries, the newest last
 *   held.ring.old   those before; given up when held.ring is full and takes its place
 *
 *   entry   "fbh1", size (4), mark (1), 3 zero bytes, nonce (12), tag (16), sealed bytes (size)
 *   sealed  time (8), then target, signature, content type, what a trusted proxy forwarded (proto,
 *           host, port, line) and body, each after its size (4)
 *
 * Numbers are big-endian. The first eight bytes are the seal's context; the mark is not sealed, for
 * a release sets it in place.
 */
#pragma once

#include "server/ingest/held.h"
#include "server/ingest/seal.h"

#define HELD_KEY "held.key"
#define HELD_LOCK "held.lock"
#define HELD_RING "held.ring"
#define HELD_RING_OLD "held.ring.old"
#define HELD_MAGIC "fbh1"

enum {
    HELD_HEADER_SIZE = 40,
    HELD_CONTEXT_SIZE = 8,
    HELD_MARK_AT = 8,
    HELD_MARK = 'R',
    HELD_PATH_SIZE = 4096,
};

struct held_header {
    uint32_t size;
    bool released;
    struct seal seal;
};

void held_header_write(
    const struct held_header *header, char ret_bytes[HELD_HEADER_SIZE]);
/* False: no entry starts here, or `bytes` do not hold all of it. */
bool held_header_read(struct slice bytes, struct held_header *ret_header) MUST_USE;

void held_request_write(const struct held_request *request, struct buffer *bytes);
/* The slices point into `bytes`. */
bool held_request_read(struct slice bytes, struct held_request *ret_request) MUST_USE;

/* 0 or -ENAMETOOLONG. */
int held_path(
    const char *directory, const char *name, char ret_path[HELD_PATH_SIZE]) MUST_USE;
/* 0, -ENOENT, -EINVAL for a key that is none, or -errno. */
int held_key_read(const char *directory, unsigned char ret_key[SEAL_KEY_SIZE]) MUST_USE;
/* Makes a new one, durably; the caller holds the lock. 0 or -errno. */
int held_key_make(const char *directory, unsigned char ret_key[SEAL_KEY_SIZE]) MUST_USE;
