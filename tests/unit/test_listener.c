/*
 * test_listener.c - where a server listens.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/net/listener.h"
#include "tests/unit/http_fixture.h"

/* ---- addresses ------------------------------------------------------------------------------ */

static struct client *
connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(
        slice_to_text(slice_of(path), address.sun_path, sizeof(address.sun_path)));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return client_of(fd);
}

static void
listens_on_a_unix_socket_and_replaces_a_dead_one(void **state)
{
    char directory[] = "/tmp/flexbrevo-http-XXXXXX";
    char listen[64];
    char error[ERROR_SIZE] = "";
    struct stat status;

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(listen, sizeof(listen), "unix:%s/s", directory);
    const char *path = listen + strlen("unix:");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int dead = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(
        slice_to_text(slice_of(path), address.sun_path, sizeof(address.sun_path)));
    assert_int_equal(bind(dead, (const struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(dead); /* bound, never listening: what a killed process leaves behind */

    struct fixture fixture = {0};
    struct fixture second = {0};

    assert_int_equal(open_at(&fixture, listen, error), 0);
    assert_int_equal(http_server_port(fixture.server), 0);
    assert_int_equal(lstat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, LISTENER_UNIX_MODE);
    AUTO(client_close) struct client *client = connect_unix(path);

    send_text(&fixture, client, NEXT);
    pump(&fixture, client, has_answers, 1);
    assert_int_equal(fixture.peer_family, AF_UNIX);
    assert_int_equal(open_at(&second, listen, error), -EADDRINUSE);
    assert_non_null(strstr(error, path));
    http_server_close(&fixture.server);
    assert_int_equal(lstat(path, &status), -1);
    assert_int_equal(rmdir(directory), 0);
}

static void
does_not_remove_a_file_that_is_no_socket(void **state)
{
    char path[] = "unix:/tmp/flexbrevo-http-XXXXXX";
    char *file = path + strlen("unix:");
    struct fixture fixture = {0};
    char error[ERROR_SIZE] = "";
    struct stat status;
    const int fd = mkstemp(file);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(open_at(&fixture, path, error), -EADDRINUSE);
    assert_int_equal(lstat(file, &status), 0);
    (void)unlink(file);
}

static void
says_where_it_cannot_listen_and_what_to_do(void **state)
{
    struct fixture *fixture = *state;
    struct fixture second = {0};
    char listen[64];
    char error[ERROR_SIZE] = "";

    (void)snprintf(
        listen, sizeof(listen), "127.0.0.1:%u", http_server_port(fixture->server));
    assert_int_equal(open_at(&second, listen, error), -EADDRINUSE);
    assert_string_equal(strrchr(error, '('),
        "(stop the program that listens there, or choose another address)");
    assert_non_null(strstr(error, listen));
    assert_null(second.server);
}

static void
assert_no_address(const char *address)
{
    struct fixture fixture = {0};
    char error[ERROR_SIZE] = "";

    if (open_at(&fixture, address, error) >= 0 || error[0] == '\0') {
        fail_msg("accepted or not explained: %s", address);
    }
}

static void
refuses_addresses_that_are_none(void **state)
{
    static const char *const addresses[] = {"", "8080", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:-1", "::1:80", "[::1]",
        "unix:", "no.such.host.invalid:80"};
    char too_long[120] = "unix:/";

    (void)state;
    for (size_t i = 0; i < LENGTH(addresses); i++) {
        assert_no_address(addresses[i]);
    }
    memset(too_long + strlen(too_long), 'x', sizeof(too_long) - 1 - strlen(too_long));
    assert_no_address(too_long);
}

static void
listens_on_every_address_and_on_ipv6(void **state)
{
    static const char *const addresses[] = {":0", "localhost:0", "[::1]:0"};
    char error[ERROR_SIZE] = "";

    (void)state;
    for (size_t i = 0; i < LENGTH(addresses); i++) {
        struct fixture fixture = {0};
        const int r = open_at(&fixture, addresses[i], error);

        if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) {
            assert_int_equal(i, 2); /* a machine without IPv6 */
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_not_equal(http_server_port(fixture.server), 0);
        if (i == 0) {
            AUTO(client_close) struct client *client = client_open(&fixture);

            send_text(&fixture, client, NEXT);
            pump(&fixture, client, has_answers, 1);
        }
        http_server_close(&fixture.server);
    }
}

/* ---- several sockets on one address ---------------------------------------------------------- */

enum {
    CALLS = 64,
    CALL_WAIT_MS = 5000,
};

/* Calls the address `listener` is bound to. */
static int
connect_to(const struct listener *listener)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);

    assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&address, &size), 0);
    const int fd = socket(address.ss_family, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

/* Accepts one call on either; which of the two? */
static size_t
answer(struct listener listeners[2])
{
    struct pollfd fds[] = {{.fd = listeners[0].fd, .events = POLLIN},
        {.fd = listeners[1].fd, .events = POLLIN}};

    assert_true(poll(fds, 2, CALL_WAIT_MS) > 0);
    const size_t which = fds[0].revents != 0 ? 0 : 1;
    const int fd = accept(listeners[which].fd, NULL, NULL);

    assert_true(fd >= 0);
    (void)close(fd);
    return which;
}

static void
both_sockets_of_one_port_are_called(void **state)
{
    struct listener listeners[2] = {{.fd = -1}, {.fd = -1}};
    char error[LISTENER_ERROR_SIZE] = "";
    size_t answered[2] = {0};

    (void)state;
    assert_int_equal(listener_open("127.0.0.1:0", true, &listeners[0], error), 0);
    assert_int_equal(listener_open_beside(listeners[0].fd, &listeners[1], error), 0);
    assert_true(listeners[0].port != 0);
    assert_int_equal(listeners[0].port, listeners[1].port);
    for (int i = 0; i < CALLS; i++) {
        const int fd = connect_to(&listeners[0]);

        answered[answer(listeners)]++;
        (void)close(fd);
    }
    assert_true(answered[0] > 0 && answered[1] > 0);
    listener_close(&listeners[0]);
    listener_close(&listeners[1]);
}

/* The one that is closed takes no calls with it that come later. */
static void
a_copy_serves_on_when_the_first_is_closed(void **state)
{
    struct listener listeners[2] = {{.fd = -1}, {.fd = -1}};
    char error[LISTENER_ERROR_SIZE] = "";

    (void)state;
    assert_int_equal(listener_open("127.0.0.1:0", false, &listeners[0], error), 0);
    assert_int_equal(listener_open_beside(listeners[0].fd, &listeners[1], error), 0);
    listener_close(&listeners[0]);
    const int fd = connect_to(&listeners[1]);

    assert_int_equal(answer(listeners), 1);
    (void)close(fd);
    listener_close(&listeners[1]);
}

static void
a_unix_socket_is_shared_and_removed_once(void **state)
{
    struct listener listeners[2] = {{.fd = -1}, {.fd = -1}};
    char error[LISTENER_ERROR_SIZE] = "";
    char directory[] = "/tmp/flexbrevo-test-XXXXXX";
    char address[64];

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(address, sizeof(address), "unix:%s/s", directory);
    assert_int_equal(listener_open(address, true, &listeners[0], error), 0);
    assert_int_equal(listener_open_beside(listeners[0].fd, &listeners[1], error), 0);
    const int fd = connect_to(&listeners[1]);

    (void)answer(listeners);
    (void)close(fd);
    listener_close(&listeners[1]);
    assert_int_equal(
        access(address + strlen("unix:"), F_OK), 0); /* the first's to remove */
    listener_close(&listeners[0]);
    assert_int_equal(rmdir(directory), 0);
}

static void
a_port_that_is_not_shared_is_taken(void **state)
{
    struct listener first = {.fd = -1};
    struct listener second = {.fd = -1};
    char error[LISTENER_ERROR_SIZE] = "";
    char address[32];

    (void)state;
    assert_int_equal(listener_open("127.0.0.1:0", false, &first, error), 0);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", first.port);
    assert_int_equal(listener_open(address, true, &second, error), -EADDRINUSE);
    listener_close(&first);
}

/* ---- many at once ---------------------------------------------------------------------------- */

enum {
    BURST_DEFAULT = 1000,
    BURST_FILES = HTTP_CONNECTIONS_MAX + 100,
    ESTABLISHED_MS = 500, /* who is not let wait tries again after 1000 */
};

/* As many as a server takes, unless the system lets fewer wait. */
static int
burst_size(void)
{
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");
    char line[16] = "";
    int64_t limit = 0;

    if (file == NULL) {
        return BURST_DEFAULT;
    }
    const bool is_read = fgets(line, sizeof(line), file) != NULL;

    (void)fclose(file);
    if (!is_read || !slice_to_int64(slice_trim(slice_of(line)), &limit)) {
        return BURST_DEFAULT;
    }
    return limit < HTTP_CONNECTIONS_MAX ? (int)limit : HTTP_CONNECTIONS_MAX;
}

/* Begins to connect; a descriptor. */
static int
begin_call(const struct sockaddr_in *address)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_true(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
                errno == EINPROGRESS);
    return fd;
}

