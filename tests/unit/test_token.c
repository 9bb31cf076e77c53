/*
 * test_token.c - the token checker against an IAM of our own.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ingest/token.h"
#include "server/ingest/verify.h"
#include "server/ops/clock.h"
#include "tests/unit/http_peer.h"
#include "tests/unit/unit.h"

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define WORKER "WK0123456789abcdef0123456789abcdef"
#define RIGHT "right00000000000000000000000000f"
#define YES                                                                              \
    "{\"valid\":true,\"expiration\":\"2099-01-01T08:00:00.000Z\",\"roles\":[\"agent\"]," \
    "\"worker_sid\":\"" WORKER "\"}"
#define UNAUTHORIZED "{\"code\":20003,\"message\":\"Authenticate\",\"status\":401}"

enum {
    CHECKS_MAX = 64,
    CONNECTIONS = 8,
    SLACK_MS = 900, /* of a busy machine, under sanitizers */
};

/* What a test needs: an IAM, a client, a checker, and some who ask. */
struct scene {
    struct peer peer;
    struct http_client *client;
    struct token_checker *checker;
    struct token_check checks[CHECKS_MAX];
    size_t asked;
    size_t told;
};

static void
on_verdict(struct token_check *check)
{
    struct scene *scene = check->context;

    scene->told++;
}

static void
open_checker(struct scene *scene, const char *const *tokens, size_t count)
{
    const struct token_checker_options options = {
        .iam_url = scene->peer.url,
        .account_sid = ACCOUNT,
        .auth_tokens = tokens,
        .auth_token_count = count,
        .client = scene->client,
    };

    assert_int_equal(token_checker_open(&options, &scene->checker), 0);
}

static void
open_scene(
    struct scene *scene, peer_serve *serve, const char *const *tokens, size_t count)
{
    memset(scene, 0, sizeof(*scene));
    peer_start(&scene->peer, serve);
    assert_int_equal(http_client_open(CONNECTIONS, &scene->client), 0);
    open_checker(scene, tokens, count);
}

static void
close_scene(struct scene *scene)
{
    http_client_close(&scene->client);
    token_checker_close(&scene->checker);
    peer_stop(&scene->peer);
}

static void
open_simple(struct scene *scene, peer_serve *serve)
{
    static const char *const tokens[] = {RIGHT};

    open_scene(scene, serve, tokens, 1);
}

/* Asks without waiting; the check stays in the scene. */
static struct token_check *
start_check(struct scene *scene, const char *token)
{
    assert_true(scene->asked < CHECKS_MAX);
    struct token_check *check = &scene->checks[scene->asked];

    check->done = on_verdict;
    check->context = scene;
    scene->asked++;
    if (token_check(scene->checker, slice_of(token), check) != TOKEN_PENDING) {
        scene->told++;
    }
    return check;
}

static struct token_check *
start_numbered(struct scene *scene, size_t number)
{
    char token[32];

    (void)snprintf(token, sizeof(token), "eyJ.number.%zu", number);
    return start_check(scene, token);
}

/* Asks and waits for the verdict. */
static struct token_check *
check(struct scene *scene, const char *token)
{
    struct token_check *result = start_check(scene, token);

    run_until_idle(scene->client);
    assert_int_equal(scene->told, scene->asked);
    return result;
}

static void
answer(int fd, const char *status_and_headers, const char *body)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
        "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        status_and_headers, strlen(body), body);
    peer_answer(fd, text);
}

/* ---- one question ------------------------------------------------------------------------- */

static void
serve_yes(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        answer(fd, "200 OK", YES);
    }
}

static void
serve_no(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        answer(fd, "200 OK", "{\"valid\":false,\"message\":\"no\"}");
    }
}

