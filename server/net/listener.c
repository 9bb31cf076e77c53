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

#include "server/net/inherited.h"

enum {
    HOST_SIZE = AUTHORITY_HOST_MAX + 1,
    PORT_SIZE = 6,
    SOCKET_FLAGS = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
};

union socket_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static int
fail(char *error, const char *address, int r)
{
    const char *remedy =
        "use host:port, :port, unix:/path, or systemd for an inherited socket";

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

/* ---- sockets that are there already ------------------------------------------------------- */

static uint16_t
bound_port(int fd)
{
    union socket_address address = {0};
    socklen_t size = sizeof(address);

    if (getsockname(fd, &address.any, &size) < 0) {
        return 0;
    }
    switch (address.any.sa_family) {
    case AF_INET:
        return ntohs(address.in.sin_port);
    case AF_INET6:
        return ntohs(address.in6.sin6_port);
    default:
        return 0;
    }
}

/* The descriptor is ours, the socket is not: closing leaves it open for the others. */
static int
duplicate(int fd, struct listener *listener)
{
    const int flags = fcntl(fd, F_GETFL);

    listener->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (listener->fd < 0 || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -errno;
    }
    listener->is_shared = true;
    listener->port = bound_port(fd);
    return 0;
}

static int
open_inherited(
    const char *address, struct slice name, struct listener *listener, char *error)
{
    static const struct {
        const char *fault;
        const char *remedy;
    } texts[] = {
        [INHERITED_E_NONE] = {"no socket was passed to this process",
            "start it by its socket unit, or listen on host:port"},
        [INHERITED_E_NAME] = {"no socket of that name was passed",
            "set FileDescriptorName= in its socket unit"},
        [INHERITED_E_KIND] = {"what was passed is no listening stream socket",
            "use ListenStream= and Accept=no in its socket unit"},
    };
    int fd = -1;
    const int r = inherited_find(name, &fd);

    if (r != INHERITED_OK) {
        (void)snprintf(error, LISTENER_ERROR_SIZE, "cannot listen: %s: %.60s (%s)",
            texts[r].fault, address, texts[r].remedy);
        return -ENOENT;
    }
    return duplicate(fd, listener);
}

/* ---- unix sockets ------------------------------------------------------------------------- */

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
    const int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);

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

    if (!slice_to_text(path, address.sun_path, sizeof(address.sun_path))) {
        return -ENAMETOOLONG;
    }
    const int r = remove_stale(&address);

    if (r < 0) {
        return r;
    }
    listener->fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (listener->fd < 0 ||
        bind(listener->fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return -errno;
    }
    memcpy(listener->path, address.sun_path, sizeof(listener->path));
    /* Before listen(), so that at no time somebody else gets in. */
    if (chmod(listener->path, LISTENER_UNIX_MODE) < 0 ||
        listen(listener->fd, LISTENER_BACKLOG) < 0) {
        return -errno;
    }
    return 0;
}

/* ---- TCP ---------------------------------------------------------------------------------- */

static int
bind_inet(const struct sockaddr *address, socklen_t size, bool reuse_port,
    struct listener *listener)
{
    const int on = 1;
    const int off = 0;
    const int fd = socket(address->sa_family, SOCKET_FLAGS, 0);

    if (fd < 0) {
        return -errno;
    }
    listener->fd = fd;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
        (address->sa_family == AF_INET6 &&
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
open_inet(const struct authority *address, bool reuse_port, struct listener *listener)
{
    /* Every address: one IPv6 socket takes IPv4 too, unless the machine has no IPv6. */
    static const int families[] = {AF_INET6, AF_INET};
    char host[HOST_SIZE];
    char port[PORT_SIZE];
    int r = -EINVAL;

    if (!slice_to_text(address->host, host, sizeof(host)) ||
        !slice_to_text(address->port, port, sizeof(port))) {
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

/* ---- any of them --------------------------------------------------------------------------- */

int
listener_open(
    const char *address, bool reuse_port, struct listener *ret_listener, char *ret_error)
{
    struct listener listener = {.fd = -1};
    struct listen_address parsed;
    int r = -EINVAL;

    ret_error[0] = '\0'; /* for those below who know better than errno */
    if (listen_address_parse(slice_of(address), &parsed)) {
        switch (parsed.kind) {
        case LISTEN_SYSTEMD:
            r = open_inherited(address, parsed.name, &listener, ret_error);
            break;
        case LISTEN_UNIX:
            r = open_unix(parsed.path, &listener);
            break;
        case LISTEN_INET:
            r = open_inet(&parsed.inet, reuse_port, &listener);
            break;
        }
    }
    if (r < 0) {
        listener_close(&listener);
        return ret_error[0] != '\0' ? r : fail(ret_error, address, r);
    }
    *ret_listener = listener;
    return 0;
}

int
listener_open_beside(int fd, struct listener *ret_listener, char *ret_error)
{
    struct listener listener = {.fd = -1};
    union socket_address address = {0};
    socklen_t size = sizeof(address);
    int shares_port = 0;
    socklen_t option_size = sizeof(shares_port);

    if (bound_port(fd) != 0) {
        (void)getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares_port, &option_size);
        (void)getsockname(fd, &address.any, &size); /* worked a line ago */
    }
    const int r = shares_port != 0 ? bind_inet(&address.any, size, true, &listener)
                                   : duplicate(fd, &listener);

    if (r < 0) {
        listener_close(&listener);
        return fail(ret_error, "beside a listener that is open", r);
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
