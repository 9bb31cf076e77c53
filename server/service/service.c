/*
 * service.c - the life of the long-running commands: start in order, supervise, drain in order.
 *
 *   Redis (ours, if none is configured) → queue checked → worker → webhook server → admin
 *
 * and at the end admin first, which asks after all the others, then the webhook server and the
 * worker together, then Redis: callers, Brevo and Redis may all hang, and their waits must not add
 * up to the 10 s a stop may take. (The worker's is DRAIN_WORKER_MS and three calls to Redis.)
 *
 * The main thread owns what must live longest: the redis-server child, whose parent-death signal
 * is tied to the thread that started it, and the signals, which every other thread blocks.
 */
#include "server/service/service.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "queue/queue.h"
#include "server/deliver/worker.h"
#include "server/net/listen_address.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/service/admin.h"
#include "server/service/embedded_redis.h"
#include "server/service/loops.h"
#include "server/service/process.h"
#include "server/service/redis_watch.h"
#include "server/service/reload.h"

enum {
    ERROR_SIZE = 256,
    TICK_MS = 500,
    REDIS_WAIT_MS = 10 * 1000,
    REDIS_WAIT_SPOOL_MS = 2 * 1000, /* callers find us, and the spool, the sooner */
    REDIS_POLL_MS = 20,
    REDIS_TIMEOUT_MS = 1500,
    CONSUMER_IDLE_MS = 7 * 24 * 60 * 60 * 1000,
    DRAIN_SERVER_MS = 2000,
    DRAIN_WORKER_MS = 6000,
};

struct service {
    const struct config *config;
    struct reload reload;
    unsigned roles;
    char embedded_url[EMBEDDED_REDIS_URL_SIZE];
    const char *redis_url;
    bool redis_answers; /* at the start */
    char consumer[STATE_DIR_CONSUMER_SIZE];
    int consumer_fd;
    int signal_fd;
    struct embedded_redis *redis;
    struct worker *worker;
    struct loops server;
    struct redis_watch *watch;
    struct admin *admin;
    int failure; /* the exit status when a step fails */
    bool draining;
    bool reload_asked;
    char error[ERROR_SIZE];
};

static int
open_signals(struct service *service)
{
    return process_open_signals(&service->signal_fd);
}

