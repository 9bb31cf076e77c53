/*
 * seal.c - AES-256-GCM: OpenSSL's home for sealing.
 */
#include "server/ingest/seal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

static void
free_cipher(EVP_CIPHER_CTX **cipher)
{
    EVP_CIPHER_CTX_free(*cipher); /* wipes the key */
}

/* Everything but the last step, which differs: making the tag, or comparing it. */
static bool
run(EVP_CIPHER_CTX *cipher, struct slice context, char *bytes, size_t size)
{
    unsigned char *data = (unsigned char *)bytes;
    int done = 0;

    return EVP_CipherUpdate(cipher, NULL, &done, (const unsigned char *)context.data,
               (int)context.size) == 1 &&
           (size == 0 || EVP_CipherUpdate(cipher, data, &done, data, (int)size) == 1);
}

int
seal_close(const unsigned char key[SEAL_KEY_SIZE], struct seal *seal,
    struct slice context, char *bytes, size_t size)
{
    AUTO(free_cipher) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    unsigned char rest[SEAL_TAG_SIZE]; /* a stream cipher has none */
    int rest_size = 0;

    if (size > SEAL_SIZE_MAX || context.size > SEAL_SIZE_MAX) {
        return -EFBIG;
    }
    if (cipher == NULL ||
        EVP_EncryptInit_ex2(cipher, EVP_aes_256_gcm(), key, seal->nonce, NULL) != 1 ||
        !run(cipher, context, bytes, size) ||
        EVP_EncryptFinal_ex(cipher, rest, &rest_size) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_SIZE, seal->tag) !=
            1) {
        return -ENOMEM;
    }
    return 0;
}

int
seal_open(const unsigned char key[SEAL_KEY_SIZE], const struct seal *seal,
    struct slice context, char *bytes, size_t size)
{
    AUTO(free_cipher) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    unsigned char tag[SEAL_TAG_SIZE];
    unsigned char rest[SEAL_TAG_SIZE];
    int rest_size = 0;

    if (size > SEAL_SIZE_MAX || context.size > SEAL_SIZE_MAX) {
        return -EFBIG;
    }
    memcpy(tag, seal->tag, sizeof(tag));
    if (cipher == NULL ||
        EVP_DecryptInit_ex2(cipher, EVP_aes_256_gcm(), key, seal->nonce, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_SIZE, tag) != 1 ||
        !run(cipher, context, bytes, size)) {
        return -ENOMEM;
    }
    return EVP_DecryptFinal_ex(cipher, rest, &rest_size) == 1 ? SEAL_OK : SEAL_E_FORGED;
}
