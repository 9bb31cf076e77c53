/*
 * bare_microhttpd.c - the HTTP library alone: reads a POST, drops it, answers 204.
 *
 *   bare_microhttpd PORT
 *
 * What a server built on it could reach if it did nothing at all. One thread, epoll.
 */
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "mapping/base.h"

enum {
    CONNECTIONS_MAX = 4096,
    BACKLOG = 1024,
};

static enum MHD_Result
drop(void *response, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **ret_seen)
{
    static char seen;

    (void)url;
    (void)method;
    (void)version;
    (void)data;
    if (*ret_seen == NULL || *size > 0) {
        *ret_seen = &seen;
        *size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_NO_CONTENT, response);
}

int
main(int count, char **arguments)
{
    static char nothing[1];
    int64_t port = 0;
    int signal_number;
    sigset_t ends;

    if (count != 2 || !slice_to_int64(slice_of(arguments[1]), &port) || port < 1 ||
        port > UINT16_MAX) {
        (void)fprintf(stderr, "usage: bare_microhttpd PORT\n");
        return 64;
    }
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);

    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)port, NULL, NULL, drop,
            response, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
            MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG, MHD_OPTION_END);

    if (response == NULL || daemon == NULL) {
        (void)fprintf(
            stderr, "bare_microhttpd: port %jd: %s\n", (intmax_t)port, strerror(errno));
        return 69;
    }
    (void)sigwait(&ends, &signal_number);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(response);
    return 0;
}
