/*
 * http_response.c - answers, as the HTTP library wants them.
 */
#include "server/net/http_response.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ------------------------------------------------------------------------------- */

static struct MHD_Response *
with_headers(
    struct MHD_Response *response, const struct http_header *headers, size_t count)
{
    for (size_t i = 0; response != NULL && i < count; i++) {
        if (MHD_add_response_header(response, headers[i].name, headers[i].value) !=
            MHD_YES) {
            MHD_destroy_response(response);
            response = NULL;
        }
    }
    return response;
}

struct MHD_Response *
response_make(const struct http_header *headers, size_t count, struct slice body)
{
    char *copy = body.size > 0 ? slice_copy(body) : NULL;
    struct MHD_Response *response = NULL;

    if (body.size == 0 || copy != NULL) {
        response =
            MHD_create_response_from_buffer(body.size, copy, MHD_RESPMEM_MUST_FREE);
    }
    if (response == NULL) {
        free(copy);
        return NULL;
    }
    return with_headers(response, headers, count);
}

/* ---- keeping ------------------------------------------------------------------------------ */

/* Appends with the NUL, which no header can hold; false when it does not fit. */
static bool
add_text(char text[RESPONSE_TEXT_MAX], size_t *size, const char *part)
{
    const size_t part_size = strlen(part) + 1;

    if (part_size > RESPONSE_TEXT_MAX - *size) {
        return false;
    }
    memcpy(text + *size, part, part_size);
    *size += part_size;
    return true;
}

/* What tells one answer from another; 0 when it is too long. The body is its end. */
static size_t
write_text(char text[RESPONSE_TEXT_MAX], const struct http_header *headers, size_t count,
    struct slice body)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        if (!add_text(text, &size, headers[i].name) ||
            !add_text(text, &size, headers[i].value)) {
            return 0;
        }
    }
    if (!add_text(text, &size, "") || body.size > RESPONSE_TEXT_MAX - size) {
        return 0;
    }
    if (body.size > 0) {
        memcpy(text + size, body.data, body.size);
    }
    return size + body.size;
}

struct MHD_Response *
response_shelf_get(struct response_shelf *shelf, const struct http_header *headers,
    size_t count, struct slice body)
{
    char text[RESPONSE_TEXT_MAX];
    const size_t size = write_text(text, headers, count, body);

    for (size_t i = 0; size > 0 && i < shelf->count; i++) {
        const struct kept_response *kept = &shelf->kept[i];

        if (kept->size == size && memcmp(kept->text, text, size) == 0) {
            return kept->response;
        }
    }
    if (size == 0 || shelf->count == RESPONSES_KEPT) {
        return NULL;
    }
    struct kept_response *kept = &shelf->kept[shelf->count];

    memcpy(kept->text, text, size);
    kept->size = size;
    kept->response =
        with_headers(MHD_create_response_from_buffer(body.size,
                         kept->text + size - body.size, MHD_RESPMEM_PERSISTENT),
            headers, count);
    shelf->count += kept->response != NULL ? 1 : 0;
    return kept->response;
}

void
response_shelf_done(struct response_shelf *shelf)
{
    while (shelf->count > 0) {
        shelf->count--;
        MHD_destroy_response(shelf->kept[shelf->count].response);
    }
}
