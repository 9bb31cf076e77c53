/*
 * redis_fixture.h - a redis-server of one's own, on a unix socket in a directory of its own.
 */
#pragma once

#include <sys/types.h>

#include "queue/redis.h"

enum {
    FIXTURE_PATH_SIZE = 64,
};

struct redis_fixture {
    char directory[FIXTURE_PATH_SIZE];
    char socket[FIXTURE_PATH_SIZE + 16];
    char url[FIXTURE_PATH_SIZE + 32];
    uint16_t node_port; /* of a cluster's node; 0: it is none */
    pid_t pid;
    struct redis redis; /* for commands of the test itself */
};

/* Fails the test when the server does not start. With `durable`, every write is fsynced. */
void redis_fixture_start(struct redis_fixture *fixture, bool durable);
/* A node of a cluster, alone yet, at 127.0.0.1:`port` as well; `port` + 10000 must be free, too. */
void redis_fixture_start_node(struct redis_fixture *fixture, uint16_t port);
void redis_fixture_stop(struct redis_fixture *fixture);
/* kill -9, and a new server on the same directory. */
void redis_fixture_kill(struct redis_fixture *fixture);
void redis_fixture_restart(struct redis_fixture *fixture, bool durable);
void redis_fixture_signal(const struct redis_fixture *fixture, int signal);

/* One command. The reply lives until the next one. */
#define REDIS_DO(fixture, ...) \
    redis_fixture_do((fixture), (const char *const[]){__VA_ARGS__, NULL})
const struct redisReply *redis_fixture_do(
    struct redis_fixture *fixture, const char *const *arguments);
int64_t redis_fixture_number(struct redis_fixture *fixture, const char *const *arguments);
#define REDIS_NUMBER(fixture, ...) \
    redis_fixture_number((fixture), (const char *const[]){__VA_ARGS__, NULL})

/* Calls of a command since the server started, from INFO commandstats. */
int64_t redis_fixture_calls(struct redis_fixture *fixture, const char *command);
