/*
 * http.c - the HTTP server: libmicrohttpd behind a few functions.
 *
 * libmicrohttpd calls on_request() several times for one request: when its headers are there,
 * for each piece of the body, when it is complete, and once more after it was suspended and
 * resumed. The request's state tells these apart. The library's own timeout is for
 * silence only; a peer that sends a byte now and then runs out of our patience here.
 */
#include "server/net/http.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>

#include "server/net/http_request.h"
#include "server/net/listener.h"
#include "server/ops/clock.h"

enum {
    IDLE_MS = HTTP_IDLE_S * MS_PER_S,
    REPLY_HEADERS_MAX = 16,
};

/* ---- one request ------------------------------------------------------------------------ */

static struct http_request *
request_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

static void
request_start(struct http_request *request)
{
    request->state = REQUEST_STARTED;
    request->server->active++;
    patience_start(&request->server->receiving, &request->waiting, clock_monotonic_us());
}

static enum MHD_Result
on_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct http_head *head = context;

    (void)kind;
    head->is_folded = head->is_folded || http_head_is_folded(name, value);
    http_head_add(head, slice_of(name), slice_of(value));
    return MHD_YES;
}

static void
request_read_head(struct http_request *request, const char *method, const char *version)
{
    struct http_head *head = &request->head;

    head->method = slice_of(method);
    head->target = buffer_slice(&request->target);
    head->version = slice_of(version);
    /* The library cuts the line in place: the version stands behind the target's NUL. */
    head->is_cut = request->raw_target == NULL ||
                   version != request->raw_target + request->target.size + 1;
    head->is_folded = false;
    head->count = 0;
    head->too_many = false;
    (void)MHD_get_connection_values(
        request->connection, MHD_HEADER_KIND, on_header, head);
}

static enum MHD_Result
request_answer(struct http_request *request)
{
    if (request->response == NULL) {
        return MHD_NO;
    }
    return MHD_queue_response(request->connection, request->status, request->response);
}

/*
 * Hands the request to the owner. Whoever resumes it runs in this thread, thus after the
 * suspension, although that comes after the handler has published the request.
 */
static enum MHD_Result
request_handle(struct http_request *request)
{
    patience_end(&request->waiting);
    request->state = REQUEST_HANDLED;
    request->server->options.handler(request->server->options.context, request);
    if (request->state == REQUEST_REPLIED) {
        return request_answer(request);
    }
    request->suspended = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

static enum MHD_Result
request_refuse(struct http_request *request, const char *fault)
{
    const struct http_error error = {.code = "bad_request", .message = fault};
    const struct http_header close = {MHD_HTTP_HEADER_CONNECTION, "close"};

    patience_end(&request->waiting);
    http_reply_error(request, MHD_HTTP_BAD_REQUEST, &error, &close, 1);
    return request_answer(request);
}

static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size): the parameters are the library's */
on_request(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_size,
    void **request_context)
{
    struct http_request *request = request_of(connection);

    (void)context;
    (void)url; /* decoded, and cut at a %00 */
    (void)request_context;
    if (request == NULL || request->target.failed) {
        return MHD_NO;
    }
    if (request->state == REQUEST_STARTED) {
        request->state = REQUEST_RECEIVING;
        request_read_head(request, method, version);
        const char *fault = http_head_judge(&request->head);

        if (fault != NULL) {
            return request_refuse(request, fault);
        }
        upload_begin(&request->upload, &request->server->budget,
            http_head_body_size(&request->head));
        /* An answer now ends the connection without its body; during the body there is none. */
        return upload_is_endless(&request->upload) ? request_handle(request) : MHD_YES;
    }
    if (*data_size > 0) {
        upload_add(&request->upload, data, *data_size);
        *data_size = 0; /* 0.9.75 goes wrong when a part is left */
        return upload_is_endless(&request->upload) ? MHD_NO : MHD_YES;
    }
    return request->state == REQUEST_RECEIVING ? request_handle(request)
                                               : request_answer(request);
}

/* The only place where the target is seen as it was on the wire. */
static void *
on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct http_request *request = request_of(connection);

    (void)context;
    if (request == NULL) {
        return NULL;
    }
    request_start(request);
    request->raw_target = target;
    buffer_clear(&request->target);
    buffer_add_text(&request->target, target);
    return request;
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **request_context,
    enum MHD_RequestTerminationCode code)
{
    struct http_request *request = request_of(connection);

    (void)context;
    (void)request_context;
    (void)code;
    if (request == NULL || request->state == REQUEST_IDLE) {
        return;
    }
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    request->response = NULL;
    upload_done(&request->upload);
    request->raw_target = NULL;
    request->state = REQUEST_IDLE;
    request->server->active--;
    patience_start(&request->server->idle, &request->waiting, clock_monotonic_us());
}

static void
on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    struct http_request *request = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (request != NULL) {
            patience_end(&request->waiting);
            buffer_done(&request->target);
            free(request);
        }
        return;
    }
    request = calloc(1, sizeof(*request));
    *socket_context = request; /* NULL: on_request() hangs up */
    if (request != NULL) {
        request->server = server;
        request->connection = connection;
        request->fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                ->connect_fd;
        request->waiting.owner = request;
        buffer_init(&request->target, HTTP_HEADERS_SIZE);
        patience_start(&server->idle, &request->waiting, clock_monotonic_us());
    }
}

