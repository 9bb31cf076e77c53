/*
 * crash_point.c - the end of the process at a point that was asked for. Test builds only.
 */
#include "queue/crash_point.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mapping/base.h"

/* The bounds of the table, as the linker names them. */
extern const char *const names_begin[] __asm__("__start_crash_points");
extern const char *const names_end[] __asm__("__stop_crash_points");

static struct slice wanted;
static _Atomic int64_t passes_left;

static void
list(void)
{
    for (const char *const *name = names_begin; name < names_end; name++) {
        (void)puts(*name);
    }
    (void)fflush(stdout);
    _exit(0);
}

/* Before main(): what was asked for is read once, while there is one thread. */
__attribute__((constructor)) static void
read_wish(void)
{
    const struct slice wish = slice_of(getenv("FLEXBREVO_CRASH_AT"));
    int64_t passes = 1;

    if (slice_is(wish, "list")) {
        list();
    }
    wanted = slice_before(wish, ':');
    if (wanted.size < wish.size &&
        !slice_to_int64(slice_skip(wish, wanted.size + 1), &passes)) {
        (void)fputs("FLEXBREVO_CRASH_AT: not name:number\n", stderr);
        _exit(1);
    }
    atomic_store(&passes_left, passes);
}

void
crash_point_pass(const char *name)
{
    if (wanted.size > 0 && slice_is(wanted, name) &&
        atomic_fetch_sub(&passes_left, 1) == 1) {
        (void)kill(getpid(), SIGKILL);
    }
}
