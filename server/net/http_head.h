/*
 * http_head.h - a request's first lines, and whether two HTTP readers would agree on them.
 *
 * A reverse proxy stands before us. Where it and the HTTP library differ on how long a body is or
 * whom a request is for, one request can be smuggled behind another (RFC 9112, 6.3 and 11.2).
 * libmicrohttpd 0.9.75 lets most of what http_head_judge() refuses pass.
 */
#pragma once

#include "mapping/base.h"

enum {
    HTTP_HEADERS_MAX = 64,
};

struct http_head_field {
    struct slice name;
    struct slice value;
};

/*
 * The slices belong to the HTTP library and live as long as the request. The library splits the
 * lines where they were received: it writes a NUL over the blank, the colon or the line end behind
 * each part, and skips blanks. So the places of the parts tell what stood between them.
 */
struct http_head {
    struct slice method;
    struct slice target; /* raw */
    struct slice version;
    struct http_head_field fields[HTTP_HEADERS_MAX];
    size_t count; /* of `fields` */
    bool too_many;
    bool
        is_broken; /* more or less than one blank, one colon, one CR LF stood somewhere */
    const char *next; /* where the next line must begin */
};

/*
 * In the order of the lines: the first one (its three texts as the library gives them, and the
 * target as it was before it was decoded), each header, and the `size` of all from the method to
 * behind the empty line. What does not follow gaplessly was a NUL, a lone LF, a header continued
 * in a second line, or blanks too many.
 *
 * What the library has overwritten looks like what was NUL: NUL LF at the end of a line cannot be
 * told from CR LF, nor an empty line from some that a NUL or the colon of a header without a name
 * begins, where they are as long. No proxy passes any of these on.
 */
void http_head_begin(
    struct http_head *head, const char *method, const char *target, const char *version);
void http_head_add(struct http_head *head, const char *name, const char *value);
void http_head_end(struct http_head *head, size_t size);

/* The first value under `name` (case does not matter); absent when there is none. */
struct slice http_head_value(const struct http_head *head, const char *name);
/* The value at `index` of those under `name`, from 0; absent when there are fewer. */
struct slice http_head_value_at(
    const struct http_head *head, const char *name, size_t index);
size_t http_head_count(const struct http_head *head, const char *name);

bool http_head_is_chunked(const struct http_head *head);
/* The announced size of the body, SIZE_MAX for a chunked one. For heads judged good. */
size_t http_head_body_size(const struct http_head *head);

struct http_fault {
    unsigned status;
    const char *code;
    const char *message; /* what is wrong with it and what to do */
};

/* True when there is one way to read the request. */
bool http_head_judge(const struct http_head *head, struct http_fault *ret_fault) MUST_USE;