static void
asks_as_documented_and_reads_the_worker(void **state)
{
    struct scene scene;

    (void)state;
    open_simple(&scene, serve_yes);
    const struct token_check *result = check(&scene, "eyJ.a.b");

    assert_int_equal(result->verdict, TOKEN_VALID);
    assert_string_equal(result->worker_sid, WORKER);
    close_scene(&scene);
    assert_non_null(strstr(scene.peer.request,
        "POST /x/v1/Accounts/" ACCOUNT "/Tokens/validate HTTP/1.1\r\n"));
    assert_non_null(strstr(scene.peer.request,
        "\r\nAuthorization: Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpyaWdodDAw"
        "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwZg==\r\n"));
    assert_non_null(strstr(scene.peer.request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(scene.peer.request, "\r\nCache-Control: no-cache\r\n"));
    assert_non_null(strstr(scene.peer.request, "\r\n\r\n{\"token\":\"eyJ.a.b\"}"));
}

static void
a_yes_and_a_no_are_remembered(void **state)
{
    static peer_serve *const serves[] = {serve_yes, serve_no};
    static const enum token_verdict verdicts[] = {TOKEN_VALID, TOKEN_INVALID};

    (void)state;
    for (size_t i = 0; i < LENGTH(serves); i++) {
        struct scene scene;

        open_simple(&scene, serves[i]);
        assert_int_equal(check(&scene, "eyJ.a")->verdict, verdicts[i]);
        assert_int_equal(check(&scene, "eyJ.a")->verdict, verdicts[i]);
        assert_int_equal(scene.peer.connections, 1);
        assert_int_equal(check(&scene, "eyJ.b")->verdict, verdicts[i]);
        assert_int_equal(scene.peer.connections, 2);
        close_scene(&scene);
    }
}

static void
those_with_the_same_token_are_one_question(void **state)
{
    struct scene scene;

    (void)state;
    open_simple(&scene, serve_yes);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(start_check(&scene, "eyJ.a")->verdict, TOKEN_PENDING);
    }
    run_until_idle(scene.client);
    assert_int_equal(scene.told, 10);
    assert_int_equal(scene.peer.connections, 1);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(scene.checks[i].verdict, TOKEN_VALID);
        assert_string_equal(scene.checks[i].worker_sid, WORKER);
    }
    close_scene(&scene);
}

static void
what_cannot_be_a_token_is_not_asked_about(void **state)
{
    static char long_token[TOKEN_SIZE_MAX + 1];
    static const char *const tokens[] = {
        "", " ", "a b", "a\"b", "a\\b", "a\nb", "\x7f", "\xc3\xa9", long_token};
    struct scene scene;

    (void)state;
    memset(long_token, 'x', sizeof(long_token) - 1);
    open_simple(&scene, serve_yes);
    for (size_t i = 0; i < LENGTH(tokens); i++) {
        assert_int_equal(start_check(&scene, tokens[i])->verdict, TOKEN_INVALID);
    }
    assert_int_equal(http_client_active(scene.client), 0);
    long_token[TOKEN_SIZE_MAX - 1] = '\0';
    assert_int_equal(start_check(&scene, long_token)->verdict, TOKEN_PENDING);
    close_scene(&scene);
}

/* ---- answers that say nothing ------------------------------------------------------------- */

