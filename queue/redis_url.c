/*
 * redis_url.c - where Redis is, read from a URL.
 */
#include "queue/redis_url.h"

#include <arpa/inet.h>
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
parse_db(struct slice text, void *ret_db)
{
    int64_t db = 0;

    if (!parse_number(text, REDIS_DB_MAX, &db)) {
        return "the database is not a number from 0 to 65535";
    }
    *(unsigned *)ret_db = (unsigned)db;
    return NULL;
}

static const char *
parse_replicas(struct slice text, void *ret_replicas)
{
    int64_t replicas = 0;

    if (!parse_number(text, REDIS_REPLICAS_MAX, &replicas)) {
        return "wait_replicas is not a number from 0 to 16";
    }
    *(unsigned *)ret_replicas = (unsigned)replicas;
    return NULL;
}

static const char *
parse_secret(struct slice text, void *ret_secret)
{
    return decode(text, ret_secret, REDIS_SECRET_SIZE)
               ? NULL
               : "user or password is too long or holds a broken % escape";
}

/* "user:password" or ":password". */
static const char *
parse_login(struct slice text, struct redis_login *login)
{
    struct slice user = {0};

    if (!cut(&text, ':', &user) || text.size == 0) {
        return "a login is written user:password or :password";
    }
    if (!decode(user, login->user, sizeof(login->user)) ||
        !decode(text, login->password, sizeof(login->password))) {
        return "user or password is too long or holds a broken % escape";
    }
    return NULL;
}

/* "host", "host:port", "[::1]:port". *port is the default before, unchanged without one. */
static const char *
parse_host(struct slice address, char *host, size_t capacity, uint16_t *port)
{
    struct slice name = {0};
    int64_t number = *port;
    bool has_port = false;

    if (slice_starts(address, "[")) {
        address = slice_skip(address, 1);
        if (!cut(&address, ']', &name) || (address.size > 0 && address.data[0] != ':')) {
            return "an IPv6 address is written [address]:port";
        }
        has_port = address.size > 0;
        address = slice_skip(address, has_port ? 1 : 0);
    } else {
        has_port = cut(&address, ':', &name);
    }
    if (name.size == 0 || !decode(name, host, capacity)) {
        return "the host is missing or too long";
    }
    if (has_port && (!parse_number(address, UINT16_MAX, &number) || number == 0)) {
        return "the port is not a number from 1 to 65535";
    }
    *port = (uint16_t)number;
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
        error = parse_db(rest, &url->db);
    }
    if (error == NULL && cut_last(&authority, '@', &login)) {
        error = parse_login(login, &url->login);
    }
    url->port = REDIS_PORT;
    return error != NULL
               ? error
               : parse_host(authority, url->host, sizeof(url->host), &url->port);
}

/* What may stand behind the '?'. */
struct url_option {
    const char *name;
    const char *(*parse)(struct slice text, void *value);
    void *value;
};

static const char *
parse_option(struct slice text, const struct url_option *options)
{
    struct slice name = {0};

    (void)cut(&text, '=', &name); /* without a '=' the value is empty: see each parser */
    for (; options->name != NULL; options++) {
        if (slice_is(name, options->name)) {
            return options->parse(text, options->value);
        }
    }
    return "an option behind ? is none of db, user, password (unix://) or sentinel_user, "
           "sentinel_password, wait_replicas (sentinel://) or wait_replicas (cluster://)";
}

/* "name=value&name=value" */
static const char *
parse_options(
    struct slice rest, const struct url_option *options, const struct redis_login *login)
{
    const char *error = NULL;

    while (error == NULL && rest.size > 0) {
        struct slice option = {0};

        (void)cut(&rest, '&', &option); /* the last option has none behind it */
        error = parse_option(option, options);
    }
    if (error == NULL && login->user[0] != '\0' && login->password[0] == '\0') {
        error = "a user needs a password";
    }
    return error;
}

static const char *
parse_unix(struct slice rest, struct redis_url *url)
{
    const struct url_option options[] = {{"db", parse_db, &url->db},
        {"user", parse_secret, url->login.user},
        {"password", parse_secret, url->login.password}, {0}};
    struct slice path = {0};

    (void)cut(&rest, '?', &path); /* options are optional */
    if (!slice_starts(path, "/")) {
        return "the path must be absolute: unix:///run/redis/redis.sock";
    }
    if (!decode(path, url->path, sizeof(url->path))) {
        return "the socket's path holds a broken % escape or is over 107 bytes, "
               "the most a unix socket can have: use a shorter one";
    }
    return parse_options(rest, options, &url->login);
}

/* ---- guides ------------------------------------------------------------------------------ */

