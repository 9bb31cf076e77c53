/*
 * alarm.c - do signatures fail altogether?
 *
 * Right signatures are the rule and must not wait for each other: they take the lock only when
 * there were wrong ones.
 */
#include "server/proof/alarm.h"

#include <pthread.h>
#include <stdatomic.h>

#include "server/ops/log.h"
#include "server/ops/metrics.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t verified_us; /* the last right one; 0: never */
static _Atomic int64_t mismatches;  /* since then; written under `lock` */
static bool is_on;                  /* under `lock` */

static struct counter *
gauge(void)
{
    return metrics_counter(METRIC_SIGNATURES_FAILING, NULL, NULL);
}

void
alarm_open(void)
{
    (void)gauge();
}

void
alarm_verified(int64_t now_us)
{
    atomic_store_explicit(&verified_us, now_us, memory_order_relaxed);
    if (atomic_load_explicit(&mismatches, memory_order_relaxed) == 0) {
        return;
    }
    (void)pthread_mutex_lock(&lock);
    const int64_t count = atomic_exchange(&mismatches, 0);

    if (is_on) {
        is_on = false;
        counter_set(gauge(), 0);
        log_info("signatures_recovered", "mismatches=%lld", (long long)count);
    }
    (void)pthread_mutex_unlock(&lock);
}

void
alarm_mismatch(int64_t now_us)
{
    (void)pthread_mutex_lock(&lock);
    const int64_t count = atomic_fetch_add(&mismatches, 1) + 1;
    const int64_t last_us = atomic_load_explicit(&verified_us, memory_order_relaxed);

    if (!is_on && count >= ALARM_MISMATCHES &&
        (last_us == 0 || now_us - last_us > (int64_t)ALARM_QUIET_S * US_PER_S)) {
        is_on = true;
        counter_set(gauge(), 1);
        log_error("signatures_failing",
            "mismatches=%lld do=\"no signature verifies: check auth_token, auth_tokens and "
            "public_url; signature_tried names what was tried\"",
            (long long)count);
    }
    (void)pthread_mutex_unlock(&lock);
}
