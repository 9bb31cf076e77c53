/*
 * http_request.h - what http.c and http_request.c share; for no other file.
 */
#pragma once

#include "server/net/http.h"
#include "server/net/http_head.h"
#include "server/net/listener.h"
#include "server/net/patience.h"
#include "server/net/upload.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

/*
 *   IDLE ──target──► STARTED ──headers──► RECEIVING ──complete──► HANDLED ──reply──► REPLIED
 *    ▲                                                                                  │
 *    └──────────────────────────────────── answer sent ─────────────────────────────────┘
 */
enum request_state {
    REQUEST_IDLE,
    REQUEST_STARTED,
    REQUEST_RECEIVING,
    REQUEST_HANDLED,
    REQUEST_REPLIED,
};

/* A connection has one request at a time, so both are one struct. */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    int fd;
    enum request_state state;
    struct patience_entry waiting;
    const char *raw_target; /* the library's, decoded in place after we copied it */
    struct buffer target;
    struct http_head head;
    struct upload upload;
    bool suspended;
    unsigned status;
    struct MHD_Response *response; /* NULL once REPLIED: memory was out, hang up */
};

struct http_server {
    struct http_server_options options;
    struct listener listener;
    struct MHD_Daemon *daemon;
    bool quiesced;
    bool resumed; /* since the last run: there are answers to send */
    size_t active;
    struct upload_budget budget;
    struct patience idle;      /* no request line yet */
    struct patience receiving; /* body not complete yet */
};

/* Shuts its socket down: the library notices and ends the connection. */
void request_cut_off(struct http_request *request);
/* Does so with all that have been waited for too long. */
void request_cut_off_late(struct patience *patience);
