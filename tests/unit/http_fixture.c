/*
 * http_fixture.c - a server under test and its clients.
 */
#include "tests/unit/http_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/ops/clock.h"

enum {
    WAIT_US = 10 * 1000000,
    POLL_MS = 20,
};

/* ---- the server under test ---------------------------------------------------------------- */

static void
reply_with_view(struct http_request *request)
{
    AUTO(buffer_done) struct buffer text = {.max = ANSWER_MAX};
    const struct http_header headers[] = {{"Content-Type", "text/plain"}};
    size_t size = 0;
    const char *body = http_body(request, &size);
    unsigned sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum += (unsigned char)body[i];
    }
    buffer_add_slice(&text, http_method(request));
    buffer_add_text(&text, " ");
    buffer_add_slice(&text, http_target(request));
    buffer_add_text(&text, " path=");
    buffer_add_slice(&text, http_path(request));
    buffer_addf(&text, " size=%zu sum=%u refused=%d x=%zu:", size, sum,
        http_body_refused(request), http_header_count(request, "x-test"));
    buffer_add_slice(&text, http_header_value(request, "x-TEST"));
    buffer_add_text(&text, "\n");
    assert_false(text.failed);
    http_reply(request, 200, headers, LENGTH(headers), buffer_slice(&text));
}

void
handle(void *context, struct http_request *request)
{
    struct fixture *fixture = context;

    struct sockaddr_storage peer;

    fixture->handled++;
    fixture->peer_family = http_peer(request, &peer) ? peer.ss_family : -1;
    if (!fixture->reply_later) {
        reply_with_view(request);
        return;
    }
    assert_true(fixture->waiting_count < WAITING_MAX);
    fixture->waiting[fixture->waiting_count++] = request;
}

void
reply_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->waiting_count; i++) {
        reply_with_view(fixture->waiting[i]);
    }
    fixture->waiting_count = 0;
}

int
open_at(struct fixture *fixture, const char *listen, char error[ERROR_SIZE])
{
    const struct http_server_options options = {
        .listen = listen,
        .body_max = BODY_MAX,
        .handler = handle,
        .context = fixture,
    };

    return http_server_open(&options, &fixture->server, error);
}

int
server_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char error[ERROR_SIZE] = "";

    assert_non_null(fixture);
    if (open_at(fixture, "127.0.0.1:0", error) < 0) {
        fail_msg("%s", error);
    }
    *state = fixture;
    return 0;
}

int
server_teardown(void **state)
{
    struct fixture *fixture = *state;

    reply_all(fixture);
    http_server_close(&fixture->server);
    assert_null(fixture->server);
    free(fixture);
    return 0;
}

/* ---- clients ------------------------------------------------------------------------------ */

struct client *
client_of(int fd)
{
    struct client *client = calloc(1, sizeof(*client));

    assert_non_null(client);
    client->fd = fd;
    return client;
}

struct client *
client_open(const struct fixture *fixture)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(http_server_port(fixture->server)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return client_of(fd);
}

void
client_close(struct client **client)
{
    if (*client != NULL) {
        (void)close((*client)->fd);
        free(*client);
        *client = NULL;
    }
}

void
client_read(struct client *client)
{
    const ssize_t size = recv(client->fd, client->text + client->size,
        sizeof(client->text) - 1 - client->size, MSG_DONTWAIT);

    if (size > 0) {
        client->size += (size_t)size;
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        client->ended = true;
    }
}

bool
turn(struct fixture *fixture, struct client *client)
{
    struct pollfd fds[] = {
        {.fd = http_server_fd(fixture->server), .events = POLLIN},
        {.fd = client->ended ? -1 : client->fd, .events = POLLIN},
    };
    const int timeout_ms = http_server_timeout_ms(fixture->server);

    const int ready = poll(
        fds, LENGTH(fds), timeout_ms >= 0 && timeout_ms < POLL_MS ? timeout_ms : POLL_MS);

    http_server_run(fixture->server);
    if (!client->ended) {
        client_read(client);
    }
    return ready > 0;
}

static void
check_time(const struct client *client, int64_t deadline_us)
{
    if (clock_monotonic_us() > deadline_us) {
        fail_msg("nothing came of it; received so far: %s", client->text);
    }
}

void
pump(struct fixture *fixture, struct client *client, condition *holds, size_t n)
{
    const int64_t deadline_us = clock_monotonic_us() + WAIT_US;

    while (!holds(fixture, client, n)) {
        check_time(client, deadline_us);
        (void)turn(fixture, client);
    }
}

void
settle(struct fixture *fixture, struct client *client)
{
    for (int quiet = 0; quiet < 2;) {
        quiet = turn(fixture, client) ? 0 : quiet + 1;
    }
}

size_t
count_answers(const struct client *client)
{
    size_t count = 0;

    for (const char *at = client->text; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++) {
        count++;
    }
    return count;
}

/* Bodies of our handler end with the only line feed that no carriage return precedes. */
bool
has_answers(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)fixture;
    return count_answers(client) >= n && client->size > 1 &&
           client->text[client->size - 1] == '\n' &&
           client->text[client->size - 2] != '\r';
}

bool
has_ended(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)fixture;
    (void)n;
    return client->ended;
}

bool
has_handled(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)client;
    return fixture->handled >= n;
}

bool
has_active(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)client;
    return http_server_active(fixture->server) == n;
}

void
send_all(struct fixture *fixture, struct client *client, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN) {
            return; /* refused on the way: the test looks at the answer */
        }
        (void)turn(fixture, client);
    }
}

void
send_text(struct fixture *fixture, struct client *client, const char *text)
{
    send_all(fixture, client, text, strlen(text));
}

void
assert_has(const struct client *client, const char *text)
{
    if (strstr(client->text, text) == NULL) {
        fail_msg("\"%s\" is not in: %s", text, client->text);
    }
}
