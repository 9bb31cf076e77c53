/*
 * jitter.c - waits of a random length: many processes shall not come back at the same moment.
 */
#include "queue/jitter.h"

#include <sys/random.h>
#include <time.h>

uint32_t
jitter_number(void)
{
    uint32_t number = 0;
    struct timespec now = {0};

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number)) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        number = (uint32_t)now.tv_nsec;
    }
    return number;
}

int64_t
jitter_of(int64_t us)
{
    return us / 2 + (int64_t)(jitter_number() % (uint32_t)(us / 2 + 1));
}
