/*
 * sentinel_fixture.c - Sentinels that say what a test wants them to say.
 */
#include "tests/unit/sentinel_fixture.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum {
    CONNECTIONS_MAX = 64,
    FIRST_CONNECTION = SENTINELS, /* in the list of what poll() watches */
};

struct sentinel_fixture *sentinels;

static pid_t child;

/* ---- the child ---------------------------------------------------------------------------- */

struct server {
    struct pollfd fds[CONNECTIONS_MAX];
    int owner[CONNECTIONS_MAX]; /* of each connection: which Sentinel */
    nfds_t count;
};

/* AUTH, where there is one, travels in one segment with the question, and is answered first. */
static bool
answer(int fd, struct sentinel_fixture *sentinel)
{
    char question[sizeof(sentinel->question)] = "";
    const ssize_t size = recv(fd, question, sizeof(question) - 1, 0);

    if (size <= 0) {
        return false;
    }
    memcpy(sentinel->question, question, sizeof(question));
    (void)atomic_fetch_add(&sentinel->asked, 1);
    if (strcmp(sentinel->answer, "close") == 0) {
        return false;
    }
    if (strstr(question, "AUTH") != NULL && sentinel->answer[0] != '\0') {
        (void)send(fd, "+OK\r\n", 5, MSG_NOSIGNAL);
    }
    (void)send(fd, sentinel->answer, strlen(sentinel->answer), MSG_NOSIGNAL);
    if (sentinel->answer[0] != '\0') {
        (void)snprintf(question, sizeof(question),
            "*4\r\n$5\r\nflags\r\n$6\r\nmaster\r\n$12\r\nconfig-epoch\r\n:%d\r\n",
            sentinel->epoch);
        (void)send(fd, question, strlen(question), MSG_NOSIGNAL);
    }
    return true;
}

static void
take_connection(struct server *server, int owner)
{
    const int fd = accept(server->fds[owner].fd, NULL, NULL);

    if (fd >= 0 && server->count == CONNECTIONS_MAX) {
        (void)close(fd);
    } else if (fd >= 0) {
        server->owner[server->count] = owner;
        server->fds[server->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
}

static void
serve(struct server *server)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        (void)poll(server->fds, server->count, -1);
        for (nfds_t i = server->count; i-- > FIRST_CONNECTION;) {
            if (server->fds[i].revents != 0 &&
                !answer(server->fds[i].fd, &sentinels[server->owner[i]])) {
                (void)close(server->fds[i].fd);
                server->count--;
                server->fds[i] = server->fds[server->count];
                server->owner[i] = server->owner[server->count];
            }
        }
        for (int i = 0; i < SENTINELS; i++) {
            if (server->fds[i].revents != 0) {
                take_connection(server, i);
            }
        }
    }
}

/* ---- the parent --------------------------------------------------------------------------- */

static int
open_listener(uint16_t *ret_port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int
start_sentinels(void **state)
{
    struct server server = {.count = SENTINELS};

    (void)state;
    sentinels = mmap(NULL, SENTINELS * sizeof(*sentinels), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(sentinels != MAP_FAILED);
    for (int i = 0; i < SENTINELS; i++) {
        server.fds[i] =
            (struct pollfd){.fd = open_listener(&sentinels[i].port), .events = POLLIN};
    }
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        serve(&server);
    }
    for (int i = 0; i < SENTINELS; i++) {
        (void)close(server.fds[i].fd);
    }
    return 0;
}

int
stop_sentinels(void **state)
{
    (void)state;
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    (void)munmap(sentinels, SENTINELS * sizeof(*sentinels));
    return 0;
}

/* Connections are answered before new ones are taken: ours comes after all that was sent. */
void
forget_questions(void)
{
    for (int i = 0; i < SENTINELS; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
            .sin_port = htons(sentinels[i].port),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char answer = 0;

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(send(fd, "?", 1, 0), 1);
        assert_int_equal(recv(fd, &answer, 1, 0), 1);
        (void)close(fd);
        sentinels[i].asked = 0;
    }
}

const char *
sentinel_url(const char *login, const char *options)
{
    static char url[SENTINEL_URL_SIZE];

    (void)snprintf(url, sizeof(url),
        "sentinel://%s127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/mymaster%s", login,
        sentinels[0].port, sentinels[1].port, sentinels[2].port, options);
    return url;
}

void
sentinel_names(int index, uint16_t port)
{
    char digits[8];
    const int size = snprintf(digits, sizeof(digits), "%u", port);

    (void)snprintf(sentinels[index].answer, SENTINEL_ANSWER_SIZE,
        "*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n", size, digits);
}
