/*
 * sha256.c - OpenSSL's, in lower case digits.
 */
#include "server/ops/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum {
    SHA256_SIZE = 32,
};

bool
sha256_try_hex(struct slice bytes, char ret_hex[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[SHA256_SIZE];

    if (EVP_Digest(bytes.data, bytes.size, hash, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof(hash); i++) {
        ret_hex[2 * i] = digits[hash[i] >> 4];
        ret_hex[2 * i + 1] = digits[hash[i] & 0xf];
    }
    ret_hex[SHA256_HEX_SIZE - 1] = '\0';
    return true;
}

void
sha256_hex(struct slice bytes, char ret_hex[SHA256_HEX_SIZE])
{
    if (!sha256_try_hex(bytes, ret_hex)) {
        abort(); /* no memory for 200 bytes; a made-up hash would name the wrong record */
    }
}
