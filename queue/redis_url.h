/*
 * redis_url.h - where Redis is, read from a URL.
 *
 *   redis://[user:password@]host[:port][/db]
 *   unix:///path/of/socket[?db=N&user=U&password=P]
 *
 * User, password and path may be percent-encoded.
 */
#pragma once

#include "queue/queue.h"

enum {
    REDIS_PORT = 6379,
    REDIS_HOST_SIZE = 256,
    REDIS_PATH_SIZE = 108, /* sun_path of unix(7), with the NUL */
    REDIS_SECRET_SIZE = 512,
    REDIS_DB_MAX = 65535,
};

struct redis_url {
    char path[REDIS_PATH_SIZE]; /* empty: TCP */
    char host[REDIS_HOST_SIZE];
    uint16_t port;
    char user[REDIS_SECRET_SIZE];
    char password[REDIS_SECRET_SIZE]; /* empty: no AUTH */
    unsigned db;
};

/*
 * Returns QUEUE_OK, or QUEUE_E_URL with what to do in ret_error (QUEUE_ERROR_SIZE), which never
 * repeats any part of the URL that may be secret.
 */
int redis_url_parse(const char *url, struct redis_url *ret_url, char *ret_error) MUST_USE;
