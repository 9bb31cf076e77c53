/*
 * cors.h - which pages may read our answers: the Flex UI runs in a browser, on another origin.
 */
#pragma once

#include "server/config/config.h"
#include "server/net/http.h"

enum {
    CORS_HEADERS_MAX = 6,
};

/*
 * Fills in the headers for an answer to `origin` (the Origin header; absent is fine). An origin
 * outside the list gets no permission; whether its request is served is not decided here.
 * Returns how many were filled in. They point into `origins` and to constants.
 */
size_t cors_headers(const struct config_texts *origins, struct slice origin,
    bool preflight, struct http_header ret_headers[CORS_HEADERS_MAX]);
