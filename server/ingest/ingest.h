/*
 * ingest.h - from a webhook request to an answer that keeps its promise: a 2xx is durable.
 */
#pragma once

#include "server/config/config.h"
#include "server/ingest/durable_set.h"
#include "server/ingest/held.h"
#include "server/net/http.h"
#include "server/net/http_client.h"
#include "server/proof/credentials.h"

enum {
    INGEST_BODY_MAX = 4 * 1024 * 1024,
};

#define INGEST_RETRY_AFTER_S "5"

struct ingest;

/* All of these are borrowed; the client may be closed before the ingest, never after it. */
struct ingest_options {
    const struct config *config;
    struct durable_set *durable;
    struct http_client *client; /* asks Twilio's IAM about Flex tokens */
    struct held *held; /* keeps what no token and URL signed; NULL: nothing does */
    const atomic_bool
        *is_full; /* there is no room: refuse early; NULL: there always is */
};

/*
 * 0, -EINVAL when the configuration has no usable token or a proxy that is no address, -ENOMEM.
 * One thread.
 */
int ingest_open(
    const struct ingest_options *options, struct ingest **ret_ingest) MUST_USE;
/* Requires that every request was answered. */
void ingest_close(struct ingest **ingest);

/*
 * Takes them: every request judged from now on is judged by them alone. 0, or -ENOMEM or -EINVAL:
 * then by the old ones, and the new ones stay the caller's.
 */
int ingest_set_credentials(
    struct ingest *ingest, struct credentials *credentials) MUST_USE;

/* From now on everything is answered as unavailable: the commit and the client are going. */
void ingest_refuse(struct ingest *ingest);

/* An http_handler; `context` is the struct ingest. */
void ingest_handle(void *context, struct http_request *request);
/* An http_refused: counted and said, since a proxy of ours may be what makes such requests. */
void ingest_refused(void *context, struct slice target, const struct http_error *why);
