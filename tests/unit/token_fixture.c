/*
 * token_fixture.c - a token checker, an IAM of our own, and some who ask.
 */
#include "tests/unit/token_fixture.h"

#include <stdio.h>
#include <string.h>

enum {
    CONNECTIONS = 8,
};

static void
on_verdict(struct token_check *check)
{
    struct scene *scene = check->context;

    scene->told++;
}

void
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

void
open_scene(
    struct scene *scene, peer_serve *serve, const char *const *tokens, size_t count)
{
    memset(scene, 0, sizeof(*scene));
    peer_start(&scene->peer, serve);
    assert_int_equal(http_client_open(CONNECTIONS, &scene->client), 0);
    open_checker(scene, tokens, count);
}

void
close_scene(struct scene *scene)
{
    http_client_close(&scene->client);
    token_checker_close(&scene->checker);
    peer_stop(&scene->peer);
}

void
open_simple(struct scene *scene, peer_serve *serve)
{
    static const char *const tokens[] = {RIGHT};

    open_scene(scene, serve, tokens, 1);
}

struct token_check *
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

struct token_check *
start_numbered(struct scene *scene, size_t number)
{
    char token[32];

    (void)snprintf(token, sizeof(token), "eyJ.number.%zu", number);
    return start_check(scene, token);
}

struct token_check *
check(struct scene *scene, const char *token)
{
    struct token_check *result = start_check(scene, token);

    run_until_idle(scene->client);
    assert_int_equal(scene->told, scene->asked);
    return result;
}

void
answer(int fd, const char *status_and_headers, const char *body)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
        "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        status_and_headers, strlen(body), body);
    peer_answer(fd, text);
}

void
serve_yes(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        answer(fd, "200 OK", YES);
    }
}
