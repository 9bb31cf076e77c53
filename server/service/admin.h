/*
 * admin.h - the operator's listener: /livez, /readyz, /metrics.
 *
 * Apart from the webhooks' on purpose: it is never published. One thread; its own Redis
 * connection, asked with a short deadline.
 */
#pragma once

#include "server/config/config.h"
#include "server/ingest/spooler.h"
#include "server/service/redis_watch.h"

struct admin;

enum {
    ADMIN_ERROR_SIZE = 256,
};

/* What /readyz asks. Any thread's state behind it must be safe to read from the admin's. */
struct admin_options {
    const char *listen;
    const char *redis_url;
    bool (*ready)(
        void *context); /* can events be made durable; NULL: only Redis counts */
    void *context;
    const struct redis_watch *watch; /* asked by /readyz?verbose */
    const struct spooler *spooler;   /* NULL: there is no local spool */
};

/* 0, or -errno with *ret_error: what, where, what to do. */
int admin_open(const struct admin_options *options, struct admin **ret_admin,
    char ret_error[ADMIN_ERROR_SIZE]) MUST_USE;
int admin_fd(const struct admin *admin);
int admin_timeout_ms(const struct admin *admin); /* -1: none */
void admin_run(struct admin *admin);
uint16_t admin_port(const struct admin *admin);
void admin_close(struct admin **admin);
