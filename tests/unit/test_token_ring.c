/*
 * test_token_ring.c - which of our own auth tokens IAM takes: found, remembered, replaced.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/proof/verify.h"
#include "tests/unit/token_fixture.h"

#define UNAUTHORIZED "{\"code\":20003,\"message\":\"Authenticate\",\"status\":401}"

/* Takes RIGHT only. */
static void
serve_right_only(struct peer *peer, int fd, int index)
{
    (void)index;
    if (!peer_read(peer, fd)) {
        return;
    }
    if (strstr(peer->request, "OnJpZ2h0") != NULL ||
        strstr(peer->request, "pyaWdodD") != NULL ||
        strstr(peer->request, "6cmlnaHQ") !=
            NULL) { /* ":right" in base64, at any offset */
        answer(fd, "200 OK", YES);
    } else {
        answer(fd, "401 Unauthorized", UNAUTHORIZED);
    }
}

static void
the_token_iam_takes_is_found_and_remembered(void **state)
{
    static const char *const tokens[] = {"wrong1", "wrong2", RIGHT, "wrong3"};
    struct scene scene;

    (void)state;
    open_scene(&scene, serve_right_only, tokens, LENGTH(tokens));
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_VALID);
    assert_int_equal(scene.peer.connections, 3);
    assert_int_equal(check(&scene, "eyJ.b")->verdict, TOKEN_VALID);
    assert_int_equal(scene.peer.connections, 4);
    close_scene(&scene);
}

static void
one_question_walks_the_ring_for_all(void **state)
{
    static const char *const tokens[] = {"wrong1", "wrong2", "wrong3", RIGHT};
    enum {
        ASKING = 20
    };
    struct scene scene;

    (void)state;
    open_scene(&scene, serve_right_only, tokens, LENGTH(tokens));
    for (size_t i = 0; i < ASKING; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_PENDING);
    }
    run_until_idle(scene.client);
    assert_int_equal(scene.told, ASKING);
    for (size_t i = 0; i < ASKING; i++) {
        assert_int_equal(scene.checks[i].verdict, TOKEN_VALID);
    }
    assert_int_equal(scene.peer.connections, 3 + ASKING);
    close_scene(&scene);
}

static void
a_wrong_ring_costs_one_walk_and_then_a_pause(void **state)
{
    const char *tokens[VERIFY_TOKENS_MAX];
    enum {
        ASKING = 20
    };
    struct scene scene;

    (void)state;
    for (size_t i = 0; i < LENGTH(tokens); i++) {
        tokens[i] = "wrong";
    }
    open_scene(&scene, serve_right_only, tokens, LENGTH(tokens));
    for (size_t i = 0; i < ASKING; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_PENDING);
    }
    run_until_idle(scene.client);
    assert_int_equal(scene.told, ASKING);
    assert_int_equal(scene.peer.connections, VERIFY_TOKENS_MAX);
    assert_int_equal(start_numbered(&scene, ASKING)->verdict, TOKEN_UNKNOWN);
    assert_int_equal(http_client_active(scene.client), 0);
    close_scene(&scene);
}

static void
a_new_ring_is_used_by_the_question_under_way(void **state)
{
    static const char *const old_ring[] = {"wrong1", "wrong2"};
    static const char *const new_ring[] = {RIGHT};
    struct scene scene;

    (void)state;
    open_scene(&scene, serve_right_only, old_ring, LENGTH(old_ring));
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_PENDING);
    }
    assert_int_equal(token_checker_set_tokens(scene.checker, new_ring, 1), 0);
    assert_int_equal(start_numbered(&scene, 5)->verdict, TOKEN_PENDING);
    run_until_idle(scene.client);
    assert_int_equal(scene.told, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(scene.checks[i].verdict, TOKEN_VALID);
    }
    assert_int_equal(scene.peer.connections, 1 + 6); /* one with the old ring */
    close_scene(&scene);
}

