/*
 * test_listener.c - where a server listens.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens_on_a_unix_socket_and_replaces_a_dead_one),
        cmocka_unit_test(does_not_remove_a_file_that_is_no_socket),
        WITH_SERVER(says_where_it_cannot_listen_and_what_to_do),
        cmocka_unit_test(refuses_addresses_that_are_none),
        cmocka_unit_test(listens_on_every_address_and_on_ipv6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
