/*
 * http_client.c - outgoing HTTP on libcurl's multi interface.
 *
 * An inner epoll descriptor holds the sockets libcurl wants watched and one timerfd for its
 * timeouts, so that the owner has one descriptor to watch. Nothing is sent before
 * http_client_run(): adding a handle only arms the timer.
 */
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "server/net/http_transfer.h"
#include "server/ops/clock.h"

enum {
    READY_MAX = 16,
    CALL_POLL_MS = 100,
    FORGOTTEN_MS = 1000, /* after the timeout libcurl was told */
    NS_PER_MS = 1000000,
};

struct http_client {
    CURLM *multi;
    int epoll_fd;
    int timer_fd;
    size_t active;
    struct http_transfer *first;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool curl_works;
static char version_text[32];

static void
library_init(void)
{
    curl_works = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    (void)snprintf(version_text, sizeof(version_text), "libcurl/%s",
        curl_version_info(CURLVERSION_NOW)->version);
}

const char *
http_client_version(void)
{
    (void)pthread_once(&once, library_init);
    return version_text;
}

/* ---- the descriptors libcurl wants watched ------------------------------------------------ */

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    const struct http_client *client = context;
    struct epoll_event event = {.data.fd = fd};

    (void)easy;
    (void)socket_context;
    if (what == CURL_POLL_REMOVE) {
        /* It may be closed already, and so gone. */
        (void)epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events |= (what & CURL_POLL_IN) != 0 ? EPOLLIN : 0;
    event.events |= (what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0;
    if (epoll_ctl(client->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0) {
        return 0;
    }
    return epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int
set_timer(CURLM *multi, long timeout_ms, void *context)
{
    const struct http_client *client = context;
    struct itimerspec when = {0}; /* all zero disarms */

    (void)multi;
    if (timeout_ms == 0) {
        when.it_value.tv_nsec = 1;
    } else if (timeout_ms > 0) {
        when.it_value.tv_sec = timeout_ms / MS_PER_S;
        when.it_value.tv_nsec = timeout_ms % MS_PER_S * NS_PER_MS;
    }
    return timerfd_settime(client->timer_fd, 0, &when, NULL);
}

/* ---- the transfers under way -------------------------------------------------------------- */

static void
link_transfer(struct http_client *client, struct http_transfer *transfer)
{
    transfer->next = client->first;
    if (client->first != NULL) {
        client->first->previous = transfer;
    }
    client->first = transfer;
    client->active++;
}

static void
unlink_transfer(struct http_client *client, struct http_transfer *transfer)
{
    if (transfer->previous != NULL) {
        transfer->previous->next = transfer->next;
    } else {
        client->first = transfer->next;
    }
    if (transfer->next != NULL) {
        transfer->next->previous = transfer->previous;
    }
    client->active--;
    (void)curl_multi_remove_handle(client->multi, transfer->easy); /* it is in there */
}

/* The exchange, judged before, goes back to its owner; the transfer ends. */
static void
finish(struct http_client *client, struct http_transfer *transfer)
{
    struct http_exchange *exchange = transfer->exchange;

    exchange->elapsed_ms = (clock_monotonic_us() - transfer->started_us) / US_PER_MS;
    unlink_transfer(client, transfer);
    http_transfer_free(transfer);
    if (exchange->done != NULL) {
        exchange->done(exchange);
    }
}

static void
break_off(struct http_client *client, struct http_transfer *transfer)
{
    struct http_exchange *exchange = transfer->exchange;

    exchange->result = HTTP_UNKNOWN;
    exchange->status = 0;
    (void)snprintf(exchange->error, sizeof(exchange->error), "broken off");
    finish(client, transfer);
}

/*
 * One transfer that libcurl should have ended a while ago. When memory is out it may lose sight of
 * one, timeout and all, and whoever waits for the answer would wait for ever.
 */
static void
end_forgotten(struct http_client *client, int64_t now_us)
{
    struct http_transfer *transfer = client->first;

    while (transfer != NULL &&
           now_us - transfer->started_us <=
               (transfer->exchange->timeout_ms + FORGOTTEN_MS) * US_PER_MS) {
        transfer = transfer->next;
    }
    if (transfer != NULL) {
        break_off(client, transfer);
    }
}

/* ---- the client --------------------------------------------------------------------------- */

static bool
client_init(struct http_client *client, unsigned connections)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = client->timer_fd};
    CURLM *multi = client->multi;

    return epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->timer_fd, &event) == 0 &&
           curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections) ==
               CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections) ==
               CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) == CURLM_OK;
}