static const char *const nothings[] = {
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{\"valid\":true}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n{\"valid\":true}\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"valid\":tr",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>maintenance</html>",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n" YES,
    "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /y\r\n\r\n" YES,
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{\"valid\":false}",
    "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n{\"valid\":false}",
    "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n{\"code\":20404}",
    "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n" YES,
    "HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n{}",
    "not HTTP at all\r\n\r\n",
    "",
};

/* Each of them twice, in order. */
static void
serve_nothings(struct peer *peer, int fd, int index)
{
    if (peer_read(peer, fd)) {
        peer_answer(fd, nothings[(size_t)index / 2 % LENGTH(nothings)]);
    }
}

static void
an_answer_that_says_nothing_lets_nobody_in_and_is_forgotten(void **state)
{
    struct scene scene;

    (void)state;
    open_simple(&scene, serve_nothings);
    for (int i = 0; i < 2 * (int)LENGTH(nothings); i++) {
        if (check(&scene, "eyJ.a")->verdict != TOKEN_UNKNOWN) {
            fail_msg("not unknown: %s", nothings[i / 2]);
        }
        assert_int_equal(scene.peer.connections, i + 1);
    }
    close_scene(&scene);
}

static void
serve_endless(struct peer *peer, int fd, int index)
{
    static char blanks[HTTP_CLIENT_BODY_MAX + 1];

    (void)index;
    if (peer_read(peer, fd)) {
        memset(blanks, ' ', sizeof(blanks) - 1);
        peer_answer(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" YES);
        peer_answer(fd, blanks); /* harmless to JSON: only the size is wrong */
    }
}

static void
an_answer_over_the_limit_says_nothing(void **state)
{
    struct scene scene;

    (void)state;
    open_simple(&scene, serve_endless);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_UNKNOWN);
    close_scene(&scene);
}

static void
nobody_there_is_unknown(void **state)
{
    static const char *const tokens[] = {RIGHT};
    struct scene scene;

    (void)state;
    memset(&scene, 0, sizeof(scene));
    closed_url(scene.peer.url, sizeof(scene.peer.url), "");
    assert_int_equal(http_client_open(1, &scene.client), 0);
    open_checker(&scene, tokens, 1);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_UNKNOWN);
    http_client_close(&scene.client);
    token_checker_close(&scene.checker);
}

static void
serve_silence(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        peer_wait_for_leaving(fd);
    }
}

static void
silence_is_unknown_after_two_seconds_for_those_held_too(void **state)
{
    struct scene scene;
    const int64_t began_us = clock_monotonic_us();

    (void)state;
    open_simple(&scene, serve_silence);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_PENDING);
    }
    run_until_idle(scene.client);
    const int64_t took_ms = (clock_monotonic_us() - began_us) / US_PER_MS;

    assert_int_equal(scene.told, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(scene.checks[i].verdict, TOKEN_UNKNOWN);
    }
    assert_true(took_ms >= TOKEN_TIMEOUT_MS && took_ms < TOKEN_TIMEOUT_MS + SLACK_MS);
    close_scene(&scene);
}

/* ---- patience ----------------------------------------------------------------------------- */

static void
serve_limited(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        answer(fd, "429 Too Many Requests\r\nRetry-After: 20", "{\"code\":20429}");
    }
}

static void
iam_is_left_alone_when_it_asks_for_patience(void **state)
{
    struct scene scene;

    (void)state;
    open_simple(&scene, serve_limited);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_PENDING);
    }
    run_until_idle(scene.client);
    assert_int_equal(scene.told, 5);
    for (size_t i = 5; i < 10; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_UNKNOWN);
    }
    assert_int_equal(http_client_active(scene.client), 0);
    assert_int_equal(scene.peer.connections, 1);
    close_scene(&scene);
}

static void
serve_yes_then_limited(struct peer *peer, int fd, int index)
{
    (index == 0 ? serve_yes : serve_limited)(peer, fd, index);
}

static void
what_is_known_is_known_while_iam_is_left_alone(void **state)
{
    struct scene scene;

    (void)state;
    open_simple(&scene, serve_yes_then_limited);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_VALID);
    assert_int_equal(check(&scene, "eyJ.b")->verdict, TOKEN_UNKNOWN);
    assert_int_equal(check(&scene, "eyJ.a")->verdict, TOKEN_VALID);
    close_scene(&scene);
}

/* ---- the ring ----------------------------------------------------------------------------- */

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

/* ---- limits ------------------------------------------------------------------------------- */