static void
a_burst_as_large_as_a_server_takes_waits_to_be_accepted(void **state)
{
    static int fds[HTTP_CONNECTIONS_MAX];
    struct listener listener = {.fd = -1};
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct rlimit files;
    char error[LISTENER_ERROR_SIZE] = "";
    const int size = burst_size();

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    const struct rlimit more = {.rlim_cur = BURST_FILES, .rlim_max = files.rlim_max};

    if (setrlimit(RLIMIT_NOFILE, &more) < 0) {
        skip(); /* the system lets this user open fewer */
    }
    assert_int_equal(listener_open("127.0.0.1:0", false, &listener, error), 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(listener.port);
    for (int i = 0; i < size; i++) {
        fds[i] = begin_call(&address);
    }
    for (int i = 0; i < size; i++) {
        struct pollfd established = {.fd = fds[i], .events = POLLOUT};

        assert_int_equal(poll(&established, 1, ESTABLISHED_MS), 1);
        (void)close(fds[i]);
    }
    listener_close(&listener);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

/* ---- several servers ------------------------------------------------------------------------ */

/* Two servers; the second listens beside the first. */
static void
assert_both_serve(struct fixture *first, struct fixture *second)
{
    /* Whoever is asked: a client's request is served by the one whose turn it is. */
    for (size_t i = 0; i < 2; i++) {
        struct fixture *fixture = i == 0 ? first : second;
        AUTO(client_close) struct client *client = client_open(fixture);

        send_text(fixture, client, NEXT);
        while (!has_answers(fixture, client, 1)) {
            (void)turn(first, client);
            (void)turn(second, client);
        }
    }
    assert_int_equal(first->handled + second->handled, 2);
}

static void
shares_a_socket_that_is_nobody_elses(void **state)
{
    struct fixture *first = *state;
    struct fixture second = {0};
    char error[ERROR_SIZE] = "";
    const struct http_server_options options = {
        .listen_fd = http_server_listen_fd(first->server),
        .listen = "shared",
        .body_max = BODY_MAX,
        .handler = handle,
        .context = &second,
    };

    assert_int_equal(http_server_open(&options, &second.server, error), 0);
    assert_int_equal(http_server_port(second.server), http_server_port(first->server));
    assert_both_serve(first, &second);
    /* The second's end is not the first's. */
    http_server_close(&second.server);
    AUTO(client_close) struct client *client = client_open(first);

    send_text(first, client, NEXT);
    pump(first, client, has_answers, 1);
}

static void
listens_at_a_port_others_may_use_by_a_socket_of_its_own(void **state)
{
    struct fixture first = {0};
    struct fixture second = {0};
    char error[ERROR_SIZE] = "";
    struct http_server_options options = {.listen = "127.0.0.1:0",
        .reuse_port = true,
        .body_max = BODY_MAX,
        .handler = handle,
        .context = &first};

    (void)state;
    assert_int_equal(http_server_open(&options, &first.server, error), 0);
    options.context = &second;
    options.listen_fd = http_server_listen_fd(first.server);
    assert_int_equal(http_server_open(&options, &second.server, error), 0);
    assert_int_equal(http_server_port(second.server), http_server_port(first.server));
    assert_both_serve(&first, &second);
    http_server_close(&first.server);
    AUTO(client_close) struct client *client = client_open(&second);

    send_text(&second, client, NEXT);
    pump(&second, client, has_answers, 1);
    http_server_close(&second.server);
}

static void
leaves_an_inherited_socket_open_behind_it(void **state)
{
    static const struct {
        const char *pid; /* NULL: ours */
        const char *listen;
        int expected;
    } cases[] = {
        {NULL, "systemd", 0},
        {NULL, "systemd:web", 0},
        {NULL, "systemd:other", -ENOENT},
        {NULL, "systemd:we", -ENOENT},
        {"1", "systemd", -ENOENT},
        {"", "systemd", -ENOENT},
    };
    struct fixture *fixture = *state;
    char pid[16];

    assert_int_equal(
        dup2(http_server_listen_fd(fixture->server), 3), 3); /* the first to be passed */
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    (void)setenv("LISTEN_FDS", "1", 1);
    (void)setenv("LISTEN_FDNAMES", "web", 1);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct fixture heir = {0};
        char error[ERROR_SIZE] = "";

        (void)setenv("LISTEN_PID", cases[i].pid != NULL ? cases[i].pid : pid, 1);
        assert_int_equal(open_at(&heir, cases[i].listen, error), cases[i].expected);
        if (cases[i].expected < 0) {
            assert_non_null(strstr(error, cases[i].listen));
            continue;
        }
        assert_int_equal(
            http_server_port(heir.server), http_server_port(fixture->server));
        http_server_close(&heir.server);
        assert_true(fcntl(3, F_GETFD) >= 0);
    }
    (void)unsetenv("LISTEN_PID");
    assert_int_equal(dup2(STDERR_FILENO, 3), 3);
}

int
main(void)
{
    /* The place of what is passed to a process; nothing of ours may get there by itself. */
    if (fcntl(3, F_GETFD) < 0 && dup2(STDERR_FILENO, 3) < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens_on_a_unix_socket_and_replaces_a_dead_one),
        cmocka_unit_test(does_not_remove_a_file_that_is_no_socket),
        WITH_SERVER(says_where_it_cannot_listen_and_what_to_do),
        cmocka_unit_test(refuses_addresses_that_are_none),
        cmocka_unit_test(listens_on_every_address_and_on_ipv6),
        cmocka_unit_test(both_sockets_of_one_port_are_called),
        cmocka_unit_test(a_copy_serves_on_when_the_first_is_closed),
        cmocka_unit_test(a_unix_socket_is_shared_and_removed_once),
        cmocka_unit_test(a_port_that_is_not_shared_is_taken),
        cmocka_unit_test(a_burst_as_large_as_a_server_takes_waits_to_be_accepted),
        WITH_SERVER(shares_a_socket_that_is_nobody_elses),
        cmocka_unit_test(listens_at_a_port_others_may_use_by_a_socket_of_its_own),
        WITH_SERVER(leaves_an_inherited_socket_open_behind_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
