/*
 * http_request.c - what a handler may ask of a request.
 */
#include "server/net/http_request.h"

#include <string.h>

enum {
    ERROR_BODY_MAX = 1024,
    ERROR_HEADERS_MAX = 16,
};

struct slice
http_method(const struct http_request *request)
{
    return request->head.method;
}

struct slice
http_target(const struct http_request *request)
{
    return request->head.target;
}

struct slice
http_path(const struct http_request *request)
{
    return slice_before(request->head.target, '?');
}

struct slice
http_header_value(const struct http_request *request, const char *name)
{
    return slice_trim(http_head_value(&request->head, name));
}

struct slice
http_header_value_at(const struct http_request *request, const char *name, size_t index)
{
    return slice_trim(http_head_value_at(&request->head, name, index));
}

size_t
http_header_count(const struct http_request *request, const char *name)
{
    return http_head_count(&request->head, name);
}

char *
http_body(struct http_request *request, size_t *ret_size)
{
    *ret_size = request->upload.size;
    return request->upload.data;
}

bool
http_body_refused(const struct http_request *request)
{
    return request->upload.too_large;
}

bool
http_body_no_room(const struct http_request *request)
{
    return request->upload.no_room;
}

bool
http_peer(const struct http_request *request, struct sockaddr_storage *ret_peer)
{
    if (request->peer.ss_family == AF_UNSPEC) {
        return false;
    }
    *ret_peer = request->peer;
    return true;
}

void
http_reply_error(struct http_request *request, unsigned status,
    const struct http_error *error, const struct http_header *headers,
    size_t header_count)
{
    struct http_header all[ERROR_HEADERS_MAX] = {{"Content-Type", "application/json"}};
    AUTO(buffer_done) struct buffer body = {.max = ERROR_BODY_MAX};
    size_t count = 1;

    for (size_t i = 0; i < header_count && count < LENGTH(all); i++) {
        all[count] = headers[i];
        count++;
    }
    buffer_addf(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", error->code,
        error->message);
    http_reply(request, status, all, count, buffer_slice(&body));
}
