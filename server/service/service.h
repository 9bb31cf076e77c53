/*
 * service.h - the life of the long-running commands: start in order, supervise, drain in order.
 */
#pragma once

#include "server/config/config.h"

enum service_role {
    SERVICE_SERVER = 1 << 0,
    SERVICE_WORKER = 1 << 1,
    SERVICE_BOTH = SERVICE_SERVER | SERVICE_WORKER,
};

struct service_options {
    const struct config *config;
    const char *config_path;     /* where it was loaded from, and will be on SIGHUP */
    enum config_command command; /* as whose */
    unsigned roles;
};

/*
 * Runs until SIGTERM or SIGINT, then drains: requests first, then deliveries, Redis last.
 * SIGHUP loads the configuration anew. Without config->redis_url it starts a redis-server of its own. Returns a sysexits code;
 * a failure to start is printed.
 */
int service_run(const struct service_options *options) MUST_USE;
