/*
 * http.c - the HTTP server: libmicrohttpd behind a few functions.
 *
 * libmicrohttpd calls on_request() several times for one request: when its headers are there,
 * for each piece of the body, when it is complete, and once more after it was suspended and
 * resumed. The request's state tells these apart. The library's own timeout is for silence only,
 * and costs a look at the clock for every read; ours bound the whole of each wait.
 */
#include "server/net/http.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "server/net/http_request.h"
#include "server/ops/clock.h"

enum {
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
request_wait(struct http_request *request, enum waiting line, int64_t now_us)
{
    if (!request->is_cut_off) {
        patience_start(&request->server->lines[line], &request->waiting, now_us);
    }
}

static enum MHD_Result
on_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    http_head_add(context, name, value);
    return MHD_YES;
}

static void
request_read_head(struct http_request *request, const char *method, const char *version)
{
    struct http_head *head = &request->head;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    head->target = buffer_slice(&request->target);
    http_head_begin(head, method, request->raw_target, version);
    (void)MHD_get_connection_values(
        request->connection, MHD_HEADER_KIND, on_header, head);
    http_head_end(head, info != NULL ? info->header_size : 0);
    request->is_last = http_head_is_chunked(head);
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

static void
request_tell_refused(const struct http_request *request, const struct http_error *why)
{
    const struct http_server_options *options = &request->server->options;

    if (options->refused != NULL) {
        options->refused(options->context, buffer_slice(&request->target), why);
    }
}

static enum MHD_Result
request_refuse(struct http_request *request, const struct http_fault *fault)
{
    const struct http_error error = {.code = fault->code, .message = fault->message};

    request_tell_refused(request, &error);
    request->is_last = true;
    http_reply_error(request, fault->status, &error, NULL, 0);
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
    request->server->moved = true;
    if (request->state == REQUEST_STARTED) {
        struct http_fault fault;

        request->state = REQUEST_RECEIVING;
        request_read_head(request, method, version);
        if (!http_head_judge(&request->head, &fault)) {
            return request_refuse(request, &fault);
        }
        upload_begin(&request->upload, &request->server->budget,
            http_head_body_size(&request->head));
        /* An answer now ends the connection without its body; during the body there is none. */
        return upload_is_endless(&request->upload) ? request_handle(request) : MHD_YES;
    }
    if (*data_size > 0) {
        http_make_room(request, *data_size);
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
    request->state = REQUEST_STARTED;
    request->server->moved = true;
    request->server->active++;
    request_wait(request, WAITING_RECEIVING, request->server->now_us);
    request->raw_target = target;
    buffer_clear(&request->target);
    buffer_add_text(&request->target, target);
    return request;
}

/* Neither we nor the client ended it: the library refused it by itself, or we its endless body. */
static bool
is_refused_unheard(
    const struct http_request *request, enum MHD_RequestTerminationCode code)
{
    return code == MHD_REQUEST_TERMINATED_WITH_ERROR && !request->is_cut_off &&
           (request->state == REQUEST_STARTED || request->state == REQUEST_RECEIVING);
}

/* Gives back what the request holds; the connection may have another. */
static void
end_request(struct http_request *request)
{
    if (request->response != NULL && request->owns_response) {
        MHD_destroy_response(request->response);
    }
    request->response = NULL;
    upload_done(&request->upload);
    request->raw_target = NULL;
    request->state = REQUEST_IDLE;
    request->server->moved = true;
    request->server->active--;
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **request_context,
    enum MHD_RequestTerminationCode code)
{
    static const struct http_error refusal = {.code = "bad_framing",
        .message = "the headers are over 10 KB, the body does not end, or a length or "
                   "chunk is malformed; look at the proxy"};
    struct http_request *request = request_of(connection);

    (void)context;
    (void)request_context;
    if (request == NULL || request->state == REQUEST_IDLE) {
        return;
    }
    if (is_refused_unheard(request, code)) {
        request_tell_refused(request, &refusal);
    }
    end_request(request);
    request_wait(request, WAITING_IDLE, request->server->now_us);
}

static void
count_connection(struct http_server *server, int change)
{
    server->moved = true;
    server->connections += (size_t)change;
    http_count(server->open_gauge, change);
}

static void
on_closed(struct http_server *server, struct http_request *request)
{
    count_connection(server, -1);
    if (request != NULL) {
        /* 0.9.75 does not say so of a target whose arguments have filled its memory. */
        if (request->state != REQUEST_IDLE) {
            end_request(request);
        }
        server->doomed -= request->is_cut_off ? 1 : 0;
        patience_end(&request->waiting);
        buffer_done(&request->target);
        free(request);
    }
}

static void
on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        on_closed(server, *socket_context);
        return;
    }
    struct http_request *request = calloc(1, sizeof(*request));

    count_connection(server, 1);
    *socket_context = request; /* NULL: on_request() hangs up */
    if (request != NULL) {
        request->server = server;
        request->connection = connection;
        request->fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                ->connect_fd;
        request->peer = *server->adopted;
        request->waiting.owner = request;
        buffer_init(&request->target, HTTP_HEADERS_SIZE);
        request_wait(request, WAITING_NEW, server->now_us);
    }
}

