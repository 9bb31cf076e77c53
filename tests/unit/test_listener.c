/*
 * test_listener.c - several sockets on one address.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/net/listener.h"
#include "tests/unit/unit.h"

enum {
    CALLS = 64,
    CALL_WAIT_MS = 5000,
};

/* Calls the address `listener` is bound to. */
static int
call(const struct listener *listener)
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
    assert_int_equal(listener_open_beside(&listeners[0], &listeners[1], error), 0);
    assert_true(listeners[0].port != 0);
    assert_int_equal(listeners[0].port, listeners[1].port);
    for (int i = 0; i < CALLS; i++) {
        const int fd = call(&listeners[0]);

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
    assert_int_equal(listener_open_beside(&listeners[0], &listeners[1], error), 0);
    listener_close(&listeners[0]);
    const int fd = call(&listeners[1]);

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
    assert_int_equal(listener_open_beside(&listeners[0], &listeners[1], error), 0);
    const int fd = call(&listeners[1]);

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sockets_of_one_port_are_called),
        cmocka_unit_test(a_copy_serves_on_when_the_first_is_closed),
        cmocka_unit_test(a_unix_socket_is_shared_and_removed_once),
        cmocka_unit_test(a_port_that_is_not_shared_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
