/*
 * http_response.h - answers, as the HTTP library wants them.
 *
 * Nearly all answers are one of a dozen: "204", "403 and that JSON". Those are made once and kept.
 */
#pragma once

#include "server/net/http.h"

enum {
    RESPONSES_KEPT = 32,
    RESPONSE_TEXT_MAX = 512, /* headers and body of one that is kept */
};

struct MHD_Response;

struct kept_response {
    struct MHD_Response *response;
    size_t size;
    char text[RESPONSE_TEXT_MAX]; /* headers, then the body, which is served from here */
};

/* Zeroed: empty. It must not move. Whoever comes when it is full is not kept: nobody is dropped. */
struct response_shelf {
    struct kept_response kept[RESPONSES_KEPT];
    size_t count;
};

/* Lives as long as the shelf. NULL: it is too long or the shelf is full; make one. */
struct MHD_Response *response_shelf_get(struct response_shelf *shelf,
    const struct http_header *headers, size_t count, struct slice body);
void response_shelf_done(struct response_shelf *shelf);

/* One for MHD_destroy_response(). NULL when memory is out. */
struct MHD_Response *response_make(
    const struct http_header *headers, size_t count, struct slice body);
