/*
 * signed_text.c - the text a signature is made over: a URL, then a form's fields.
 *
 * A candidate's number says how it differs from the URL as given: port, then quotes, then
 * userinfo. Those that could not differ from an earlier one are skipped by looking at the URL,
 * so no two need ever be compared.
 */
#include "server/ingest/signed_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/form.h"

enum quotes {
    QUOTES_GIVEN,
    QUOTES_ESCAPED, /* each ' as %27: what a strict URL parser makes of it */
    QUOTES_PLAIN,   /* each %27 as ': what a round through a query parser makes of it */
    QUOTES_COUNT
};

static const char escaped_quote[] = "%27";

/* Takes `count` bytes off the front of *rest. */
static struct slice
cut(struct slice *rest, size_t count)
{
    const struct slice piece = {.data = rest->data, .size = count};

    *rest = slice_skip(*rest, count);
    return piece;
}

/* How many bytes come before the first of `stops`; all of them when there is none. */
static size_t
span_until(struct slice text, const char *stops, size_t stop_count)
{
    size_t size = 0;

    while (size < text.size && memchr(stops, text.data[size], stop_count) == NULL) {
        size++;
    }
    return size;
}

/* How many bytes the last `mark` and all before it take; 0 when there is none. */
static size_t
size_through(struct slice text, char mark)
{
    size_t size = text.size;

    while (size > 0 && text.data[size - 1] != mark) {
        size--;
    }
    return size;
}

static size_t
scheme_size(struct slice text)
{
    const size_t size = span_until(text, ":/?", 3);

    return size > 0 && slice_starts(slice_skip(text, size), "://") ? size + 3 : 0;
}

/* Passwords may hold '@' and ':', IPv6 addresses ':'. */
static void
split_authority(struct slice authority, struct signed_url *url)
{
    url->userinfo = cut(&authority, size_through(authority, '@'));

    const size_t address_size = size_through(authority, ']');
    const size_t name_size = span_until(slice_skip(authority, address_size), ":", 1);

    url->host = cut(&authority, address_size + name_size);
    url->port = authority;
}

void
signed_text_split(struct slice text, struct signed_url *ret_url)
{
    struct signed_url url = {0};

    text.size = span_until(text, "#", 1);
    url.scheme = cut(&text, scheme_size(text));
    if (url.scheme.size > 0) {
        split_authority(cut(&text, span_until(text, "/?", 2)), &url);
    }
    url.path = cut(&text, span_until(text, "?", 1));
    url.query = text;
    *ret_url = url;
}

static bool
holds(struct slice text, const char *part)
{
    return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static void
add_replaced(struct buffer *text, struct slice query, const char *from, const char *to)
{
    while (query.size > 0) {
        if (slice_starts(query, from)) {
            buffer_add_text(text, to);
            query = slice_skip(query, strlen(from));
        } else {
            buffer_add(text, query.data, 1);
            query = slice_skip(query, 1);
        }
    }
}

static void
add_query(struct buffer *text, struct slice query, enum quotes quotes)
{
    if (quotes == QUOTES_ESCAPED) {
        add_replaced(text, query, "'", escaped_quote);
    } else if (quotes == QUOTES_PLAIN) {
        add_replaced(text, query, escaped_quote, "'");
    } else {
        buffer_add_slice(text, query);
    }
}

/* Without the port the URL has, else with the default port of its scheme. */
static void
add_other_port(struct buffer *text, const struct signed_url *url)
{
    if (url->port.size == 0) {
        buffer_add_text(text, slice_is_nocase(url->scheme, "https://") ? ":443" : ":80");
    }
}

bool
signed_text_url(const struct signed_url *url, unsigned number, struct buffer *text)
{
    const bool other_port = number % 2 != 0;
    const enum quotes quotes = (enum quotes)(number / 2 % QUOTES_COUNT);
    const bool without_userinfo = number / 2 / QUOTES_COUNT != 0;

    if ((other_port && url->scheme.size == 0) ||
        (quotes == QUOTES_ESCAPED && !holds(url->query, "'")) ||
        (quotes == QUOTES_PLAIN && !holds(url->query, escaped_quote)) ||
        (without_userinfo && url->userinfo.size == 0)) {
        return false;
    }
    buffer_clear(text);
    buffer_add_slice(text, url->scheme);
    if (!without_userinfo) {
        buffer_add_slice(text, url->userinfo);
    }
    buffer_add_slice(text, url->host);
    if (other_port) {
        add_other_port(text, url);
    } else {
        buffer_add_slice(text, url->port);
    }
    buffer_add_slice(text, url->path);
    add_query(text, url->query, quotes);
    return true;
}

static int
compare_slices(struct slice a, struct slice b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* By name, then value: names as names, "Reason" before "ReasonConferenceEnded". */
static int
compare_fields(const void *left, const void *right)
{
    const struct form_field *a = left;
    const struct form_field *b = right;
    const int order = compare_slices(a->name, b->name);

    return order != 0 ? order : compare_slices(a->value, b->value);
}

int
signed_text_form(struct slice body, struct buffer *text)
{
    AUTO(form_done) struct form form = {0};
    const int r = form_parse(body, &form);

    if (r != FORM_OK) {
        return r < 0 ? r : SIGNED_TEXT_E_TOO_MANY_FIELDS;
    }
    buffer_clear(text);
    if (form.count > 1) {
        qsort(form.fields, form.count, sizeof(form.fields[0]), compare_fields);
    }
    for (size_t i = 0; i < form.count; i++) {
        if (i == 0 || compare_fields(&form.fields[i - 1], &form.fields[i]) != 0) {
            buffer_add_slice(text, form.fields[i].name);
            buffer_add_slice(text, form.fields[i].value);
        }
    }
    return text->failed ? -ENOMEM : SIGNED_TEXT_OK;
}