void
http_adopt(struct http_server *server, int fd, const struct sockaddr_storage *peer,
    socklen_t size)
{
    server->adopted = peer;
    (void)MHD_add_connection(
        server->daemon, fd, (const struct sockaddr *)peer, size); /* or has closed it */
    server->adopted = NULL;
}

/* ---- the library ------------------------------------------------------------------------- */

/*
 * The memory limit is the size of a pool that the library fills with zeros after every request:
 * measured, 32 KB (its default) cost a quarter of the throughput of 8 KB. A Flex user's token is a
 * header of 6 KB, a header costs some 64 bytes beside its text, and the answer's headers must fit
 * in as well: 10 KB take 7 KB in 40 headers or 9.5 KB in five.
 */
int
http_library_start(struct http_server *server)
{
    struct epoll_event event = {.events = EPOLLIN};

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL,
        NULL, on_request, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HTTP_HEADERS_SIZE, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)UINT16_MAX, /* ours is kept in http_accept.c */
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_END);
    if (server->daemon == NULL) {
        return -ENOMEM;
    }
    const int fd =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;

    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

bool
http_library_is_busy(const struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG left_ms = 0; /* no timeouts are set: always 0 */

    return MHD_get_timeout(server->daemon, &left_ms) == MHD_YES;
}

void
http_library_run(struct http_server *server)
{
    (void)MHD_run(server->daemon); /* fails only for daemons with a thread of their own */
}

void
http_library_stop(struct http_server *server)
{
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}

/* ---- answers --------------------------------------------------------------------------- */

void
http_reply(struct http_request *request, unsigned status,
    const struct http_header *headers, size_t header_count, struct slice body)
{
    struct http_server *server = request->server;
    struct http_header closing[REPLY_HEADERS_MAX + 1] = {
        {MHD_HTTP_HEADER_CONNECTION, "close"}};

    assert(request->state != REQUEST_IDLE && request->state != REQUEST_REPLIED);
    assert(header_count <= REPLY_HEADERS_MAX);
    request->state = REQUEST_REPLIED;
    request->status = status;
    if (request->is_last || server->quiesced) {
        for (size_t i = 0; i < header_count; i++) {
            closing[i + 1] = headers[i];
        }
        headers = closing;
        header_count++;
    }
    request->response =
        response_shelf_get(&server->responses, headers, header_count, body);
    request->owns_response = request->response == NULL;
    if (request->owns_response) {
        request->response = response_make(headers, header_count, body);
    }
    request_wait(request, WAITING_REPLYING, clock_monotonic_us());
    if (request->suspended) {
        request->suspended = false;
        server->resumed = true;
        MHD_resume_connection(request->connection);
    }
}

const char *
http_server_version(void)
{
    return MHD_get_version();
}
