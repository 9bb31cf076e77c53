/*
 * process.c - what a long-running process asks of the system first: files and signals.
 */
#include "server/service/process.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "server/net/inherited.h"

static int
block(const int *signals, size_t count, sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < count; i++) {
        (void)sigaddset(set, signals[i]);
    }
    return sigprocmask(SIG_BLOCK, set, NULL) < 0 ? -errno : 0;
}

int
process_prepare(void)
{
    static const int held[] = {SIGHUP}; /* done when all is up */
    struct rlimit files = {0};
    sigset_t set;

    inherited_keep();
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* fewer connections, then */
    }
    return block(held, LENGTH(held), &set);
}

int
process_open_signals(int *ret_fd)
{
    static const int waited[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file too large is an error like a full disk */
    const int r = block(waited, LENGTH(waited), &set);

    if (r < 0) {
        return r;
    }
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_fd < 0 ? -errno : 0;
}
