/*
 * jitter.h - waits of a random length: many processes shall not come back at the same moment.
 */
#pragma once

#include "mapping/base.h"

/* A random time in [us / 2, us]. */
int64_t jitter_of(int64_t us);
