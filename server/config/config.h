/*
 * config.h - the whole configuration, checked, as plain values.
 *
 * Defaults, then the YAML file, then the environment; ${NAME} in the file takes an environment
 * variable, every secret also has a `..._file` form. One table (options.c) declares each key:
 * name, environment variable, type, default, secret or not; reading, printing and the
 * documentation test walk it.
 */
#pragma once

#include "mapping/rules.h"
#include "mapping/source.h"
#include "server/ops/log.h"

enum {
    CONFIG_TEXTS_MAX = 64,
    CONFIG_ERROR_SIZE = 512,
    CONFIG_AUTH_TOKENS_MAX = 15, /* of the ring beside auth_token */
    CONFIG_LOOPS_MAX = 16,
    CONFIG_PUBLIC_URLS_MAX = 8, /* of one route */
};

struct config_texts {
    char *items[CONFIG_TEXTS_MAX];
    size_t count;
};

/* server.routes.<source> */
struct config_route {
    struct config_texts public_urls; /* instead of the general ones; none: those */
    struct config_texts allow_from;  /* addresses and networks; none: from anywhere */
    char *basic_auth; /* "user:password", a second proof; NULL: not asked */
};

struct config {
    /* connectors.twilio_flex */
    char *account_sid;
    char *flex_flow_sid;
    char *workspace_sid;
    char *auth_token;
    struct config_texts auth_tokens; /* the ring beside it */
    char *api_key_sid;
    char *api_key_secret;
    char *iam_url;
    char *conversations_url; /* without a trailing slash */
    struct config_texts cors_origins;
    char *survey_token;
    bool enabled;
    bool sync_agent_activity;
    bool debug;
    bool log_api_calls;
    enum log_level log_level;

    /* brevo */
    char *brevo_api_key;       /* NULL: brevo.oauth */
    char *brevo_client_id;     /* NULL: brevo.api_key */
    char *brevo_client_secret; /* with it */
    char *brevo_oauth_scope;   /* with it: names between single blanks */
    char *brevo_token_url;
    char *brevo_base_url; /* without a trailing slash */
    double brevo_max_rps; /* 0: auto */
    double brevo_rate_share;
    char *brevo_mode;              /* "live" or "shadow" */
    bool brevo_ipv4_only;          /* for addresses that Brevo knows */
    bool brevo_batch;              /* of a backlog, events go many at a time */
    int64_t brevo_remember_ms;     /* contacts, from when they were looked up */
    int64_t brevo_lookup_after_ms; /* of an event that may have come through; 0: never */

    /* contacts */
    char *contacts_create;  /* "always", "known_only" or "never" */
    bool contacts_recreate; /* who was erased in Brevo, too */

    /* redis, server, admin, queue, state */
    char *redis_url;     /* NULL: embedded */
    char *redis_require; /* "always", "everysec" or "none" */
    char *listen;
    struct config_texts public_urls; /* without trailing slashes; the first is shown */
    struct config_route routes[SOURCE_COUNT];
    struct config_texts trusted_proxies;
    int64_t loops;        /* of the webhook server */
    bool hold_unverified; /* keep what a wrong token or URL made us refuse */
    char *admin_listen;
    char *timezone;
    int64_t dedupe_window_ms;
    int64_t plugin_wait_ms;
    int64_t keep_bodies_ms;
    int64_t spool_max; /* bytes; 0: no spool */
    bool identity_asks_twilio;
    int64_t facts_retention_ms;     /* of contacts, from the last change or use */
    int64_t analytics_retention_ms; /* of a day's counters; 0: nothing is counted */
    char *state_dir;

    struct rules rules; /* its texts point into this struct */
    void *storage;      /* the loader's */
};

enum config_command {
    CONFIG_FOR_CHECK, /* everything */
    CONFIG_FOR_RUN,   /* Twilio and Brevo, Redis optional */
    CONFIG_FOR_SERVE, /* Twilio and Redis */
    CONFIG_FOR_WORK,  /* Brevo and Redis */
    CONFIG_FOR_TOOL,  /* status, explain, trigger: nothing is required */
    CONFIG_FOR_ASK,   /* check: Brevo */
};

/*
 * Loads from `path`, else $FLEXBREVO_CONFIG, else /etc/flexbrevo/flexbrevo.yaml if it exists, and
 * the environment; checks what `command` needs. Ownership: config_done().
 * 0, or EX_CONFIG with *ret_error set: what is wrong, file:line:column, key, remedy; ready to be
 * printed behind "flexbrevo: ".
 */
int config_load(const char *path, enum config_command command, struct config *ret_config,
    char ret_error[CONFIG_ERROR_SIZE]) MUST_USE;
void config_done(struct config *config);

/* What Twilio calls for `source`, up to "/webhooks": the route's own URLs, else the general. */
const struct config_texts *config_public_urls(
    const struct config *config, enum source source);
/* The first of them; NULL when there is none. */
const char *config_public_url(const struct config *config, enum source source);

/* Brevo is told nothing: what it would be told is written down. */
bool config_is_shadow(const struct config *config);
/* Brevo is not a loopback sandbox. */
bool config_brevo_is_live(const struct config *config);
