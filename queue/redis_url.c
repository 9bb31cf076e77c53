/*
 * redis_url.c - where Redis is, read from a URL.
 */
#include "queue/redis_url.h"

#include <stdio.h>
#include <string.h>

/* Cuts `*rest` at the first `mark`. False, and the whole in *ret_head, when there is none. */
static bool
cut(struct slice *rest, char mark, struct slice *ret_head)
{
    const char *found = rest->size > 0 ? memchr(rest->data, mark, rest->size) : NULL;
    const size_t size = found != NULL ? (size_t)(found - rest->data) : rest->size;

    *ret_head = (struct slice){.data = rest->data, .size = size};
    *rest = slice_skip(*rest, found != NULL ? size + 1 : size);
    return found != NULL;
}

/* As cut(), at the last `mark`: a password may hold an '@' nobody encoded. */
static bool
cut_last(struct slice *rest, char mark, struct slice *ret_head)
{
    const char *found = rest->size > 0 ? memrchr(rest->data, mark, rest->size) : NULL;

    if (found == NULL) {
        return false;
    }
    *ret_head = (struct slice){.data = rest->data, .size = (size_t)(found - rest->data)};
    *rest = slice_skip(*rest, ret_head->size + 1);
    return true;
}

/* The byte written as %XY at the beginning of `value`, or -1. */
static int
decode_escape(struct slice value)
{
    const int high = value.size >= 3 ? hex_digit(value.data[1]) : -1;
    const int low = value.size >= 3 ? hex_digit(value.data[2]) : -1;

    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* False on a broken escape, a NUL, or when the text does not fit. */
static bool
decode(struct slice value, char *text, size_t capacity)
{
    size_t size = 0;

    while (value.size > 0) {
        const bool escaped = value.data[0] == '%';
        const int c = escaped ? decode_escape(value) : (unsigned char)value.data[0];

        if (c <= 0 || size + 1 >= capacity) {
            return false;
        }
        text[size++] = (char)c;
        value = slice_skip(value, escaped ? 3 : 1);
    }
    text[size] = '\0';
    return true;
}

static bool
parse_number(struct slice text, int64_t max, int64_t *ret_number)
{
    int64_t number = 0;

    if (!slice_to_int64(text, &number) || number < 0 || number > max) {
        return false;
    }
    *ret_number = number;
    return true;
}

static const char *
parse_db(struct slice text, struct redis_url *url)
{
    int64_t db = 0;

    if (!parse_number(text, REDIS_DB_MAX, &db)) {
        return "the database is not a number from 0 to 65535";
    }
    url->db = (unsigned)db;
    return NULL;
}

/* "user:password" or ":password". */
static const char *
parse_login(struct slice login, struct redis_url *url)
{
    struct slice user = {0};

    if (!cut(&login, ':', &user) || login.size == 0) {
        return "a login is written user:password or :password";
    }
    if (!decode(user, url->user, sizeof(url->user)) ||
        !decode(login, url->password, sizeof(url->password))) {
        return "user or password is too long or holds a broken % escape";
    }
    return NULL;
}

/* "host", "host:port", "[::1]:port". */
static const char *
parse_host(struct slice address, struct redis_url *url)
{
    struct slice host = {0};
    int64_t port = REDIS_PORT;
    bool has_port = false;

    if (slice_starts(address, "[")) {
        address = slice_skip(address, 1);
        if (!cut(&address, ']', &host) || (address.size > 0 && address.data[0] != ':')) {
            return "an IPv6 address is written [address]:port";
        }
        has_port = address.size > 0;
        address = slice_skip(address, has_port ? 1 : 0);
    } else {
        has_port = cut(&address, ':', &host);
    }
    if (host.size == 0 || !decode(host, url->host, sizeof(url->host))) {
        return "the host is missing or too long";
    }
    if (has_port && (!parse_number(address, UINT16_MAX, &port) || port == 0)) {
        return "the port is not a number from 1 to 65535";
    }
    url->port = (uint16_t)port;
    return NULL;
}

static const char *
parse_tcp(struct slice rest, struct redis_url *url)
{
    struct slice authority = {0};
    struct slice login = {0};
    const char *error = NULL;

    /* An unencoded '/' in a password would cut here: such URLs end as "host is missing". */
    if (cut(&rest, '/', &authority) && rest.size > 0) {
        error = parse_db(rest, url);
    }
    if (error == NULL && cut_last(&authority, '@', &login)) {
        error = parse_login(login, url);
    }
    return error != NULL ? error : parse_host(authority, url);
}

static const char *
parse_option(struct slice option, struct redis_url *url)
{
    struct slice name = {0};

    (void)cut(
        &option, '=', &name); /* without a '=' the value is empty and refused below */
    if (slice_is(name, "db")) {
        return parse_db(option, url);
    }
    const bool is_user = slice_is(name, "user");

    if (!is_user && !slice_is(name, "password")) {
        return "an option behind ? is none of db, user, password";
    }
    if (!decode(option, is_user ? url->user : url->password, REDIS_SECRET_SIZE)) {
        return "user or password is too long or holds a broken % escape";
    }
    return NULL;
}

static const char *
parse_unix(struct slice rest, struct redis_url *url)
{
    struct slice path = {0};
    const char *error = NULL;

    (void)cut(&rest, '?', &path); /* options are optional */
    if (!slice_starts(path, "/")) {
        return "the path must be absolute: unix:///run/redis/redis.sock";
    }
    if (!decode(path, url->path, sizeof(url->path))) {
        return "the socket's path holds a broken % escape or is over 107 bytes, "
               "the most a unix socket can have: use a shorter one";
    }
    while (error == NULL && rest.size > 0) {
        struct slice option = {0};

        (void)cut(&rest, '&', &option); /* the last option has none behind it */
        error = parse_option(option, url);
    }
    if (error == NULL && url->user[0] != '\0' && url->password[0] == '\0') {
        error = "a user needs a password";
    }
    return error;
}

static const struct scheme {
    const char *prefix;
    const char *(*parse)(struct slice rest, struct redis_url *url);
    const char *refusal;
} schemes[] = {
    {"redis://", parse_tcp, NULL},
    {"unix://", parse_unix, NULL},
    {"rediss://", NULL,
        "TLS to Redis needs hiredis_ssl, which this build has not "
        "(use stunnel or a unix socket)"},
    {"sentinel://", NULL, "sentinel:// is not supported by this version (use redis://)"},
    {"cluster://", NULL, "cluster:// is not supported by this version (use redis://)"},
};

int
redis_url_parse(const char *url, struct redis_url *ret_url, char *ret_error)
{
    const struct slice text = slice_of(url);
    struct redis_url parsed = {0};
    const char *error = "write redis://host:port or unix:///path/of/socket";

    for (size_t i = 0; i < LENGTH(schemes); i++) {
        if (slice_starts(text, schemes[i].prefix)) {
            error = schemes[i].parse == NULL
                        ? schemes[i].refusal
                        : schemes[i].parse(
                              slice_skip(text, strlen(schemes[i].prefix)), &parsed);
            break;
        }
    }
    if (error != NULL) {
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "Redis URL: %s", error);
    } else {
        *ret_url = parsed;
    }
    explicit_bzero(&parsed, sizeof(parsed));
    return error != NULL ? QUEUE_E_URL : QUEUE_OK;
}
