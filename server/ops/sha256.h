/*
 * sha256.h - SHA-256 as text: names of what is too long, or not to be read, itself.
 */
#pragma once

#include "mapping/base.h"

enum {
    SHA256_HEX_SIZE = 65, /* with the NUL */
};

/* Ends the program when memory is out; the other one says so. */
void sha256_hex(struct slice bytes, char ret_hex[SHA256_HEX_SIZE]);
bool sha256_try_hex(struct slice bytes, char ret_hex[SHA256_HEX_SIZE]) MUST_USE;
