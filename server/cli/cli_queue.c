/*
 * cli_queue.c - the queue of the configuration, for commands that look into it.
 */
#include "server/cli/cli_queue.h"

#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/service/embedded_redis.h"

enum {
    REDIS_TIMEOUT_MS = 3000,
};

int
cli_queue_open(const struct config *config, struct queue **ret_queue)
{
    char embedded[EMBEDDED_REDIS_URL_SIZE] = "";
    char error[QUEUE_ERROR_SIZE] = "";

    if (config->redis_url == NULL &&
        embedded_redis_url(config->state_dir, embedded, sizeof(embedded)) != 0) {
        cli_error("path too long for a unix socket: state_dir: %s (shorten it)",
            config->state_dir);
        return EX_CONFIG;
    }
    const char *url = config->redis_url != NULL ? config->redis_url : embedded;
    const struct queue_options options = {
        .url = url,
        .partitions = queue_default_partitions(url),
        .dedupe_window_ms = config->dedupe_window_ms,
        .keep_bodies_ms = config->keep_bodies_ms,
        .timeout_ms = REDIS_TIMEOUT_MS,
    };
    const int r = queue_open(&options, ret_queue, error);

    if (r != 0) {
        cli_error("redis.url cannot be used: %s (see docs/config.md)", error);
        return r > 0 ? EX_CONFIG : EX_OSERR;
    }
    return 0;
}

int
cli_queue_unavailable(
    const struct config *config, const struct queue *queue, const char *what)
{
    cli_error("%s: %s (%s)", what, queue_error(queue),
        config->redis_url == NULL
            ? "its Redis lives in `flexbrevo run`: start it, or set redis.url"
            : "see redis.url");
    return EX_UNAVAILABLE;
}