/* ---- the server ------------------------------------------------------------------------- */

/*
 * The memory limit is the size of a pool that the library fills with zeros after every request:
 * measured, 32 KB (its default) cost a quarter of the throughput of 8 KB. A Flex user's token is a
 * header of 6 KB, a header costs some 64 bytes beside its text, and the answer's headers must fit
 * in as well: 10 KB take 7 KB in 40 headers or 9.5 KB in five.
 */
static struct MHD_Daemon *
start_daemon(struct http_server *server)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, server, MHD_OPTION_LISTEN_SOCKET, server->listener.fd,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEADERS_SIZE,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S, MHD_OPTION_URI_LOG_CALLBACK,
        on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
}

int
http_server_open(const struct http_server_options *options,
    struct http_server **ret_server, char *ret_error)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        (void)snprintf(ret_error, LISTENER_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    server->options = *options;
    server->budget.body_max = options->body_max;
    server->budget.total_max = HTTP_BODIES_MAX;
    patience_init(&server->idle, HTTP_IDLE_S + HTTP_REQUEST_DEADLINE_S);
    patience_init(&server->receiving, HTTP_REQUEST_DEADLINE_S);

    const int r = options->beside != NULL
                      ? listener_open_beside(
                            &options->beside->listener, &server->listener, ret_error)
                      : listener_open(options->listen, options->reuse_port,
                            &server->listener, ret_error);

    if (r < 0) {
        free(server);
        return r;
    }
    server->daemon = start_daemon(server);
    if (server->daemon == NULL) {
        (void)snprintf(ret_error, LISTENER_ERROR_SIZE,
            "out of memory or files: %.60s (raise the limits)", options->listen);
        listener_close(&server->listener);
        free(server);
        return -ENOMEM;
    }
    *ret_server = server;
    return 0;
}

int
http_server_fd(const struct http_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int
http_server_timeout_ms(const struct http_server *server)
{
    const int64_t now_us = clock_monotonic_us();
    const int64_t left_us = MIN(patience_left_us(&server->idle, now_us),
        patience_left_us(&server->receiving, now_us));
    MHD_UNSIGNED_LONG_LONG library_ms = 0;

    if (server->resumed) {
        return 0; /* without a thread of its own the library wakes nobody for these */
    }
    if (MHD_get_timeout(server->daemon, &library_ms) != MHD_YES) {
        if (left_us == INT64_MAX) {
            return -1;
        }
        library_ms = IDLE_MS;
    }
    const int64_t left_ms = left_us > 0 ? left_us / US_PER_MS + 1 : 0;

    return (int)MIN(MIN((int64_t)library_ms, left_ms), IDLE_MS);
}

void
http_server_run(struct http_server *server)
{
    server->resumed = false;
    (void)MHD_run(server->daemon); /* fails only for daemons with a thread of their own */
    request_cut_off_late(&server->idle);
    request_cut_off_late(&server->receiving);
}

/* Replies ask to close from now on, so that a connection ends with the request it is at. */
void
http_server_quiesce(struct http_server *server)
{
    if (server->quiesced) {
        return;
    }
    server->quiesced = true;
    (void)MHD_quiesce_daemon(server->daemon); /* the socket is ours again */
    listener_close(&server->listener);
    while (patience_first(&server->idle) != NULL) {
        request_cut_off(patience_first(&server->idle)->owner);
    }
}

void
http_server_close(struct http_server **server)
{
    if (*server == NULL) {
        return;
    }
    http_server_quiesce(*server);
    http_server_run(*server); /* resumed connections send their answers */
    MHD_stop_daemon((*server)->daemon);
    free(*server);
    *server = NULL;
}

/* ---- answers --------------------------------------------------------------------------- */

/* NULL when memory is out. */
static struct MHD_Response *
make_response(const struct http_header *headers, size_t count, struct slice body)
{
    char *copy = body.size > 0 ? slice_copy(body) : NULL;
    struct MHD_Response *response = NULL;

    if (body.size == 0 || copy != NULL) {
        response =
            MHD_create_response_from_buffer(body.size, copy, MHD_RESPMEM_MUST_FREE);
    }
    if (response == NULL) {
        free(copy);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (MHD_add_response_header(response, headers[i].name, headers[i].value) !=
            MHD_YES) {
            MHD_destroy_response(response);
            return NULL;
        }
    }
    return response;
}

void
http_reply(struct http_request *request, unsigned status,
    const struct http_header *headers, size_t header_count, struct slice body)
{
    struct http_header closing[REPLY_HEADERS_MAX + 1] = {
        {MHD_HTTP_HEADER_CONNECTION, "close"}};

    assert(request->state != REQUEST_IDLE && request->state != REQUEST_REPLIED);
    assert(header_count <= REPLY_HEADERS_MAX);
    request->state = REQUEST_REPLIED;
    request->status = status;
    if (request->server->quiesced) {
        for (size_t i = 0; i < header_count; i++) {
            closing[i + 1] = headers[i];
        }
        headers = closing;
        header_count++;
    }
    request->response = make_response(headers, header_count, body);
    if (request->suspended) {
        request->suspended = false;
        request->server->resumed = true;
        MHD_resume_connection(request->connection);
    }
}

const char *
http_server_version(void)
{
    return MHD_get_version();
}
