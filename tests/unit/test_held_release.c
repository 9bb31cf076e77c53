/*
 * test_held_release.c - what is released from the ring of held requests is released once.
 */
#include "server/ingest/held_read.h"
#include "server/ingest/held_release.h"
#include "tests/unit/held_fixture.h"
#include "tests/unit/unit.h"

/* ---- releasing ---------------------------------------------------------------------------- */

static void
what_was_marked_is_not_read_again(void **state)
{
    struct held_request request;

    keep_many(state, RING_MAX, 1, 4);
    for (int64_t next = 1; next <= 2; next++) {
        AUTO(held_reader_close) struct held_reader *reader = NULL;

        assert_int_equal(held_reader_open(*state, &reader), 0);
        assert_int_equal(held_reader_next(reader, &request), HELD_READ);
        assert_int_equal(request.time_ms, next);
        assert_int_equal(held_reader_mark(reader), 0);
    }
    assert_int_equal(read_from(state, 3, NULL), 2);
}

static void
marking_while_the_ring_turns_over_harms_nothing(void **state)
{
    enum {
        PER_HALF = RING_MAX / 2 / ENTRY_SIZE,
    };
    AUTO(held_reader_close) struct held_reader *reader = NULL;
    struct held_request request;

    keep_many(state, RING_MAX, 1, 2 * PER_HALF);
    assert_int_equal(held_reader_open(*state, &reader), 0);
    keep_many(
        state, RING_MAX, 2 * PER_HALF + 1, 2 * PER_HALF); /* both are other files now */
    for (int64_t i = 1; i <= 2 * PER_HALF; i++) {
        assert_int_equal(held_reader_next(reader, &request), HELD_READ);
        assert_int_equal(request.time_ms, i);
        assert_int_equal(held_reader_mark(reader), 0);
    }
    assert_int_equal(held_reader_next(reader, &request), HELD_READ_END);
    assert_int_equal(read_from(state, 2 * PER_HALF + 1, NULL), 2 * PER_HALF);
}

/* ---- what is judged once more --------------------------------------------------------------- */

static void
note_source(void *context, const struct held_finding *finding)
{
    const char **source = context;

    assert_int_equal(finding->verdict, HELD_INVALID);
    *source = finding->source;
}

/* The ring outlives a version, and an endpoint may not. */
static void
an_endpoint_that_is_gone_is_called_none_and_stops_nothing(void **state)
{
    AUTO(held_close) struct held *held = NULL;
    char token[] = "3f1d5b7c9e8a4602b1d3f5a7c9e80246";
    char url[] = "https://hooks.example.com";
    struct config config = {.auth_token = token,
        .state_dir = *state,
        .public_urls = {.items = {url}, .count = 1}};
    struct held_request request = {.target = slice_of("/webhooks/gone?a=1"),
        .signature = slice_of("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")};
    const char *source = NULL;
    const struct held_release_options options = {
        .config = &config, .tell = note_source, .context = &source};
    struct held_totals totals;

    assert_int_equal(held_open(*state, RING_MAX, &held), 0);
    assert_int_equal(held_keep(held, &request), HELD_OK);
    assert_int_equal(held_release(&options, &totals), HELD_RELEASE_OK);
    assert_string_equal(source, "none");
    request.target = slice_of("/webhooks/messaging");
    assert_int_equal(held_keep(held, &request), HELD_OK);
    assert_int_equal(held_release(&options, &totals), HELD_RELEASE_OK);
    assert_string_equal(source, "messaging");
    assert_int_equal(totals.invalid, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(what_was_marked_is_not_read_again),
        IN_DIRECTORY(marking_while_the_ring_turns_over_harms_nothing),
        IN_DIRECTORY(an_endpoint_that_is_gone_is_called_none_and_stops_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
