/*
 * http_transfer.c - sets up libcurl's handle for one exchange and reads its end.
 */
#include "server/net/http_transfer.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/net/http_answer.h"
#include "server/ops/clock.h"

enum {
    CONNECT_TIMEOUT_MS = 5000,
    LOW_SPEED_BYTES_PER_S = 1, /* for longer than LOW_SPEED_TIME_S: nobody is there */
    LOW_SPEED_TIME_S = 30,
    CONNECTION_AGE_MAX_S = 60, /* idle for longer: a middle box may have forgotten it */
    STATUS_FINAL_MIN = 200,
};

static_assert(HTTP_TRANSFER_ERROR_SIZE >= CURL_ERROR_SIZE, "libcurl writes that many");

static size_t
give_body(char *space, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    const struct slice rest = slice_skip(transfer->exchange->body, transfer->body_offset);
    const size_t room = size * count;
    const size_t given = rest.size < room ? rest.size : room;

    if (given > 0) {
        memcpy(space, rest.data, given);
    }
    transfer->body_offset += given;
    return given;
}

/* Refusing to go back is what keeps libcurl from sending a body a second time. */
static int
refuse_seek(void *context, curl_off_t offset, int origin)
{
    (void)context;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static size_t
take_line(const char *data, size_t size, size_t count, void *context)
{
    const struct http_transfer *transfer = context;

    http_answer_line(transfer->exchange, (struct slice){data, size * count});
    return size * count;
}

/* What does not fit is dropped: `answer.failed` tells. */
static size_t
take_body(const char *data, size_t size, size_t count, void *context)
{
    const struct http_transfer *transfer = context;

    buffer_add(&transfer->exchange->answer, data, size * count);
    return size * count;
}

static bool
add_header(struct http_transfer *transfer, const char *header)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, header);

    if (longer == NULL) {
        return false;
    }
    transfer->headers = longer;
    return true;
}

static bool
set_headers(struct http_transfer *transfer)
{
    const struct http_exchange *exchange = transfer->exchange;

    /* Without this libcurl may ask for "100 Continue" and wait a second for it. */
    if (!add_header(transfer, "Expect:")) {
        return false;
    }
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (!add_header(transfer, exchange->headers[i])) {
            return false;
        }
    }
    return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers) ==
           CURLE_OK;
}

static bool
set_user(CURL *easy, const struct http_exchange *exchange)
{
    return exchange->user == NULL ||
           (curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_USERNAME, exchange->user) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_PASSWORD, exchange->password) == CURLE_OK);
}

static bool
set_limits(CURL *easy, const struct http_exchange *exchange)
{
    const struct {
        CURLoption option;
        long value;
    } limits[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS},
        {CURLOPT_TIMEOUT_MS, (long)exchange->timeout_ms},
        {CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES_PER_S},
        {CURLOPT_LOW_SPEED_TIME, LOW_SPEED_TIME_S},
        {CURLOPT_MAXAGE_CONN, CONNECTION_AGE_MAX_S},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_IPRESOLVE,
            exchange->is_ipv4_only ? CURL_IPRESOLVE_V4 : CURL_IPRESOLVE_WHATEVER},
    };

    for (size_t i = 0; i < LENGTH(limits); i++) {
        if (curl_easy_setopt(easy, limits[i].option, limits[i].value) != CURLE_OK) {
            return false;
        }
    }
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
}

/* Never POSTFIELDS: a body libcurl holds itself it would also repeat by itself. */
static bool
set_body(struct http_transfer *transfer)
{
    const struct http_exchange *exchange = transfer->exchange;
    const curl_off_t size = (curl_off_t)exchange->body.size;
    CURL *easy = transfer->easy;

    if (strcmp(exchange->method, "GET") == 0) {
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, size) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_seek) == CURLE_OK;
}

static bool
set_ends(struct http_transfer *transfer)
{
    CURL *easy = transfer->easy;
    const char *agent = "flexbrevo/" FLEXBREVO_VERSION;

    return curl_easy_setopt(easy, CURLOPT_URL, transfer->exchange->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, agent) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_line) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
}

struct http_transfer *
http_transfer_new(struct http_exchange *exchange)
{
    struct http_transfer *transfer = calloc(1, sizeof(*transfer));

    if (transfer == NULL) {
        return NULL;
    }
    transfer->exchange = exchange;
    transfer->started_us = clock_monotonic_us();
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !set_limits(transfer->easy, exchange) ||
        !set_user(transfer->easy, exchange) || !set_headers(transfer) ||
        !set_body(transfer) || !set_ends(transfer)) {
        http_transfer_free(transfer);
        return NULL;
    }
    http_answer_forget(exchange);
    buffer_done(&exchange->answer);
    buffer_init(&exchange->answer,
        exchange->answer_max > 0 ? exchange->answer_max : HTTP_CLIENT_BODY_MAX);
    return transfer;
}

void
http_transfer_free(struct http_transfer *transfer)
{
    if (transfer != NULL) {
        curl_easy_cleanup(transfer->easy);
        curl_slist_free_all(transfer->headers);
        free(transfer);
    }
}

static enum http_exchange_result
result_of(const struct http_transfer *transfer, CURLcode code, long status)
{
    long sent = 0;

    if (status >= STATUS_FINAL_MIN) {
        return HTTP_ANSWERED;
    }
    if (curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent) != CURLE_OK) {
        return HTTP_UNKNOWN;
    }
    /* A rewind was asked for: an earlier connection has had the body. */
    return sent == 0 && code != CURLE_SEND_FAIL_REWIND ? HTTP_NOT_SENT : HTTP_UNKNOWN;
}

/* libcurl's own words, unless they might quote a password out of the URL. */
static const char *
error_of(const struct http_transfer *transfer, CURLcode code)
{
    if (code == CURLE_OK) {
        return "";
    }
    if (transfer->error[0] == '\0' || strchr(transfer->exchange->url, '@') != NULL) {
        return curl_easy_strerror(code);
    }
    return transfer->error;
}

void
http_transfer_judge(struct http_transfer *transfer, int code)
{
    struct http_exchange *exchange = transfer->exchange;
    long status = 0;

    if (curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) {
        status = 0;
    }
    exchange->result = result_of(transfer, (CURLcode)code, status);
    exchange->status = exchange->result == HTTP_ANSWERED ? status : 0;
    (void)snprintf(exchange->error, sizeof(exchange->error), "%.*s",
        HTTP_CLIENT_ERROR_SIZE - 1, error_of(transfer, (CURLcode)code));
}
