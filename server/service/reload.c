/*
 * reload.c - the configuration loaded anew while the program runs.
 */
#include "server/service/reload.h"

#include <errno.h>

#include "server/config/config_changes.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    KEYS_SIZE = 512, /* of a log line */
};

static void
count(const char *result)
{
    counter_add(metrics_counter(METRIC_CONFIG_RELOADS, result, NULL), 1);
}

static void
fail(const char *error)
{
    log_error(
        "config_reload_failed", "error=\"%s\" do=\"the old one stays in use\"", error);
    count("failed");
}

static void
say_reloaded(const struct config *running, const struct config *loaded)
{
    AUTO(buffer_done) struct buffer keys = {.max = KEYS_SIZE};
    const size_t tokens =
        loaded->auth_tokens.count + (loaded->auth_token != NULL ? 1 : 0);

    config_restart_keys(running, loaded, &keys);
    log_info("config_reloaded", "tokens=%zu restart_needed=%s", tokens,
        keys.failed      ? "many"
        : keys.size == 0 ? "none"
                         : keys.data);
    count("ok");
}

void
reload_config(const struct reload *reload)
{
    AUTO(config_done) struct config loaded = {0};
    char error[CONFIG_ERROR_SIZE];

    if (config_load(reload->path, reload->command, &loaded, error) != 0) {
        fail(error);
        return;
    }
    const int r = loops_set_credentials(reload->loops, &loaded);

    if (r < 0) {
        fail(r == -EINVAL ? "no usable auth token" : "out of memory");
        return;
    }
    say_reloaded(reload->running, &loaded);
}
