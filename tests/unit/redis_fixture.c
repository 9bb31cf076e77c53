/*
 * redis_fixture.c - a redis-server of one's own.
 */
#include "tests/unit/redis_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum {
    COMMAND_TIMEOUT_US = 10 * 1000 * 1000,
    LOG_SIZE = 16 * 1024,
};

static struct redis_exchange exchange; /* of redis_fixture_do() */

static void
run_server(const struct redis_fixture *fixture, bool durable, int output)
{
    char port[8];

    (void)snprintf(port, sizeof(port), "%u", fixture->node_port);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(output, STDOUT_FILENO);
    (void)execlp("redis-server", "redis-server", "--port", port, "--unixsocket",
        fixture->socket, "--dir", fixture->directory, "--save", "", "--appendonly",
        durable ? "yes" : "no", "--appendfsync", "always", "--cluster-enabled",
        fixture->node_port > 0 ? "yes" : "no", "--cluster-require-full-coverage", "no",
        "--bind", "127.0.0.1", (char *)NULL);
    _exit(127);
}

/* The server says on its log when it is ready. */
static void
wait_until_ready(int output)
{
    static const char ready[] = "eady to accept connections";
    char log[LOG_SIZE] = "";
    size_t size = 0;

    while (strstr(log, ready) == NULL) {
        const ssize_t got = read(output, log + size, sizeof(log) - 1 - size);

        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        log[size] = '\0';
    }
    if (strstr(log, ready) == NULL) {
        fail_msg("redis-server did not start: %s", log);
    }
}

static void
launch(struct redis_fixture *fixture, bool durable)
{
    int output[2] = {-1, -1};

    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    fixture->pid = fork();
    assert_true(fixture->pid >= 0);
    if (fixture->pid == 0) {
        run_server(fixture, durable, output[1]);
    }
    (void)close(output[1]);
    wait_until_ready(output[0]);
    (void)close(output[0]);
}

static void
start(struct redis_fixture *fixture, bool durable, uint16_t node_port)
{
    char error[QUEUE_ERROR_SIZE];

    *fixture = (struct redis_fixture){.node_port = node_port};
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/fb-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(
        fixture->socket, sizeof(fixture->socket), "%s/redis.sock", fixture->directory);
    (void)snprintf(fixture->url, sizeof(fixture->url), "unix://%s", fixture->socket);
    launch(fixture, durable);
    assert_int_equal(redis_init(&fixture->redis, fixture->url, error), QUEUE_OK);
}

void
redis_fixture_start(struct redis_fixture *fixture, bool durable)
{
    start(fixture, durable, 0);
}

void
redis_fixture_start_node(struct redis_fixture *fixture, uint16_t port)
{
    start(fixture, false, port);
}

static int
remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void
redis_fixture_signal(const struct redis_fixture *fixture, int signal)
{
    assert_true(fixture->pid > 0);
    assert_int_equal(kill(fixture->pid, signal), 0);
}

void
redis_fixture_kill(struct redis_fixture *fixture)
{
    redis_fixture_signal(fixture, SIGKILL);
    assert_int_equal(waitpid(fixture->pid, NULL, 0), fixture->pid);
    fixture->pid = 0;
    redis_disconnect(&fixture->redis);
}

void
redis_fixture_restart(struct redis_fixture *fixture, bool durable)
{
    if (fixture->pid > 0) {
        redis_fixture_kill(fixture);
    }
    launch(fixture, durable);
}

void
redis_fixture_stop(struct redis_fixture *fixture)
{
    if (fixture->pid > 0) {
        redis_fixture_kill(fixture);
    }
    redis_done(&fixture->redis);
    redis_exchange_done(&exchange);
    (void)nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const struct redisReply *
redis_fixture_do(struct redis_fixture *fixture, const char *const *arguments)
{
    size_t count = 0;

    while (arguments[count] != NULL) {
        count++;
    }
    if (exchange.bytes.max == 0) {
        redis_exchange_init(&exchange);
    }
    redis_exchange_clear(&exchange);
    redis_command(&exchange, count);
    for (size_t i = 0; i < count; i++) {
        redis_argument_text(&exchange, arguments[i]);
    }
    if (!redis_is_connected(&fixture->redis)) {
        assert_int_equal(redis_connect(&fixture->redis), 0);
    }
    redis_begin(&fixture->redis, &exchange);
    if (redis_finish(&fixture->redis, redis_now_us() + COMMAND_TIMEOUT_US) != 0) {
        fail_msg("%s: %s", arguments[0], fixture->redis.error);
    }
    const struct slice error = redis_reply_error(exchange.replies[0]);

    if (error.size > 0) {
        fail_msg("%s: %.*s", arguments[0], (int)error.size, error.data);
    }
    return exchange.replies[0];
}

int64_t
redis_fixture_number(struct redis_fixture *fixture, const char *const *arguments)
{
    return redis_reply_number(redis_fixture_do(fixture, arguments));
}

/* "cmdstat_evalsha:calls=12,usec=..." */
int64_t
redis_fixture_calls(struct redis_fixture *fixture, const char *command)
{
    const struct slice info = redis_reply_text(REDIS_DO(fixture, "INFO", "commandstats"));
    char head[64];
    int64_t calls = 0;

    (void)snprintf(head, sizeof(head), "cmdstat_%s:calls=", command);
    const char *found = memmem(info.data, info.size, head, strlen(head));

    if (found == NULL) {
        return 0;
    }
    struct slice number = {.data = found + strlen(head), .size = 0};

    while (number.data[number.size] >= '0' && number.data[number.size] <= '9') {
        number.size++;
    }
    assert_true(slice_to_int64(number, &calls));
    return calls;
}