static void
an_answer_to_the_old_ring_counts_but_proves_nothing_of_the_new(void **state)
{
    static const char *const old_ring[] = {"wrong1", RIGHT};
    static const char *const new_ring[] = {RIGHT, "wrong1"};
    struct scene scene;

    (void)state;
    open_scene(&scene, serve_right_only, old_ring, LENGTH(old_ring));
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_VALID);
    assert_int_equal(scene.peer.connections, 2);
    assert_int_equal(start_check(&scene, "eyJ.b")->verdict, TOKEN_PENDING);
    assert_int_equal(token_checker_set_tokens(scene.checker, new_ring, 2), 0);
    run_until_idle(scene.client);
    assert_int_equal(scene.checks[1].verdict, TOKEN_VALID);
    assert_int_equal(check(&scene, "eyJ.c")->verdict, TOKEN_VALID);
    assert_int_equal(scene.peer.connections, 4); /* its first token, at once */
    close_scene(&scene);
}

static void
a_new_ring_ends_the_pause(void **state)
{
    static const char *const old_ring[] = {"wrong1"};
    static const char *const new_ring[] = {RIGHT};
    struct scene scene;

    (void)state;
    open_scene(&scene, serve_right_only, old_ring, 1);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_UNKNOWN);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_UNKNOWN);
    assert_int_equal(scene.peer.connections, 1);
    assert_int_equal(token_checker_set_tokens(scene.checker, new_ring, 1), 0);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_VALID);
    close_scene(&scene);
}

static void
an_unusable_ring_is_refused_and_the_old_one_stays(void **state)
{
    static char endless[4096];
    const char *many[VERIFY_TOKENS_MAX + 1];
    const char *const empty[] = {RIGHT, ""};
    const char *const too_long[] = {endless};
    struct scene scene;

    (void)state;
    memset(endless, 'x', sizeof(endless) - 1);
    for (size_t i = 0; i < LENGTH(many); i++) {
        many[i] = RIGHT;
    }
    open_simple(&scene, serve_right_only);
    assert_int_equal(token_checker_set_tokens(scene.checker, NULL, 0), -EINVAL);
    assert_int_equal(
        token_checker_set_tokens(scene.checker, many, LENGTH(many)), -EINVAL);
    assert_int_equal(token_checker_set_tokens(scene.checker, empty, 2), -EINVAL);
    assert_int_equal(token_checker_set_tokens(scene.checker, too_long, 1), -EINVAL);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_VALID);
    close_scene(&scene);
}

static void
the_tokens_given_may_go_away(void **state)
{
    char *token = strdup(RIGHT);
    const char *const tokens[] = {token};
    struct scene scene;

    (void)state;
    assert_non_null(token);
    open_scene(&scene, serve_right_only, tokens, 1);
    memset(token, 'x', strlen(token));
    free(token);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_VALID);
    close_scene(&scene);
}

/* The first is taken; afterwards IAM has forgotten the token it took. */
static void
serve_yes_once(struct peer *peer, int fd, int index)
{
    if (index == 0) {
        serve_yes(peer, fd, index);
    } else if (peer_read(peer, fd)) {
        answer(fd, "401 Unauthorized", UNAUTHORIZED);
    }
}

static void
a_token_that_was_taken_and_is_not_any_more_costs_no_storm(void **state)
{
    static const char *const tokens[] = {"a", "b", "c"};
    enum {
        ASKING = 20
    };
    struct scene scene;

    (void)state;
    open_scene(&scene, serve_yes_once, tokens, LENGTH(tokens));
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_VALID);
    for (size_t i = 0; i < ASKING; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_PENDING);
    }
    run_until_idle(scene.client);
    assert_int_equal(scene.told, 1 + ASKING);
    assert_true(scene.peer.connections <= 1 + ASKING + (int)LENGTH(tokens));
    close_scene(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_token_iam_takes_is_found_and_remembered),
        cmocka_unit_test(one_question_walks_the_ring_for_all),
        cmocka_unit_test(a_wrong_ring_costs_one_walk_and_then_a_pause),
        cmocka_unit_test(a_new_ring_is_used_by_the_question_under_way),
        cmocka_unit_test(an_answer_to_the_old_ring_counts_but_proves_nothing_of_the_new),
        cmocka_unit_test(a_new_ring_ends_the_pause),
        cmocka_unit_test(an_unusable_ring_is_refused_and_the_old_one_stays),
        cmocka_unit_test(the_tokens_given_may_go_away),
        cmocka_unit_test(a_token_that_was_taken_and_is_not_any_more_costs_no_storm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
