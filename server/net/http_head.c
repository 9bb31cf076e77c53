/*
 * http_head.c - a request's first lines, and whether two HTTP readers would agree on them.
 */
#include "server/net/http_head.h"

#include <string.h>

#include "mapping/words.h"

enum {
    LINE_END_SIZE = 2, /* CR LF */
    DELETE = 0x7f,
};

/* What decides how long a body is, what it is and who sends it: once, or readers may differ. */
enum known {
    KNOWN_HOST,
    KNOWN_CONTENT_LENGTH,
    KNOWN_TRANSFER_ENCODING,
    KNOWN_CONTENT_TYPE,
    KNOWN_CONTENT_ENCODING,
    KNOWN_AUTHORIZATION,
    KNOWN_SIGNATURE,
    KNOWN_EXPECT,
    KNOWN_UPGRADE,
    KNOWN_COUNT
};

#define NAME(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }

static const struct slice known_names[KNOWN_COUNT] = {
    [KNOWN_HOST] = NAME("Host"),
    [KNOWN_CONTENT_LENGTH] = NAME("Content-Length"),
    [KNOWN_TRANSFER_ENCODING] = NAME("Transfer-Encoding"),
    [KNOWN_CONTENT_TYPE] = NAME("Content-Type"),
    [KNOWN_CONTENT_ENCODING] = NAME("Content-Encoding"),
    [KNOWN_AUTHORIZATION] = NAME("Authorization"),
    [KNOWN_SIGNATURE] = NAME("X-Twilio-Signature"),
    [KNOWN_EXPECT] = NAME("Expect"),
    [KNOWN_UPGRADE] = NAME("Upgrade"),
};

struct known_headers {
    struct slice values[KNOWN_COUNT]; /* absent: not sent */
    bool came_twice;
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
any_control(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned char c = (unsigned char)bytes[i];

        if ((c < ' ' && c != '\t') || c == DELETE) {
            return true;
        }
    }
    return false;
}

static bool
has_control(struct slice text)
{
    size_t i = 0;

    for (; text.size - i >= WORD_SIZE; i += WORD_SIZE) {
        const uint64_t word = word_at(text.data + i);

        /* a tab is suspicious, too */
        if ((word_below(word, ' ') | word_equal(word, DELETE)) != 0 &&
            any_control(text.data + i, WORD_SIZE)) {
            return true;
        }
    }
    return any_control(text.data + i, text.size - i);
}

static bool
is_size(struct slice text)
{
    int64_t size = 0;

    return text.size > 0 && text.data[0] >= '0' && text.data[0] <= '9' &&
           slice_to_int64(text, &size);
}

/* Registered methods are; a proxy may treat "post" as POST. */
static bool
is_method(struct slice method)
{
    for (size_t i = 0; i < method.size; i++) {
        if ((method.data[i] < 'A' || method.data[i] > 'Z') && method.data[i] != '-') {
            return false;
        }
    }
    return method.size > 0;
}

