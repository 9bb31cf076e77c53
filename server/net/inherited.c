/*
 * inherited.c - listening sockets that systemd opened and passed to us, as sd_listen_fds(3) says.
 */
#include "server/net/inherited.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FIRST_FD = 3, /* behind stdin, stdout and stderr */
    FDS_MAX = 64,
};

static int64_t
number_of(const char *variable)
{
    const char *text = getenv(variable);
    int64_t number = 0;

    return text != NULL && slice_to_int64(slice_of(text), &number) ? number : 0;
}

/* What is meant for another process, our parent perhaps, is not ours. */
static int
count_passed(void)
{
    const int64_t count = number_of("LISTEN_FDS");

    return number_of("LISTEN_PID") == (int64_t)getpid() && count > 0 && count <= FDS_MAX
               ? (int)count
               : 0;
}

/* The place of `name` among "a:b:c", or -1. */
static int
place_of(struct slice name, int count)
{
    const char *variable = getenv("LISTEN_FDNAMES");
    struct slice names = slice_of(variable != NULL ? variable : "");

    for (int i = 0; i < count; i++) {
        const struct slice one = slice_before(names, ':');

        if (slice_equal(one, name)) {
            return i;
        }
        names = slice_skip(names, one.size < names.size ? one.size + 1 : one.size);
    }
    return -1;
}

static int
option_of(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

int
inherited_find(struct slice name, int *ret_fd)
{
    const int count = count_passed();
    const int place = name.size > 0 ? place_of(name, count) : 0;

    if (count == 0) {
        return INHERITED_E_NONE;
    }
    if (place < 0) {
        return INHERITED_E_NAME;
    }
    const int fd = FIRST_FD + place;

    if (option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1) {
        return INHERITED_E_KIND;
    }
    *ret_fd = fd;
    return INHERITED_OK;
}

void
inherited_keep(void)
{
    const int count = count_passed();

    for (int i = 0; i < count; i++) {
        (void)fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC); /* not open: nothing to keep */
    }
}
