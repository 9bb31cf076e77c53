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

/*
 * Runs until SIGTERM or SIGINT, then drains: requests first, then deliveries, Redis last.
 * Without config->redis_url it starts a redis-server of its own. Returns a sysexits code;
 * a failure to start is printed.
 */
int service_run(const struct config *config, unsigned roles) MUST_USE;
