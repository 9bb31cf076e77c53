/*
 * test_token_cache.c - how long verdicts are kept, and which gives way.
 */
#include <stdio.h>
#include <string.h>

#include "server/ops/sha256.h"
#include "server/proof/token_cache.h"
#include "tests/unit/unit.h"

static const struct token_now start = {
    .monotonic_us = INT64_C(5000000), .unix_ms = INT64_C(1767225600000)};
static const struct token_answer minute = {
    .verdict = TOKEN_VALID, .worker_sid = "WK1", .keep_ms = 60000};

static struct token_cache cache; /* too large for a stack */

static int
empty_cache(void **state)
{
    (void)state;
    memset(&cache, 0, sizeof(cache));
    return 0;
}

/* Both clocks, so many ms after the start. */
static struct token_now
at(int64_t monotonic_ms, int64_t unix_ms)
{
    return (struct token_now){
        start.monotonic_us + monotonic_ms * US_PER_MS, start.unix_ms + unix_ms};
}

static void
write_hash(size_t number, char hash[SHA256_HEX_SIZE])
{
    (void)snprintf(hash, SHA256_HEX_SIZE, "%064zx", number);
}

static void
keep(size_t number, struct token_now now)
{
    char hash[SHA256_HEX_SIZE];

    write_hash(number, hash);
    token_cache_keep(&cache, hash, &minute, now);
}

static bool
is_kept(size_t number, struct token_now now)
{
    char hash[SHA256_HEX_SIZE];

    write_hash(number, hash);
    return token_cache_find(&cache, hash, now) != NULL;
}

static void
finds_what_was_kept(void **state)
{
    char hash[SHA256_HEX_SIZE];

    (void)state;
    keep(1, start);
    write_hash(1, hash);
    const struct token_answer *found = token_cache_find(&cache, hash, start);

    assert_non_null(found);
    assert_int_equal(found->verdict, TOKEN_VALID);
    assert_string_equal(found->worker_sid, "WK1");
    assert_false(is_kept(2, start));
}

static void
an_empty_cache_knows_nothing_not_even_an_empty_hash(void **state)
{
    (void)state;
    assert_false(is_kept(0, start));
    assert_null(token_cache_find(&cache, "", start));
}

static void
a_verdict_ends_to_the_millisecond(void **state)
{
    (void)state;
    keep(1, start);
    assert_true(is_kept(1, at(59999, 59999)));
    assert_false(is_kept(1, at(60000, 60000)));
}

static void
no_jump_of_the_wall_clock_prolongs_a_verdict(void **state)
{
    (void)state;
    keep(1, start);
    assert_true(is_kept(1, at(59999, -86400000)));
    assert_false(is_kept(1, at(60000, -86400000)));
}

static void
a_machine_that_slept_does_not_prolong_a_verdict(void **state)
{
    (void)state;
    keep(1, start);
    assert_true(is_kept(1, at(1, 59999)));
    assert_false(is_kept(1, at(1, 60000)));
}

static void
what_must_not_be_kept_is_not(void **state)
{
    const struct token_answer unknown = {.verdict = TOKEN_UNKNOWN};
    char hash[SHA256_HEX_SIZE];

    (void)state;
    write_hash(1, hash);
    token_cache_keep(&cache, hash, &unknown, start);
    assert_false(is_kept(1, start));
}

static void
the_least_recently_used_gives_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < TOKEN_KEPT_MAX; i++) {
        keep(i, start);
    }
    assert_true(is_kept(0, start)); /* used: now the second is the oldest */
    keep(TOKEN_KEPT_MAX, start);
    assert_true(is_kept(TOKEN_KEPT_MAX, start));
    assert_true(is_kept(0, start));
    assert_false(is_kept(1, start));
    for (size_t i = 2; i < TOKEN_KEPT_MAX; i++) {
        assert_true(is_kept(i, start));
    }
}

static void
what_is_over_gives_way_first(void **state)
{
    (void)state;
    keep(0, at(-30000, -30000)); /* over sooner than the others */
    for (size_t i = 1; i < TOKEN_KEPT_MAX; i++) {
        keep(i, start);
    }
    assert_true(is_kept(0, start)); /* used last */
    keep(TOKEN_KEPT_MAX, at(30000, 30000));
    for (size_t i = 1; i <= TOKEN_KEPT_MAX; i++) {
        assert_true(is_kept(i, at(30000, 30000)));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(finds_what_was_kept, empty_cache),
        cmocka_unit_test_setup(
            an_empty_cache_knows_nothing_not_even_an_empty_hash, empty_cache),
        cmocka_unit_test_setup(a_verdict_ends_to_the_millisecond, empty_cache),
        cmocka_unit_test_setup(no_jump_of_the_wall_clock_prolongs_a_verdict, empty_cache),
        cmocka_unit_test_setup(
            a_machine_that_slept_does_not_prolong_a_verdict, empty_cache),
        cmocka_unit_test_setup(what_must_not_be_kept_is_not, empty_cache),
        cmocka_unit_test_setup(the_least_recently_used_gives_way, empty_cache),
        cmocka_unit_test_setup(what_is_over_gives_way_first, empty_cache),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
