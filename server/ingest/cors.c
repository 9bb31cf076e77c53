/*
 * cors.c - which pages may read our answers.
 */
#include "server/ingest/cors.h"

/* The configured text equal to `origin`: it is NUL-terminated and outlives the answer. */
static const char *
find_origin(const struct config_texts *origins, struct slice origin)
{
    for (size_t i = 0; i < origins->count; i++) {
        if (slice_is(origin, origins->items[i])) {
            return origins->items[i];
        }
    }
    return NULL;
}

size_t
cors_headers(const struct config_texts *origins, struct slice origin, bool preflight,
    struct http_header ret_headers[CORS_HEADERS_MAX])
{
    const char *allowed = find_origin(origins, origin);
    const struct http_header permission[] = {
        {"Access-Control-Allow-Origin", allowed},
        {"Access-Control-Expose-Headers", "Retry-After"},
        {"Access-Control-Allow-Methods", "POST, OPTIONS"},
        {"Access-Control-Allow-Headers", "Content-Type, Authorization"},
        {"Access-Control-Max-Age", "600"},
    };
    const size_t granted = allowed == NULL ? 0 : preflight ? LENGTH(permission) : 2;

    ret_headers[0] = (struct http_header){"Vary", "Origin"};
    for (size_t i = 0; i < granted; i++) {
        ret_headers[i + 1] = permission[i];
    }
    return granted + 1;
}
