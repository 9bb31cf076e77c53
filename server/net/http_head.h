/*
 * http_head.h - a request's first lines, and whether two HTTP readers would agree on them.
 *
 * A reverse proxy stands before us. Where it and the HTTP library differ on how long a body is or
 * whom a request is for, one request can be smuggled behind another (RFC 9112, 6.3 and 11.2).
 * libmicrohttpd 0.9.75 lets all that http_head_judge() refuses pass.
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

/* The slices belong to the HTTP library and live as long as the request. */
struct http_head {
    struct slice method;
    struct slice target; /* raw */
    struct slice version;
    bool is_cut;    /* a NUL hid a part of the target */
    bool is_folded; /* a header goes on in a second line */
    struct http_head_field fields[HTTP_HEADERS_MAX];
    size_t count; /* of `fields` */
    bool too_many;
};

void http_head_add(struct http_head *head, struct slice name, struct slice value);

/*
 * Of a header as the library gives it, which cuts its line in place: behind the name's NUL come
 * blanks, then the value. A line that goes on in the next it gives a longer copy of the *name*:
 * "Content-Length: 5" and " 0" become a header Content-Length0.
 */
bool http_head_is_folded(const char *name, const char *value);

/* The first value under `name` (case does not matter); absent when there is none. */
struct slice http_head_value(const struct http_head *head, const char *name);
/* The value at `index` of those under `name`, from 0; absent when there are fewer. */
struct slice http_head_value_at(
    const struct http_head *head, const char *name, size_t index);
size_t http_head_count(const struct http_head *head, const char *name);

/* The announced size of the body, SIZE_MAX for a chunked one. For heads judged good. */
size_t http_head_body_size(const struct http_head *head);

/* NULL when there is one way to read the request; else what is wrong with it and what to do. */
const char *http_head_judge(const struct http_head *head);