static void
handle_signals(struct service *service)
{
    struct signalfd_siginfo info;

    while (read(service->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGTERM:
        case SIGINT:
            log_info("draining", "signal=%s",
                info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
            service->draining = true;
            break;
        case SIGHUP:
            service->reload_asked = true; /* when all is up; several are one */
            break;
        default: /* SIGCHLD: the tick below looks */
            break;
        }
    }
}

static int
prepare_process(struct service *service)
{
    (void)service;
    return process_prepare();
}

static int
open_redis(struct service *service)
{
    if (service->config->redis_url != NULL) {
        service->redis_url = service->config->redis_url;
        return 0;
    }
    const int r =
        embedded_redis_open(service->config->state_dir, &service->redis, service->error);

    if (r < 0) {
        return r;
    }
    service->redis_url = service->embedded_url;
    return embedded_redis_url(
        service->config->state_dir, service->embedded_url, sizeof(service->embedded_url));
}

/* Each state directory that ever was is one. What fails here is done at the next start. */
static void
forget_consumers(const struct service *service, struct queue *queue)
{
    int64_t count = 0;

    if ((service->roles & SERVICE_WORKER) != 0 &&
        queue_forget_consumers(queue, CONSUMER_IDLE_MS, &count) == QUEUE_OK &&
        count > 0) {
        log_info("consumers_forgotten", "count=%" PRId64, count);
    }
}

/*
 * Waits a little for Redis, so that a first start is ready when it says so. A Redis that stays
 * away is no reason not to start: requests go to the spool, or get 503, till it is back. One that
 * was set up otherwise is.
 */
static int
check_queue(struct service *service)
{
    const struct queue_options options = {
        .url = service->redis_url,
        .partitions = queue_default_partitions(service->redis_url),
        .timeout_ms = REDIS_TIMEOUT_MS,
    };
    AUTO(queue_close) struct queue *queue = NULL;
    int r = queue_open(&options, &queue, service->error);

    if (r != 0) {
        return r > 0 ? -EINVAL : r;
    }
    const bool has_spool =
        (service->roles & SERVICE_SERVER) != 0 && service->config->spool_max > 0;
    const int64_t wait_ms = has_spool ? REDIS_WAIT_SPOOL_MS : REDIS_WAIT_MS;
    const int64_t deadline_us = clock_monotonic_us() + wait_ms * US_PER_MS;

    do {
        r = queue_prepare(queue);
        if (r == QUEUE_E_PARTITIONS) {
            (void)snprintf(
                service->error, sizeof(service->error), "%s", queue_error(queue));
            service->failure = EX_CONFIG;
            return -EINVAL;
        }
        if (r == QUEUE_OK) {
            service->redis_answers = true;
            forget_consumers(service, queue);
            return 0;
        }
        if (service->redis != NULL) {
            embedded_redis_supervise(service->redis, clock_monotonic_us() / US_PER_MS);
        }
        (void)poll(NULL, 0, REDIS_POLL_MS);
        handle_signals(service);
    } while (!service->draining && clock_monotonic_us() < deadline_us);
    log_warn("redis_away", "error=\"%s\"", queue_error(queue));
    return 0;
}

/* One that could not be asked yet is watched all the same, and what it lacks is said. */
static int
open_watch(struct service *service)
{
    const struct redis_watch_options options = {
        .redis_url = service->redis_url,
        .require = service->config->redis_require,
        .state_dir = service->config->state_dir,
        .partitions = queue_default_partitions(service->redis_url),
    };
    const int r = redis_watch_open(&options, &service->watch, service->error);

    if (r == 0 && service->redis_answers &&
        !redis_watch_start(service->watch, service->error)) {
        service->failure = EX_CONFIG;
        return -EINVAL;
    }
    return r;
}

static int
open_worker(struct service *service)
{
    if ((service->roles & SERVICE_WORKER) == 0) {
        return 0;
    }
    int r = state_dir_prepare(service->config->state_dir, service->error);

    if (r < 0) {
        return r;
    }
    r = state_dir_consumer(
        service->config->state_dir, service->consumer, &service->consumer_fd);
    if (r < 0) {
        (void)snprintf(service->error, sizeof(service->error),
            "cannot name the worker: %.150s: %s (at most %d workers share a state_dir)",
            service->config->state_dir, strerror(-r), STATE_DIR_WORKERS_MAX);
        return r;
    }
    const struct worker_options options = {
        .config = service->config,
        .redis_url = service->redis_url,
        .consumer = service->consumer,
    };

    r = worker_open(&options, &service->worker, service->error);
    return r == 0 ? worker_start(service->worker) : r;
}

/* Tells where we listen: port 0 is only known now. */
static void
say_listening(const char *event, const char *listen, uint16_t port)
{
    struct listen_address address;

    if (port == 0 || !listen_address_parse(slice_of(listen), &address)) {
        log_info(event, "address=%s", listen);
    } else if (address.kind == LISTEN_SYSTEMD) {
        log_info(event, "address=%s port=%u", listen, port);
    } else {
        const int size = (int)(strrchr(listen, ':') - listen); /* with IPv6's brackets */

        log_info(event, "url=http://%.*s:%u", size != 0 ? size : 7,
            size != 0 ? listen : "0.0.0.0", port);
    }
}

static int
open_server(struct service *service)
{
    if ((service->roles & SERVICE_SERVER) == 0) {
        return 0;
    }
    const struct ingest_loop_options options = {
        .config = service->config,
        .redis_url = service->redis_url,
    };
    loops_spare_redis(
        &service->server, redis_watch_is_full(service->watch, clock_monotonic_us()));
    const int r = loops_open(&service->server, &options, service->error);

    if (r == 0) {
        say_listening("listening", service->config->listen,
            ingest_loop_port(service->server.items[0]));
    }
    return r;
}

/* A worker by itself is ready when Redis is. */
static bool
is_ready(void *context)
{
    const struct service *service = context;
    const bool has_server = (service->roles & SERVICE_SERVER) != 0;

    return !service->draining && (!has_server || loops_ready(&service->server));
}

static int
open_admin(struct service *service)
{
    const struct admin_options options = {
        .listen = service->config->admin_listen,
        .redis_url = service->redis_url,
        .ready = is_ready,
        .context = service,
        .watch = service->watch,
        .spooler = service->server.spooler,
    };
    const int r = admin_open(&options, &service->admin, service->error);

    if (r == 0) {
        say_listening(
            "admin_listening", service->config->admin_listen, admin_port(service->admin));
    }
    return r;
}

static void
supervise(struct service *service)
{
    while (!service->draining) {
        struct pollfd fds[] = {
            {.fd = service->signal_fd, .events = POLLIN},
            {.fd = admin_fd(service->admin), .events = POLLIN},
        };
        const int admin_ms = admin_timeout_ms(service->admin);

        (void)poll(
            fds, LENGTH(fds), admin_ms >= 0 && admin_ms < TICK_MS ? admin_ms : TICK_MS);
        handle_signals(service);
        if (service->reload_asked && !service->draining) {
            service->reload_asked = false;
            reload_config(&service->reload);
        }
        if (service->redis != NULL) {
            embedded_redis_supervise(service->redis, clock_monotonic_us() / US_PER_MS);
        }
        redis_watch_run(service->watch);
        loops_spare_redis(
            &service->server, redis_watch_is_full(service->watch, clock_monotonic_us()));
        admin_run(service->admin);
    }
}

static void
close_all(struct service *service)
{
    loops_stop(&service->server, DRAIN_SERVER_MS);
    admin_close(&service->admin); /* its last answers are about all that is below */
    if (service->worker != NULL) {
        worker_stop(service->worker, DRAIN_WORKER_MS);
        worker_close(&service->worker);
    }
    loops_close(&service->server);
    redis_watch_close(&service->watch);
    embedded_redis_close(&service->redis);
    if (service->consumer_fd >= 0) {
        (void)close(service->consumer_fd);
    }
    if (service->signal_fd >= 0) {
        (void)close(service->signal_fd);
    }
}

int
service_run(const struct service_options *options)
{
    struct service service = {
        .config = options->config,
        .roles = options->roles,
        .consumer_fd = -1,
        .signal_fd = -1,
        .failure = EX_UNAVAILABLE,
    };
    /* open_redis() may wait for the state directory: a signal may still end us then. */
    int (*const steps[])(struct service *) = {prepare_process, open_redis, open_signals,
        check_queue, open_watch, open_worker, open_server, open_admin};
    int r = 0;

    service.reload = (struct reload){
        .running = options->config,
        .path = options->config_path,
        .command = options->command,
        .loops = &service.server,
    };
    for (size_t i = 0; i < LENGTH(steps) && r == 0 && !service.draining; i++) {
        r = steps[i](&service);
    }
    if (r == 0 && !service.draining) {
        log_info(service.redis_answers ? "ready" : "started", "version=%s redis=%s",
            FLEXBREVO_VERSION, service.redis != NULL ? "embedded" : "configured");
        supervise(&service);
    } else if (r != 0) {
        (void)fprintf(stderr, "flexbrevo: %s\n",
            service.error[0] != '\0' ? service.error : strerror(-r));
    }
    close_all(&service);
    log_info("stopped", "code=%d", r == 0 ? EX_OK : service.failure);
    return r == 0 ? EX_OK : service.failure;
}
