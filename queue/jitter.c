/*
 * jitter.c - waits of a random length: many processes shall not come back at the same moment.
 */
#include "queue/jitter.h"

#include <sys/random.h>

int64_t
jitter_of(int64_t us)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
        return us;
    }
    return us / 2 + (int64_t)(random % (uint32_t)(us / 2 + 1));
}
