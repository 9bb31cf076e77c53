/*
 * http_request.c - the part of the HTTP server that does without the library: what a handler may
 * ask of a request, and whom the server waits for.
 */
#include "server/net/http_request.h"

#include <string.h>

#include "server/ops/clock.h"

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
    return http_head_value(&request->head, name);
}

struct slice
http_header_value_at(const struct http_request *request, const char *name, size_t index)
{
    return http_head_value_at(&request->head, name, index);
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
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(peer);

    if (getpeername(request->fd, (struct sockaddr *)&peer, &size) < 0) {
        return false;
    }
    *ret_peer = peer;
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

void
request_cut_off(struct http_request *request)
{
    (void)shutdown(request->fd, SHUT_RDWR);
    patience_end(&request->waiting);
}

void
request_cut_off_late(struct patience *patience)
{
    const int64_t now_us = clock_monotonic_us();

    while (patience_left_us(patience, now_us) <= 0) {
        request_cut_off(patience_first(patience)->owner);
    }
}

uint16_t
http_server_port(const struct http_server *server)
{
    return server->listener.port;
}

size_t
http_server_active(const struct http_server *server)
{
    return server->active;
}
