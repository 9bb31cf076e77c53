/*
 * http_fixture.h - a server under test and its clients, byte for byte, in one thread: pump() runs
 * the server and reads what it sends until a condition holds.
 */
#pragma once

#include "server/net/http.h"
#include "tests/unit/unit.h"

enum {
    BODY_MAX = 200 * 1024,
    ANSWER_MAX = 64 * 1024,
    ERROR_SIZE = 200,
    WAITING_MAX = 8,
};

#define HOST "Host: hooks.example.com\r\n"
#define NEXT "GET /next HTTP/1.1\r\n" HOST "\r\n"
#define WITH_SERVER(test) \
    cmocka_unit_test_setup_teardown(test, server_setup, server_teardown)

struct client {
    int fd;
    bool ended;
    char text[ANSWER_MAX]; /* all that was received */
    size_t size;
};

/* Its handler says what it saw: "POST /path?query path=/path size=5 sum=... refused=0 x=1:v" */
struct fixture {
    struct http_server *server;
    size_t handled;
    bool reply_later;
    int peer_family; /* of the last request */
    struct http_request *waiting[WAITING_MAX];
    size_t waiting_count;
};

/* ---- the server ---- */

/* For WITH_SERVER(): *state is the struct fixture. */
int server_setup(void **state);
int server_teardown(void **state);
/* The handler; its context is the fixture. */
void handle(void *context, struct http_request *request);
int open_at(struct fixture *fixture, const char *listen, char error[ERROR_SIZE]);
void reply_all(struct fixture *fixture);

/* ---- clients ---- */

struct client *client_of(int fd);
struct client *client_open(const struct fixture *fixture);
void client_close(struct client **client);
void client_read(struct client *client);
size_t count_answers(const struct client *client);
void assert_has(const struct client *client, const char *text);

/* ---- the two together ---- */

typedef bool condition(
    const struct fixture *fixture, const struct client *client, size_t n);

condition has_answers; /* `n` and the end of the last body */
condition has_ended;
condition has_handled;
condition has_active;

/* One step of both; false when nothing was ready. */
bool turn(struct fixture *fixture, struct client *client);
void pump(struct fixture *fixture, struct client *client, condition *holds, size_t n);
/* Runs until nothing happens any more: for what must not happen. */
void settle(struct fixture *fixture, struct client *client);
/* Runs the server meanwhile: a large body does not fit into the socket. */
void send_all(
    struct fixture *fixture, struct client *client, const char *data, size_t size);
void send_text(struct fixture *fixture, struct client *client, const char *text);
