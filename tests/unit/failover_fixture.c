/*
 * failover_fixture.c - a Redis, another that can take its place, and Sentinels.
 */
#include "tests/unit/failover_fixture.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct redis_fixture other;
uint16_t redis_port;
uint16_t other_port;
uint16_t closed_port;

static uint16_t
free_port(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static uint16_t
listen_on_tcp(struct redis_fixture *fixture)
{
    const uint16_t port = free_port();
    char text[8];

    (void)snprintf(text, sizeof(text), "%u", port);
    (void)REDIS_DO(fixture, "CONFIG", "SET", "port", text);
    return port;
}

int
failover_start(void **state)
{
    (void)start_sentinels(state);
    (void)start_redis(state);
    redis_fixture_start(&other, false);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "repl-diskless-sync-delay", "0");
    (void)REDIS_DO(&other, "CONFIG", "SET", "repl-diskless-sync-delay", "0");
    redis_port = listen_on_tcp(&redis);
    other_port = listen_on_tcp(&other);
    closed_port = free_port();
    return 0;
}

int
failover_stop(void **state)
{
    redis_fixture_stop(&other);
    (void)stop_redis(state);
    return stop_sentinels(state);
}

static void
become_master(struct redis_fixture *fixture)
{
    (void)REDIS_DO(fixture, "REPLICAOF", "NO", "ONE");
    (void)REDIS_DO(fixture, "CONFIG", "SET", "min-replicas-to-write", "0");
    (void)REDIS_DO(fixture, "FLUSHALL");
}

void
become_replica(struct redis_fixture *fixture, uint16_t of)
{
    char text[8];

    (void)snprintf(text, sizeof(text), "%u", of);
    (void)REDIS_DO(fixture, "REPLICAOF", "127.0.0.1", text);
}

void
all_name(uint16_t port)
{
    for (int i = 0; i < SENTINELS; i++) {
        sentinel_names(i, port);
        sentinels[i].epoch = sentinels[0].epoch + (i == 0 ? 1 : 0);
    }
}

int
failover_set_up(void **state)
{
    become_master(&redis);
    become_master(&other);
    all_name(redis_port);
    forget_questions();
    (void)commit_set_up(state);
    group_commit_close(&commit);
    return 0;
}

struct queue *
open_via_sentinels(const char *options_text)
{
    struct queue_options options = default_options(NULL);

    options.url = sentinel_url("", options_text);
    return open_queue(&options);
}

struct group_commit *
open_patient_commit(const char *options_text)
{
    struct queue_options options = default_options(NULL);
    struct group_commit *opened = NULL;
    char error[QUEUE_ERROR_SIZE] = "";

    options.url = sentinel_url("", options_text);
    if (group_commit_open(&options, &opened, error) != QUEUE_OK) {
        fail_msg("%s", error);
    }
    return opened;
}
