/*
 * jitter.h - waits of a random length: many processes shall not come back at the same moment.
 */
#pragma once

#include "mapping/base.h"

/* Any number; good enough to spread waits, and for nothing else. */
uint32_t jitter_number(void);
/* A random time in [us / 2, us]. */
int64_t jitter_of(int64_t us);
