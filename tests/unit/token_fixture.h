/*
 * token_fixture.h - a token checker, an IAM of our own, and some who ask.
 */
#pragma once

#include "server/proof/token.h"
#include "tests/unit/http_peer.h"
#include "tests/unit/unit.h"

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define WORKER "WK0123456789abcdef0123456789abcdef"
#define RIGHT "right00000000000000000000000000f"
#define YES                                                                              \
    "{\"valid\":true,\"expiration\":\"2099-01-01T08:00:00.000Z\",\"roles\":[\"agent\"]," \
    "\"worker_sid\":\"" WORKER "\"}"

enum {
    CHECKS_MAX = 64,
};

struct scene {
    struct peer peer;
    struct http_client *client;
    struct token_checker *checker;
    struct token_check checks[CHECKS_MAX];
    size_t asked;
    size_t told;
};

/* close_scene() it; the peer's last request stays to be looked at. */
void open_scene(
    struct scene *scene, peer_serve *serve, const char *const *tokens, size_t count);
void open_simple(struct scene *scene, peer_serve *serve); /* the ring is RIGHT */
void close_scene(struct scene *scene);
/* For a peer and a client that are there. */
void open_checker(struct scene *scene, const char *const *tokens, size_t count);

/* Asks without waiting; the check stays in the scene. */
struct token_check *start_check(struct scene *scene, const char *token);
struct token_check *start_numbered(struct scene *scene, size_t number);
/* Asks and waits for the verdict. */
struct token_check *check(struct scene *scene, const char *token);

/* What IAM says. */
void answer(int fd, const char *status_and_headers, const char *body);
void serve_yes(struct peer *peer, int fd, int index);
