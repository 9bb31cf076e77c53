/*
 * loader.c - sends prepared HTTP requests over kept connections and measures the answers.
 *
 *   loader ADDRESS FILE CONNECTIONS MILLISECONDS RATE [repeat]
 *
 * ADDRESS is a port of 127.0.0.1 or the path of a unix socket. FILE holds requests, each behind
 * its size (32 bits, little endian); they are sent in their order, each once, and the run ends
 * early when there are no more, unless `repeat` starts over.
 *
 * RATE 0: each connection sends its next request when the last is answered. Otherwise RATE
 * requests a second are due at fixed instants; one that finds no idle connection waits, and all
 * latencies count from the instant a request was due: a server that stalls is charged for
 * everyone it kept waiting. What is due by the end is still sent, and waited for GRACE_MS.
 *
 * Prints one line of JSON. Connections take turns.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/ingest/answer.h"
#include "tests/bench/ingest/histogram.h"
#include "tests/bench/ingest/request_file.h"

enum {
    CONNECTIONS_MAX = 10000,
    RATE_MAX = 1000000,
    DURATION_MAX_MS = 3600 * 1000,
    GRACE_MS = 5000,
    ANSWER_MAX = 4096,
    READY_MAX = 256,
    EXIT_USAGE = 64,
    EXIT_UNAVAILABLE = 69,
};

static const int64_t ns_per_us = 1000, ns_per_ms = 1000000, ns_per_s = 1000000000;

struct connection {
    int fd;
    bool is_busy;
    bool wants_write; /* the socket is full */
    int64_t due_ns;   /* what the latency counts from */
    struct slice out;
    char in[ANSWER_MAX];
    size_t in_size;
};

static struct {
    const char *address;
    size_t connection_count;
    int64_t duration_ns;
    int64_t rate;
} plan;

static struct {
    int epoll;
    struct connection *connections;
    uint32_t *idle; /* a ring, so that all take turns */
    size_t idle_first, idle_count;
    struct request_file requests;
    int64_t start_ns, end_ns;
    int64_t sent, errors, last_answer_ns;
    int64_t classes[ANSWER_CLASSES]; /* answers by the status's first digit */
    struct histogram latencies;
} load;

static _Noreturn void
die(int status, const char *what, const char *why)
{
    (void)fprintf(stderr, "loader: %s: %s\n", what, why);
    exit(status);
}

static int64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * ns_per_s + now.tv_nsec;
}

/* ---- connections --------------------------------------------------------------------------- */

static int
connect_to(const char *address)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET};
    int64_t port = 0;
    const bool is_local = address[0] == '/';
    const int on = 1;

    if (is_local
            ? !slice_to_text(slice_of(address), local.sun_path, sizeof(local.sun_path))
            : !slice_to_int64(slice_of(address), &port) || port > UINT16_MAX) {
        die(EXIT_USAGE, address, "neither a port nor a path");
    }
    inet.sin_port = htons((uint16_t)port);
    inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    const int fd = socket(is_local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int r = is_local ? connect(fd, (struct sockaddr *)&local, sizeof(local))
                           : connect(fd, (struct sockaddr *)&inet, sizeof(inet));

    if (r != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        die(EXIT_UNAVAILABLE, address, strerror(errno));
    }
    if (!is_local) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    return fd;
}

static void
watch(uint32_t number, int operation)
{
    const struct connection *connection = &load.connections[number];
    struct epoll_event event = {
        .events = EPOLLIN | (connection->wants_write ? (uint32_t)EPOLLOUT : 0),
        .data.u32 = number};

    if (epoll_ctl(load.epoll, operation, connection->fd, &event) != 0) {
        die(EXIT_UNAVAILABLE, "epoll", strerror(errno));
    }
}

static void
open_connection(uint32_t number)
{
    load.connections[number] = (struct connection){.fd = connect_to(plan.address)};
    watch(number, EPOLL_CTL_ADD);
}

static void
rest(uint32_t number)
{
    const size_t last = load.idle_first + load.idle_count++;

    load.connections[number].is_busy = false;
    load.idle[last % plan.connection_count] = number;
}

