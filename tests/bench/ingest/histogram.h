/*
 * histogram.h - counts of latencies, each bucket at most 1/64 wide of its value.
 */
#pragma once

#include "mapping/base.h"

enum {
    HISTOGRAM_EXACT = 128, /* below this, one bucket for each microsecond */
    HISTOGRAM_STEPS = 64,  /* buckets for each doubling above */
    HISTOGRAM_DOUBLINGS = 25,
    HISTOGRAM_BUCKETS = HISTOGRAM_EXACT + HISTOGRAM_STEPS * HISTOGRAM_DOUBLINGS,
};

struct histogram {
    int64_t counts[HISTOGRAM_BUCKETS];
    int64_t total;
    int64_t max_us;
};

/* Longer than the last bucket's is counted there. */
static inline size_t
histogram_bucket(int64_t us)
{
    if (us < HISTOGRAM_EXACT) {
        return us > 0 ? (size_t)us : 0;
    }
    const int shift = 63 - __builtin_clzll((unsigned long long)us) - 6;
    const size_t bucket = HISTOGRAM_EXACT + (size_t)(shift - 1) * HISTOGRAM_STEPS +
                          (size_t)(us >> shift) - HISTOGRAM_STEPS;

    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that falls into the bucket. */
static inline int64_t
histogram_bound(size_t bucket)
{
    if (bucket < HISTOGRAM_EXACT) {
        return (int64_t)bucket;
    }
    const size_t shift = (bucket - HISTOGRAM_EXACT) / HISTOGRAM_STEPS + 1;
    const size_t step = (bucket - HISTOGRAM_EXACT) % HISTOGRAM_STEPS + HISTOGRAM_STEPS;

    return ((int64_t)(step + 1) << shift) - 1;
}

static inline void
histogram_add(struct histogram *histogram, int64_t us)
{
    histogram->counts[histogram_bucket(us)]++;
    histogram->total++;
    histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
}

/* What at least `per_mille` of 1000 values do not exceed; 0 when there are none. */
static inline int64_t
histogram_quantile(const struct histogram *histogram, int64_t per_mille)
{
    const int64_t wanted = (histogram->total * per_mille + 999) / 1000;
    int64_t seen = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS && wanted > 0; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted) {
            const int64_t bound = histogram_bound(i);

            return bound < histogram->max_us ? bound : histogram->max_us;
        }
    }
    return 0;
}
