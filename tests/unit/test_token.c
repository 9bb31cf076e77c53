/*
 * test_token.c - the token checker against an IAM of our own.
 */
#include <errno.h>
#include <string.h>

#include "server/ops/clock.h"
#include "tests/unit/token_fixture.h"

enum {
    SLACK_MS = 900, /* of a busy machine, under sanitizers */
};

/* ---- one question ------------------------------------------------------------------------- */

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
        cmocka_unit_test(too_many_questions_are_unknown_and_joining_is_not_one),
        cmocka_unit_test(room_is_there_again_after_the_answers),
        cmocka_unit_test(a_checker_without_tokens_or_with_an_endless_url_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
