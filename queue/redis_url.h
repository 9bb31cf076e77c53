/*
 * redis_url.h - where Redis is, read from a URL.
 *
 *   redis://[user:password@]host[:port][/db]
 *   unix:///path/of/socket[?db=N&user=U&password=P]
 *   sentinel://[user:password@]address[:port][,address[:port]...]/master[/db]
 *       [?sentinel_user=U&sentinel_password=P&wait_replicas=N]
 *   cluster://[user:password@]address[:port][,address[:port]...][?wait_replicas=N]
 *
 * User, password, path and the master's name may be percent-encoded. Sentinels and the nodes of a
 * cluster are given by address, never by name: looking a name up could block an event loop.
 */
#pragma once

#include "queue/queue.h"

enum {
    REDIS_PORT = 6379,
    REDIS_SENTINEL_PORT = 26379,
    REDIS_GUIDES_MAX = 8,
    REDIS_ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN */
    REDIS_MASTER_SIZE = 128, /* a master's name at its Sentinels */
    REDIS_REPLICAS_MAX = 16,
    REDIS_HOST_SIZE = 256,
    REDIS_PATH_SIZE = 108, /* sun_path of unix(7), with the NUL */
    REDIS_SECRET_SIZE = 512,
    REDIS_DB_MAX = 65535,
};

struct redis_login {
    char user[REDIS_SECRET_SIZE];     /* empty: the default one */
    char password[REDIS_SECRET_SIZE]; /* empty: no AUTH */
};

struct redis_address {
    char host[REDIS_ADDRESS_SIZE];
    uint16_t port;
};

struct redis_url {
    char path[REDIS_PATH_SIZE]; /* empty: TCP */
    char host[REDIS_HOST_SIZE]; /* empty: to be asked of the guides */
    uint16_t port;
    struct redis_login login;
    unsigned db;
    struct redis_address
        guides[REDIS_GUIDES_MAX]; /* Sentinels, or nodes of the cluster */
    size_t guide_count;           /* 0: neither sentinel:// nor cluster:// */
    bool is_cluster;
    char master[REDIS_MASTER_SIZE];
    struct redis_login sentinel_login;
    unsigned wait_replicas; /* so many must have an event before it counts as stored */
};

/*
 * Returns QUEUE_OK, or QUEUE_E_URL with what to do in ret_error (QUEUE_ERROR_SIZE), which never
 * repeats any part of the URL that may be secret.
 */
int redis_url_parse(const char *url, struct redis_url *ret_url, char *ret_error) MUST_USE;

/* An IPv4 or IPv6 address in figures: connecting to it looks nothing up. */
bool redis_is_address(const char *host);
/* False, and nothing changed, when `host` is no such address or `port` no port. */
bool redis_address_set(struct redis_address *address, struct slice host, int64_t port);