int
http_client_open(unsigned connections, struct http_client **ret_client)
{
    (void)pthread_once(&once, library_init);
    struct http_client *client = calloc(1, sizeof(*client));

    if (client == NULL || !curl_works) {
        free(client);
        return -ENOMEM;
    }
    client->multi = curl_multi_init();
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (client->epoll_fd < 0 || client->timer_fd < 0) {
        http_client_close(&client);
        return -EMFILE;
    }
    if (client->multi == NULL || !client_init(client, connections)) {
        http_client_close(&client);
        return -ENOMEM;
    }
    *ret_client = client;
    return 0;
}

void
http_client_close(struct http_client **client_pointer)
{
    struct http_client *client = *client_pointer;

    if (client == NULL) {
        return;
    }
    while (client->first != NULL) {
        break_off(client, client->first);
    }
    (void)curl_multi_cleanup(client->multi); /* refuses NULL */
    if (client->timer_fd >= 0) {
        (void)close(client->timer_fd);
    }
    if (client->epoll_fd >= 0) {
        (void)close(client->epoll_fd);
    }
    free(client);
    *client_pointer = NULL;
}

int
http_client_fd(const struct http_client *client)
{
    return client->epoll_fd;
}

size_t
http_client_active(const struct http_client *client)
{
    return client->active;
}

static bool
is_http_url(const char *url)
{
    const struct slice text = slice_of(url);

    if (!slice_starts(text, "http://") && !slice_starts(text, "https://")) {
        return false;
    }
    CURLU *parsed = curl_url();
    const bool valid =
        parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK;

    curl_url_cleanup(parsed);
    return valid;
}

int
http_client_start(struct http_client *client, struct http_exchange *exchange)
{
    if (!is_http_url(exchange->url)) {
        return -EINVAL;
    }
    struct http_transfer *transfer = http_transfer_new(exchange);

    if (transfer == NULL) {
        return -ENOMEM;
    }
    if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
        http_transfer_free(transfer);
        return -ENOMEM;
    }
    link_transfer(client, transfer);
    return 0;
}

static void
drive(struct http_client *client, const struct epoll_event *event)
{
    int running = 0;
    int what = 0;
    uint64_t expirations = 0;

    if (event->data.fd == client->timer_fd) {
        /* Reading disarms it; another timer may be set meanwhile. */
        if (read(client->timer_fd, &expirations, sizeof(expirations)) > 0) {
            (void)curl_multi_socket_action(
                client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        return;
    }
    what |= (event->events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
    what |= (event->events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
    what |= (event->events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
    (void)curl_multi_socket_action(client->multi, event->data.fd, what, &running);
}

void
http_client_run(struct http_client *client)
{
    struct epoll_event ready[READY_MAX];
    const int count = epoll_wait(client->epoll_fd, ready, READY_MAX, 0);
    int waiting = 0;
    const CURLMsg *message = NULL;

    for (int i = 0; i < count; i++) {
        drive(client, &ready[i]);
    }
    while ((message = curl_multi_info_read(client->multi, &waiting)) != NULL) {
        const CURLcode code = message->data.result; /* gone with the handle */
        char *transfer = NULL;

        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) ==
                CURLE_OK) {
            http_transfer_judge((struct http_transfer *)(void *)transfer, (int)code);
            finish(client, (struct http_transfer *)(void *)transfer);
        }
    }
    end_forgotten(client, clock_monotonic_us());
}

void
http_exchange_done(struct http_exchange *exchange)
{
    buffer_done(&exchange->answer);
}

int
http_client_call(struct http_exchange *exchange)
{
    AUTO(http_client_close) struct http_client *client = NULL;
    int r = http_client_open(1, &client);

    if (r != 0) {
        return r;
    }
    r = http_client_start(client, exchange);
    if (r != 0) {
        return r;
    }
    while (http_client_active(client) > 0) {
        struct epoll_event ready;

        /* Only to wait: run() collects what is ready. */
        (void)epoll_wait(client->epoll_fd, &ready, 1, CALL_POLL_MS);
        http_client_run(client);
    }
    return 0;
}