bool
redis_is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

bool
redis_address_set(struct redis_address *address, struct slice host, int64_t port)
{
    struct redis_address read = {.port = (uint16_t)port};

    if (!slice_to_text(host, read.host, sizeof(read.host)) ||
        !redis_is_address(read.host) || port < 1 || port > UINT16_MAX) {
        return false;
    }
    *address = read;
    return true;
}

/* "address:port,address:port" */
static const char *
parse_guides(struct slice rest, uint16_t port, struct redis_url *url)
{
    const char *error = NULL;
    bool has_more = true;

    while (error == NULL && has_more) {
        struct redis_address *address = &url->guides[url->guide_count];
        struct slice text = {0};

        if (url->guide_count == REDIS_GUIDES_MAX) {
            return "more than 8 addresses: name some of them, any knows where to go";
        }
        has_more = cut(&rest, ',', &text);
        address->port = port;
        error = parse_host(text, address->host, sizeof(address->host), &address->port);
        if (error == NULL && !redis_is_address(address->host)) {
            error = "Sentinels and the nodes of a cluster are given by their addresses, "
                    "like 10.0.0.1:6379, not by names";
        }
        url->guide_count++;
    }
    return error;
}

/* "user:password@address:port,..." */
static const char *
parse_guided(struct slice authority, uint16_t port, struct redis_url *url)
{
    struct slice login = {0};
    const char *error =
        cut_last(&authority, '@', &login) ? parse_login(login, &url->login) : NULL;

    return error != NULL ? error : parse_guides(authority, port, url);
}

/* ---- sentinel:// ------------------------------------------------------------------------- */

/* "master", "master/db" */
static const char *
parse_master(struct slice path, struct redis_url *url)
{
    struct slice name = {0};

    if (cut(&path, '/', &name) && path.size > 0) {
        const char *error = parse_db(path, &url->db);

        if (error != NULL) {
            return error;
        }
    }
    if (name.size == 0 || !decode(name, url->master, sizeof(url->master))) {
        return "the master's name is missing or too long: "
               "sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster";
    }
    return NULL;
}

static const char *
parse_sentinel(struct slice rest, struct redis_url *url)
{
    const struct url_option options[] = {
        {"sentinel_user", parse_secret, url->sentinel_login.user},
        {"sentinel_password", parse_secret, url->sentinel_login.password},
        {"wait_replicas", parse_replicas, &url->wait_replicas}, {0}};
    struct slice authority = {0};
    struct slice path = {0};

    (void)cut(&rest, '/', &authority); /* without one the name is missing, said below */
    (void)cut(&rest, '?', &path);
    const char *error = parse_guided(authority, REDIS_SENTINEL_PORT, url);

    if (error == NULL) {
        error = parse_master(path, url);
    }
    return error != NULL ? error : parse_options(rest, options, &url->sentinel_login);
}

/* ---- cluster:// -------------------------------------------------------------------------- */

static const char *
parse_cluster(struct slice rest, struct redis_url *url)
{
    const struct url_option options[] = {
        {"wait_replicas", parse_replicas, &url->wait_replicas}, {0}};
    struct slice nodes = {0};
    struct slice authority = {0};

    (void)cut(&rest, '?', &nodes);
    if (cut(&nodes, '/', &authority) && nodes.size > 0) {
        return "a cluster has database 0 only: nothing stands behind its addresses";
    }
    url->is_cluster = true;
    const char *error = parse_guided(authority, REDIS_PORT, url);

    return error != NULL ? error : parse_options(rest, options, &url->login);
}

static const struct scheme {
    const char *prefix;
    const char *(*parse)(struct slice rest, struct redis_url *url);
    const char *refusal;
} schemes[] = {
    {"redis://", parse_tcp, NULL},
    {"unix://", parse_unix, NULL},
    {"rediss://", NULL,
        "TLS to Redis is not in this build: put haproxy or stunnel in between and name its near "
        "end here, see docs/operations.md"},
    {"sentinel://", parse_sentinel, NULL},
    {"cluster://", parse_cluster, NULL},
};

int
redis_url_parse(const char *url, struct redis_url *ret_url, char *ret_error)
{
    const struct slice text = slice_of(url);
    struct redis_url parsed = {0};
    const char *error =
        "write redis://[user:password@]host[:port][/db], unix:///path/of/socket, "
        "sentinel://address:port,address:port/master or cluster://address:port,address:port";

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
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "%s", error);
    } else {
        *ret_url = parsed;
    }
    explicit_bzero(&parsed, sizeof(parsed));
    return error != NULL ? QUEUE_E_URL : QUEUE_OK;
}
