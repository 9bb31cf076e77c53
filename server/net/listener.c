/*
 * listener.c - opens the socket a server listens on.
 */
#include "server/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    HOST_SIZE = 256,
    PORT_SIZE = 6,
};

static int
fail(char *error, const char *address, int r)
{
    const char *remedy = "use host:port, :port or unix:/path";

    if (r == -EADDRINUSE) {
        remedy = "stop the program that listens there, or choose another address";
    } else if (r == -EACCES || r == -EPERM) {
        remedy = "choose a port above 1023, or a directory this user may write to";
    } else if (r == -EADDRNOTAVAIL) {
        remedy = "choose an address of this machine";
    }
    (void)snprintf(error, LISTENER_ERROR_SIZE, "cannot listen (%s): %.60s (%s)",
        strerror(-r), address, remedy);
    return r;
}

/* A socket that refuses connections belongs to nobody: its process died. */
static int
remove_stale(const struct sockaddr_un *address)
{
    struct stat status;

    if (lstat(address->sun_path, &status) < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return -EADDRINUSE;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    const int r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    const bool refused = r < 0 && errno == ECONNREFUSED;

    (void)close(fd);
    if (!refused) {
        return -EADDRINUSE;
    }
    return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int
open_unix(struct slice path, struct listener *listener)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (path.size == 0) {
        return -EINVAL;
    }
    if (!slice_to_text(path, address.sun_path, sizeof(address.sun_path))) {
        return -ENAMETOOLONG;
    }
    const int r = remove_stale(&address);

    if (r < 0) {
        return r;
    }
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 ||
        bind(listener->fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return -errno;
    }
    memcpy(listener->path, address.sun_path, sizeof(listener->path));
    return listen(listener->fd, LISTENER_BACKLOG) < 0 ? -errno : 0;
}

/* "[::1]:80" and "host:80" to their two texts; an empty host means every address. */
static bool
split_address(struct slice address, char host[HOST_SIZE], char port[PORT_SIZE])
{
    const char *colon = memrchr(address.data, ':', address.size);

    if (colon == NULL) {
        return false;
    }
    struct slice name = {.data = address.data, .size = (size_t)(colon - address.data)};
    const struct slice digits = slice_skip(address, name.size + 1);
    int64_t number = -1;

    if (name.size >= 2 && name.data[0] == '[' && name.data[name.size - 1] == ']') {
        name = (struct slice){.data = name.data + 1, .size = name.size - 2};
    } else if (memchr(name.data, ':', name.size) != NULL) {
        return false; /* an IPv6 address without its brackets */
    }
    return slice_to_int64(digits, &number) && number >= 0 && number <= UINT16_MAX &&
           slice_to_text(name, host, HOST_SIZE) && slice_to_text(digits, port, PORT_SIZE);
}

static uint16_t
bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {0};
    socklen_t size = sizeof(address);

    if (getsockname(fd, &address.any, &size) < 0) {
        return 0;
    }
    return ntohs(
        address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

static int
bind_inet(
    const struct sockaddr *address, socklen_t size, int reuse, struct listener *listener)
{
    const int on = 1;
    const int off = 0;
    const int family = address->sa_family;
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    listener->fd = fd;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuse, sizeof(reuse)) < 0 ||
        (family == AF_INET6 &&
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) ||
        bind(fd, address, size) < 0 || listen(fd, LISTENER_BACKLOG) < 0) {
        return -errno;
    }
    listener->port = bound_port(fd);
    return 0;
}

static int
open_family(const char *host, const char *port, int family, struct addrinfo **ret_infos)
{
    const struct addrinfo hints = {
        .ai_family = family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    const int r = getaddrinfo(host, port, &hints, ret_infos);

    return r == 0 ? 0 : r == EAI_MEMORY ? -ENOMEM : -EADDRNOTAVAIL;
}

static int
open_inet(struct slice address, bool reuse_port, struct listener *listener)
{
    /* Every address: one IPv6 socket takes IPv4 too, unless the machine has no IPv6. */
    static const int families[] = {AF_INET6, AF_INET};
    char host[HOST_SIZE];
    char port[PORT_SIZE];
    int r = -EINVAL;

    if (!split_address(address, host, port)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < LENGTH(families); i++) {
        struct addrinfo *infos = NULL;

        r = open_family(host[0] != '\0' ? host : NULL, port,
            host[0] != '\0' ? AF_UNSPEC : families[i], &infos);
        if (r == 0) {
            r = bind_inet(infos->ai_addr, infos->ai_addrlen, reuse_port, listener);
            freeaddrinfo(infos);
        }
        if (r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL) {
            break;
        }
        listener_close(listener);
    }
    return r;
}

int
listener_open(
    const char *address, bool reuse_port, struct listener *ret_listener, char *ret_error)
{
    const struct slice text = slice_of(address);
    struct listener listener = {.fd = -1};
    const int r = slice_starts(text, "unix:")
                      ? open_unix(slice_skip(text, strlen("unix:")), &listener)
                      : open_inet(text, reuse_port, &listener);

    if (r < 0) {
        listener_close(&listener);
        return fail(ret_error, address, r);
    }
    *ret_listener = listener;
    return 0;
}

/* Copied with its type: getsockname() knows what listener_open() was told. */
static int
open_beside(const struct listener *first, struct listener *listener)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    int reuse = 0;
    socklen_t reuse_size = sizeof(reuse);

    if (getsockname(first->fd, (struct sockaddr *)&address, &size) < 0 ||
        getsockopt(first->fd, SOL_SOCKET, SO_REUSEPORT, &reuse, &reuse_size) < 0) {
        return -errno;
    }
    if (address.ss_family != AF_UNIX && reuse != 0) {
        return bind_inet((const struct sockaddr *)&address, size, reuse, listener);
    }
    listener->fd = fcntl(first->fd, F_DUPFD_CLOEXEC, 0);
    listener->port = first->port;
    return listener->fd < 0 ? -errno : 0;
}

int
listener_open_beside(
    const struct listener *first, struct listener *ret_listener, char *ret_error)
{
    struct listener listener = {.fd = -1};
    const int r = open_beside(first, &listener);

    if (r < 0) {
        listener_close(&listener);
        return fail(ret_error, "the same address again", r);
    }
    *ret_listener = listener;
    return 0;
}

void
listener_close(struct listener *listener)
{
    if (listener->fd >= 0) {
        (void)close(listener->fd);
        listener->fd = -1;
    }
    if (listener->path[0] != '\0') {
        (void)unlink(listener->path);
        listener->path[0] = '\0';
    }
}
