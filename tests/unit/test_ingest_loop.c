/*
 * test_ingest_loop.c - a loop of the webhook server, from outside its thread.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/ingest/ingest_loop.h"
#include "tests/unit/config_fixture.h"

static const char request[] =
    "POST /webhooks/taskrouter HTTP/1.1\r\nHost: hooks.example.com\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b";

static int
connect_to(uint16_t port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* The kernel has taken a request in that nobody will ever handle. */
static void
one_that_was_never_started_closes_whatever_has_come(void **state)
{
    struct config config = load_for(CONFIG_FOR_SERVE,
        "redis: { url: \"redis://127.0.0.1:1\" }\nserver: { listen: \"127.0.0.1:0\", "
        "public_url: \"https://hooks.example.com\" }\n");
    const struct ingest_loop_options options = {
        .config = &config, .redis_url = config.redis_url};
    char error[INGEST_LOOP_ERROR_SIZE] = "";
    char answer[1024] = "";
    struct ingest_loop *loop = NULL;

    (void)state;
    log_set_level(LOG_ERROR);
    if (ingest_loop_open(&options, &loop, error) != 0) {
        fail_msg("%s", error);
    }
    const int fd = connect_to(ingest_loop_port(loop));

    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    ingest_loop_close(&loop);
    const ssize_t size = recv(fd, answer, sizeof(answer) - 1, 0);

    assert_true(size <= 0 || strncmp(answer, "HTTP/1.1 503 ", 13) == 0);
    (void)close(fd);
    config_done(&config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(one_that_was_never_started_closes_whatever_has_come),
    };

    return cmocka_run_group_tests_name(
        "ingest_loop", tests, enter_directory, leave_directory);
}