/* Ended by the server: an error when it owed an answer. */
static void
reopen(uint32_t number)
{
    const bool was_busy = load.connections[number].is_busy;

    (void)close(load.connections[number].fd);
    open_connection(number);
    if (was_busy) {
        load.errors++;
        rest(number);
    }
}

static void
write_out(uint32_t number)
{
    struct connection *connection = &load.connections[number];

    while (connection->out.size > 0) {
        const ssize_t written = send(
            connection->fd, connection->out.data, connection->out.size, MSG_NOSIGNAL);

        if (written < 0) {
            break; /* full: epoll tells when; broken: reading tells */
        }
        connection->out = slice_skip(connection->out, (size_t)written);
    }
    if (connection->wants_write != (connection->out.size > 0)) {
        connection->wants_write = !connection->wants_write;
        watch(number, EPOLL_CTL_MOD);
    }
}

static void
launch(int64_t due_ns)
{
    const uint32_t number = load.idle[load.idle_first];
    struct connection *connection = &load.connections[number];

    load.idle_first = (load.idle_first + 1) % plan.connection_count;
    load.idle_count--;
    load.sent++;
    connection->is_busy = true;
    connection->due_ns = due_ns;
    if (!request_file_next(&load.requests, &connection->out)) {
        die(EXIT_USAGE, "FILE", "a request is cut short");
    }
    write_out(number);
}

/* ---- answers ------------------------------------------------------------------------------- */

static void
take_answer(uint32_t number, const struct answer *answer)
{
    struct connection *connection = &load.connections[number];

    load.last_answer_ns = now_ns();
    histogram_add(
        &load.latencies, (load.last_answer_ns - connection->due_ns) / ns_per_us);
    load.classes[answer->class]++;
    connection->in_size = 0;
    rest(number);
    if (answer->closes) {
        reopen(number);
    }
}

static void
read_in(uint32_t number)
{
    struct connection *connection = &load.connections[number];
    struct answer answer;
    const ssize_t got = recv(connection->fd, connection->in + connection->in_size,
        ANSWER_MAX - connection->in_size, 0);

    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0 || !connection->is_busy) {
        reopen(number);
        return;
    }
    connection->in_size += (size_t)got;

    const enum answer_result result = answer_parse(
        (struct slice){.data = connection->in, .size = connection->in_size}, &answer);

    if (result == ANSWER_OK) {
        take_answer(number, &answer);
    } else if (result == ANSWER_BAD || connection->in_size == ANSWER_MAX) {
        reopen(number);
    }
}

/* ---- the run ------------------------------------------------------------------------------- */

static int64_t
due_ns_of(int64_t request) /* only with a rate */
{
    return load.start_ns + request * ns_per_s / plan.rate;
}

/* When the next request is due; INT64_MAX when none is. */
static int64_t
next_due_ns(int64_t time_ns)
{
    const int64_t due_ns = plan.rate > 0 ? due_ns_of(load.sent) : time_ns;

    return due_ns < load.end_ns && request_file_has_next(&load.requests) ? due_ns
                                                                         : INT64_MAX;
}

static void
wait_for_answers(int64_t until_ns)
{
    struct epoll_event ready[READY_MAX];
    const int64_t time_ns = now_ns(),
                  left_ns = until_ns > time_ns ? until_ns - time_ns : 0;
    const struct timespec patience = {
        .tv_sec = left_ns / ns_per_s, .tv_nsec = left_ns % ns_per_s};
    const int count = epoll_pwait2(load.epoll, ready, READY_MAX, &patience, NULL);

    for (int i = 0; i < count; i++) {
        const uint32_t number = ready[i].data.u32;

        if ((ready[i].events & EPOLLOUT) != 0) {
            write_out(number);
        }
        if ((ready[i].events & ~(uint32_t)EPOLLOUT) != 0) {
            read_in(number);
        }
    }
}

