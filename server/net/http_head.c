/*
 * http_head.c - a request's first lines, and whether two HTTP readers would agree on them.
 */
#include "server/net/http_head.h"

#include <string.h>

enum {
    BLANKS_MAX = 1024, /* between a colon and a value */
};

/* RFC 9110, 5.6.2: what a header name is made of. */
static bool
is_token(struct slice name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        const char lower = (char)(c | 0x20);
        const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');

        if (!plain && c != '-' && (c == '\0' || strchr(marks, c) == NULL)) {
            return false;
        }
    }
    return name.size > 0;
}

static bool
has_control(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char c = (unsigned char)text.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool
is_size(struct slice text)
{
    int64_t size = 0;

    return text.size > 0 && text.data[0] >= '0' && text.data[0] <= '9' &&
           slice_to_int64(text, &size);
}

static bool
is_origin_form(struct slice target)
{
    return slice_starts(target, "/") && !has_control(target) &&
           memchr(target.data, ' ', target.size) == NULL &&
           memchr(target.data, '#', target.size) == NULL;
}

static bool
is_well_formed(const struct http_head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        if (!is_token(head->fields[i].name) || has_control(head->fields[i].value)) {
            return false;
        }
    }
    return true;
}

bool
http_head_is_folded(const char *name, const char *value)
{
    const uintptr_t end = (uintptr_t)name + strlen(name) + 1;
    const size_t gap = (uintptr_t)value - end; /* huge when it stands before */

    return gap >= BLANKS_MAX || strspn(name + strlen(name) + 1, " \t") < gap;
}

void
http_head_add(struct http_head *head, struct slice name, struct slice value)
{
    if (head->count == HTTP_HEADERS_MAX) {
        head->too_many = true;
        return;
    }
    head->fields[head->count] = (struct http_head_field){.name = name, .value = value};
    head->count++;
}

struct slice
http_head_value(const struct http_head *head, const char *name)
{
    return http_head_value_at(head, name, 0);
}

struct slice
http_head_value_at(const struct http_head *head, const char *name, size_t index)
{
    const size_t size = strlen(name); /* tells most of them apart */

    for (size_t i = 0; i < head->count; i++) {
        if (head->fields[i].name.size != size ||
            !slice_is_nocase(head->fields[i].name, name)) {
            continue;
        }
        if (index == 0) {
            return head->fields[i].value;
        }
        index--;
    }
    return (struct slice){0};
}

size_t
http_head_count(const struct http_head *head, const char *name)
{
    const size_t size = strlen(name);
    size_t count = 0;

    for (size_t i = 0; i < head->count; i++) {
        count += head->fields[i].name.size == size &&
                         slice_is_nocase(head->fields[i].name, name)
                     ? 1
                     : 0;
    }
    return count;
}

size_t
http_head_body_size(const struct http_head *head)
{
    int64_t size = 0;

    if (http_head_count(head, "Transfer-Encoding") > 0) {
        return SIZE_MAX;
    }
    return slice_to_int64(http_head_value(head, "Content-Length"), &size) ? (size_t)size
                                                                          : 0;
}

const char *
http_head_judge(const struct http_head *head)
{
    const bool is_1_1 = slice_is(head->version, "HTTP/1.1");
    const size_t hosts = http_head_count(head, "Host");
    const size_t lengths = http_head_count(head, "Content-Length");
    const size_t encodings = http_head_count(head, "Transfer-Encoding");
    const struct slice length = http_head_value(head, "Content-Length");
    const struct slice encoding = http_head_value(head, "Transfer-Encoding");
    const struct {
        bool failed;
        const char *message;
    } rules[] = {
        {!is_1_1 && !slice_is(head->version, "HTTP/1.0"),
            "this HTTP version is not spoken here; use HTTP/1.1"},
        {head->is_cut || !is_origin_form(head->target),
            "the request target must be a path, with a query or without"},
        {head->too_many, "there are too many headers; send fewer"},
        {head->is_folded, "a header is folded; send each on one line"},
        {!is_well_formed(head), "a header is malformed; send plain names and values"},
        {hosts > 1, "there are two Host headers; send one"},
        {hosts == 0 && is_1_1, "there is no Host header; send one"},
        {lengths > 1, "there are two Content-Length headers; send one"},
        {lengths > 0 && encodings > 0,
            "there are Content-Length and Transfer-Encoding; send one of them"},
        {lengths > 0 && !is_size(length),
            "Content-Length is not a size; send the body's length in bytes"},
        {encodings > 1, "there are two Transfer-Encoding headers; send one"},
        {encodings > 0 && (!is_1_1 || !slice_is_nocase(encoding, "chunked")),
            "the only Transfer-Encoding is chunked, with HTTP/1.1"},
    };

    for (size_t i = 0; i < LENGTH(rules); i++) {
        if (rules[i].failed) {
            return rules[i].message;
        }
    }
    return NULL;
}
