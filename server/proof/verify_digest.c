/*
 * verify_digest.c - base64 and comparing secrets: what proofs are made of.
 */
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "server/proof/verify.h"

enum {
    BASE64_MAX = 8 * 1024, /* of a text to decode */
};

/*
 * The secret is read round and round, for as long as what was given is: so the time depends neither
 * on where they differ nor on the secret's length. Hashes would do as well, but need memory, and
 * without it there were no answer.
 */
bool
verify_equal(struct slice given, struct slice secret)
{
    volatile unsigned char difference = given.size != secret.size;
    size_t at = 0;

    if (given.size == 0 || secret.size == 0) {
        return false;
    }
    for (size_t i = 0; i < given.size; i++) {
        difference |= (unsigned char)(given.data[i] ^ secret.data[at]);
        at = (at + 1) & -(size_t)(at + 1 < secret.size); /* no branch: back to 0 */
    }
    return difference == 0;
}

bool
verify_base64(struct slice bytes, char *ret_text, size_t capacity)
{
    if (bytes.size > INT_MAX / 2 || (bytes.size + 2) / 3 * 4 + 1 > capacity) {
        return false;
    }
    (void)EVP_EncodeBlock((unsigned char *)ret_text, (const unsigned char *)bytes.data,
        (int)bytes.size); /* the length, which we know */
    return true;
}

/* OpenSSL decodes blanks, odd ends and more; what comes back the same was written by the book. */
bool
verify_base64_decode(
    struct slice text, char *ret_bytes, size_t capacity, size_t *ret_size)
{
    unsigned char bytes[BASE64_MAX / 4 * 3];
    char again[BASE64_MAX + 1];
    size_t size = text.size / 4 * 3;

    if (text.size == 0 || text.size % 4 != 0 || text.size > BASE64_MAX ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text.data, (int)text.size) < 0) {
        return false;
    }
    for (size_t i = text.size; i > text.size - 2 && text.data[i - 1] == '='; i--) {
        size--;
    }
    const struct slice decoded = {.data = (const char *)bytes, .size = size};

    if (size > capacity || !verify_base64(decoded, again, sizeof(again)) ||
        !slice_is(text, again)) {
        return false;
    }
    memcpy(ret_bytes, bytes, size);
    *ret_size = size;
    return true;
}

const char *
verify_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
