/*
 * seal.h - AES-256-GCM: bytes nobody can read or change without the key.
 */
#pragma once

#include "mapping/base.h"

enum {
    SEAL_KEY_SIZE = 32,
    SEAL_NONCE_SIZE = 12,
    SEAL_TAG_SIZE = 16,
    SEAL_SIZE_MAX = 64 * 1024 * 1024, /* of the bytes */
};

/* What makes one sealing differ from the next; the nonce is never used twice with one key. */
struct seal {
    unsigned char nonce[SEAL_NONCE_SIZE];
    unsigned char tag[SEAL_TAG_SIZE]; /* made by seal_close(), wanted by seal_open() */
};

enum seal_result {
    SEAL_OK = 0,
    SEAL_E_FORGED, /* other bytes, another key, or another `context` than were sealed */
};

/*
 * Both work in place, on `size` bytes; `context` is not sealed, but has to be the same again.
 * seal_close(): 0, -EFBIG or -ENOMEM. seal_open(): a seal_result, -EFBIG or -ENOMEM; what is
 * forged is left as rubbish.
 */
int seal_close(const unsigned char key[SEAL_KEY_SIZE], struct seal *seal,
    struct slice context, char *bytes, size_t size) MUST_USE;
int seal_open(const unsigned char key[SEAL_KEY_SIZE], const struct seal *seal,
    struct slice context, char *bytes, size_t size) MUST_USE;
