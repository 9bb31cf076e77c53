/*
 * call_tools.h - what calls are made with that belong to no job.
 */
#pragma once

#include "server/deliver/brevo_auth.h"
#include "server/deliver/flow.h"
#include "server/deliver/hand.h"

/* All borrowed, and outlive whoever works with it. */
struct call_tools {
    const struct config *config;
    struct http_client *client;
    struct flow *flow;
    struct hand *hand;
    struct brevo_auth *auth;
};