static void
run(void)
{
    const int64_t grace_ns = GRACE_MS * ns_per_ms;

    load.start_ns = now_ns();
    load.end_ns = load.start_ns + plan.duration_ns;
    for (;;) {
        int64_t time_ns = now_ns();
        int64_t due_ns = next_due_ns(time_ns);

        while (load.idle_count > 0 && due_ns <= time_ns) {
            launch(due_ns);
            due_ns = next_due_ns(time_ns);
        }
        const bool is_over =
            due_ns == INT64_MAX && load.idle_count == plan.connection_count;

        if (is_over || time_ns > load.end_ns + grace_ns) {
            return;
        }
        wait_for_answers(load.idle_count > 0 && due_ns < load.end_ns
                             ? due_ns
                             : load.end_ns + grace_ns);
    }
}

/* Who was not answered has waited at least until now; returns how many that are. */
static int64_t
charge_unanswered(void)
{
    const int64_t time_ns = now_ns();
    int64_t unanswered = 0;
    int64_t unsent = 0;

    for (size_t i = 0; i < plan.connection_count; i++) {
        const struct connection *connection = &load.connections[i];

        if (connection->is_busy) {
            unanswered++;
            histogram_add(&load.latencies, (time_ns - connection->due_ns) / ns_per_us);
        }
    }
    while (plan.rate > 0 && due_ns_of(load.sent + unsent) < load.end_ns) {
        const int64_t due_ns = due_ns_of(load.sent + unsent++);

        histogram_add(&load.latencies, (time_ns - due_ns) / ns_per_us);
    }
    return unanswered + unsent;
}

static void
print_result(void)
{
    const int64_t unanswered = charge_unanswered();
    const struct histogram *latencies = &load.latencies;

    (void)printf("{\"sent\": %jd, \"accepted\": %jd, \"refused\": %jd, \"errors\": %jd, "
                 "\"unanswered\": %jd, \"seconds\": %.6f, \"p50_us\": %jd, "
                 "\"p99_us\": %jd, \"p999_us\": %jd, \"max_us\": %jd}\n",
        (intmax_t)load.sent, (intmax_t)load.classes[2],
        (intmax_t)(load.classes[1] + load.classes[3] + load.classes[4] + load.classes[5]),
        (intmax_t)load.errors, (intmax_t)unanswered,
        (double)(load.last_answer_ns - load.start_ns) / (double)ns_per_s,
        (intmax_t)histogram_quantile(latencies, 500),
        (intmax_t)histogram_quantile(latencies, 990),
        (intmax_t)histogram_quantile(latencies, 999), (intmax_t)latencies->max_us);
}

static int64_t
number(const char *text, int64_t min, int64_t max)
{
    int64_t value = 0;

    if (!slice_to_int64(slice_of(text), &value) || value < min || value > max) {
        die(EXIT_USAGE, text, "not a number this takes");
    }
    return value;
}

int
main(int count, char **arguments)
{
    if (count < 6 || (count > 6 && strcmp(arguments[6], "repeat") != 0)) {
        die(EXIT_USAGE, "usage",
            "loader ADDRESS FILE CONNECTIONS MILLISECONDS RATE [repeat]");
    }
    plan.address = arguments[1];
    if (request_file_open(arguments[2], count > 6, &load.requests) != 0) {
        die(EXIT_UNAVAILABLE, arguments[2], "no requests");
    }
    plan.connection_count = (size_t)number(arguments[3], 1, CONNECTIONS_MAX);
    plan.duration_ns = number(arguments[4], 1, DURATION_MAX_MS) * ns_per_ms;
    plan.rate = number(arguments[5], 0, RATE_MAX);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.connections = calloc(plan.connection_count, sizeof(*load.connections));
    load.idle = calloc(plan.connection_count, sizeof(*load.idle));
    if (load.epoll < 0 || load.connections == NULL || load.idle == NULL) {
        die(EXIT_UNAVAILABLE, "start", strerror(errno));
    }
    for (uint32_t i = 0; i < plan.connection_count; i++) {
        open_connection(i);
        rest(i);
    }
    run();
    print_result();
    return 0;
}
