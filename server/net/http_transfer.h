/*
 * http_transfer.h - one exchange as libcurl sees it, for http_client only.
 */
#pragma once

#include "server/net/http_client.h"

enum {
    HTTP_TRANSFER_ERROR_SIZE = 256, /* CURL_ERROR_SIZE */
};

struct http_transfer {
    void *easy; /* libcurl's handle; its private pointer leads back here */
    void *headers;
    struct http_exchange *exchange;
    struct http_transfer *next; /* the client's list */
    struct http_transfer *previous;
    size_t body_offset;
    int64_t started_us;
    char error[HTTP_TRANSFER_ERROR_SIZE];
};

/* NULL when memory is out. Ownership: http_transfer_free(). */
struct http_transfer *http_transfer_new(struct http_exchange *exchange) MUST_USE;
void http_transfer_free(struct http_transfer *transfer);

/*
 * Fills in the exchange's result, status and error from libcurl's code (a CURLcode).
 *
 * Whether a request that failed was sent is decided by the bytes the kernel took, not by
 * guessing from error codes: none taken, nothing sent. As soon as a final status line is in,
 * the exchange is answered, whatever becomes of the rest of the body.
 */
void http_transfer_judge(struct http_transfer *transfer, int code);