static void
too_many_questions_are_unknown_and_joining_is_not_one(void **state)
{
    struct scene scene;

    (void)state;
    open_simple(&scene, serve_silence);
    for (size_t i = 0; i < TOKEN_ASKING_MAX; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_PENDING);
    }
    assert_int_equal(start_numbered(&scene, TOKEN_ASKING_MAX)->verdict, TOKEN_UNKNOWN);
    assert_int_equal(
        start_numbered(&scene, TOKEN_ASKING_MAX - 1)->verdict, TOKEN_PENDING);
    assert_int_equal(scene.told, 1);
    http_client_close(&scene.client); /* breaks off the scout; nobody is forgotten */
    assert_int_equal(scene.told, TOKEN_ASKING_MAX + 2);
    for (size_t i = 0; i < scene.asked; i++) {
        assert_int_equal(scene.checks[i].verdict, TOKEN_UNKNOWN);
    }
    close_scene(&scene);
}

static void
room_is_there_again_after_the_answers(void **state)
{
    struct scene scene;

    (void)state;
    open_simple(&scene, serve_yes);
    for (size_t i = 0; i < TOKEN_ASKING_MAX; i++) {
        assert_int_equal(start_numbered(&scene, i)->verdict, TOKEN_PENDING);
    }
    run_until_idle(scene.client);
    assert_int_equal(scene.told, TOKEN_ASKING_MAX);
    assert_int_equal(check(&scene, "eyJ.more")->verdict, TOKEN_VALID);
    close_scene(&scene);
}

static void
a_checker_without_tokens_or_with_an_endless_url_is_refused(void **state)
{
    static char endless[4096];
    static const char *const tokens[] = {RIGHT};
    struct token_checker *checker = NULL;
    struct token_checker_options options = {
        .iam_url = "http://127.0.0.1:1", .account_sid = ACCOUNT, .auth_tokens = tokens};

    (void)state;
    assert_int_equal(token_checker_open(&options, &checker), -EINVAL);
    memset(endless, 'x', sizeof(endless) - 1);
    options.auth_token_count = 1;
    options.iam_url = endless;
    assert_int_equal(token_checker_open(&options, &checker), -EINVAL);
    assert_null(checker);
    token_checker_close(&checker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_as_documented_and_reads_the_worker),
        cmocka_unit_test(a_yes_and_a_no_are_remembered),
        cmocka_unit_test(those_with_the_same_token_are_one_question),
        cmocka_unit_test(what_cannot_be_a_token_is_not_asked_about),
        cmocka_unit_test(an_answer_that_says_nothing_lets_nobody_in_and_is_forgotten),
        cmocka_unit_test(an_answer_over_the_limit_says_nothing),
        cmocka_unit_test(nobody_there_is_unknown),
        cmocka_unit_test(silence_is_unknown_after_two_seconds_for_those_held_too),
        cmocka_unit_test(iam_is_left_alone_when_it_asks_for_patience),
        cmocka_unit_test(what_is_known_is_known_while_iam_is_left_alone),
        cmocka_unit_test(the_token_iam_takes_is_found_and_remembered),
        cmocka_unit_test(one_question_walks_the_ring_for_all),
        cmocka_unit_test(a_wrong_ring_costs_one_walk_and_then_a_pause),
        cmocka_unit_test(a_new_ring_is_used_by_the_question_under_way),
        cmocka_unit_test(an_answer_to_the_old_ring_counts_but_proves_nothing_of_the_new),
        cmocka_unit_test(a_new_ring_ends_the_pause),
        cmocka_unit_test(an_unusable_ring_is_refused_and_the_old_one_stays),
        cmocka_unit_test(the_tokens_given_may_go_away),
        cmocka_unit_test(a_token_that_was_taken_and_is_not_any_more_costs_no_storm),
        cmocka_unit_test(too_many_questions_are_unknown_and_joining_is_not_one),
        cmocka_unit_test(room_is_there_again_after_the_answers),
        cmocka_unit_test(a_checker_without_tokens_or_with_an_endless_url_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