static bool
is_origin_form(struct slice target)
{
    for (size_t i = 0; i < target.size; i++) {
        const unsigned char c = (unsigned char)target.data[i];

        if (c <= ' ' || c == 0x7f || c == '#') {
            return false;
        }
    }
    return slice_starts(target, "/");
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

/* ---- reading ------------------------------------------------------------------------------ */

void
http_head_begin(
    struct http_head *head, const char *method, const char *target, const char *version)
{
    const size_t target_size = head->target.size; /* as copied before it was decoded */

    head->method = slice_of(method);
    head->version = slice_of(version);
    head->count = 0;
    head->too_many = false;
    head->is_broken =
        target != method + head->method.size + 1 || version != target + target_size + 1;
    head->next = version + head->version.size + LINE_END_SIZE;
}

void
http_head_add(struct http_head *head, const char *name, const char *value)
{
    const struct http_head_field field = {slice_of(name), slice_of(value)};

    if (name != head->next || name[-1] != '\0') { /* over the line end's LF */
        head->is_broken = true;
    }
    head->next = value + field.value.size + LINE_END_SIZE;
    if (head->count == HTTP_HEADERS_MAX) {
        head->too_many = true;
        return;
    }
    head->fields[head->count] = field;
    head->count++;
}

void
http_head_end(struct http_head *head, size_t size)
{
    const char *end = head->method.data + size;

    if (head->next + LINE_END_SIZE != end || end[-1] != '\0' || end[-2] != '\0' ||
        end[-3] != '\0') {
        head->is_broken = true;
    }
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

bool
http_head_is_chunked(const struct http_head *head)
{
    return http_head_value(head, known_names[KNOWN_TRANSFER_ENCODING].data).data != NULL;
}

size_t
http_head_body_size(const struct http_head *head)
{
    const struct slice length =
        http_head_value(head, known_names[KNOWN_CONTENT_LENGTH].data);
    int64_t size = 0;

    if (http_head_is_chunked(head)) {
        return SIZE_MAX;
    }
    return slice_to_int64(length, &size) ? (size_t)size : 0;
}

/* ---- judging ------------------------------------------------------------------------------ */

static enum known
known_of(struct slice name)
{
    size_t k = 0;

    while (k < KNOWN_COUNT && (name.size != known_names[k].size || /* tells most apart */
                                  !slice_is_nocase(name, known_names[k].data))) {
        k++;
    }
    return (enum known)k;
}

static struct known_headers
find_known(const struct http_head *head)
{
    struct known_headers found = {0};

    for (size_t i = 0; i < head->count; i++) {
        const enum known known = known_of(head->fields[i].name);

        if (known != KNOWN_COUNT) {
            found.came_twice = found.came_twice || found.values[known].data != NULL;
            found.values[known] = head->fields[i].value;
        }
    }
    return found;
}

bool
http_head_judge(const struct http_head *head, struct http_fault *ret_fault)
{
    const struct known_headers known = find_known(head);
    const bool is_1_1 = slice_is(head->version, "HTTP/1.1");
    const struct slice host = known.values[KNOWN_HOST];
    const struct slice length = known.values[KNOWN_CONTENT_LENGTH];
    const struct slice encoding = known.values[KNOWN_TRANSFER_ENCODING];
    const struct slice expect = known.values[KNOWN_EXPECT];
    const struct {
        bool failed;
        struct http_fault fault;
    } rules[] = {
        {!is_1_1 && !slice_is(head->version, "HTTP/1.0"),
            {505, "http_version", "this version is not spoken here; use HTTP/1.1"}},
        {head->too_many,
            {431, "too_many_headers", "there are too many headers; send fewer"}},
        {head->is_broken || !is_well_formed(head),
            {400, "bad_request",
                "a line is malformed; end each with CR LF, send no NUL and fold none"}},
        {!is_method(head->method),
            {400, "bad_request", "the method must be in capital letters"}},
        {!is_origin_form(head->target),
            {400, "bad_request",
                "the request target must be a path, with a query or without"}},
        {known.came_twice,
            {400, "bad_request",
                "a header came twice of which there can be one, like Host; send it once"}},
        {host.data == NULL && is_1_1,
            {400, "bad_request", "there is no Host header; send one"}},
        {length.data != NULL && encoding.data != NULL,
            {400, "bad_request",
                "there are Content-Length and Transfer-Encoding; send one of them"}},
        {length.data != NULL && !is_size(length),
            {400, "bad_request",
                "Content-Length is not a size; send the body's length in bytes"}},
        {encoding.data != NULL && (!is_1_1 || !slice_is_nocase(encoding, "chunked")),
            {400, "bad_request", "the only Transfer-Encoding is chunked, with HTTP/1.1"}},
        {known.values[KNOWN_UPGRADE].data != NULL,
            {400, "bad_request", "no other protocol is spoken here; send no Upgrade"}},
        {expect.data != NULL && !slice_is_nocase(expect, "100-continue"),
            {417, "expectation_failed", "the only expectation is 100-continue"}},
    };

    for (size_t i = 0; i < LENGTH(rules); i++) {
        if (rules[i].failed) {
            *ret_fault = rules[i].fault;
            return false;
        }
    }
    return true;
}
