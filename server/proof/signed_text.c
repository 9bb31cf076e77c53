/*
 * signed_text.c - the text a signature is made over: a URL, then a form's fields.
 *
 * A candidate's number says how it differs from the URL as given: port, then quotes, then
 * userinfo. Those that could not differ from an earlier one are skipped by looking at the URL,
 * so no two need ever be compared.
 */
#include "server/proof/signed_text.h"

#include <endian.h>
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
span_until(struct slice text, const char *stops)
{
    for (; *stops != '\0'; stops++) {
        text = slice_before(text, *stops);
    }
    return text.size;
}

/* How many bytes the last `mark` and all before it take; 0 when there is none. */
static size_t
size_through(struct slice text, char mark)
{
    const char *last = text.size > 0 ? memrchr(text.data, mark, text.size) : NULL;

    return last != NULL ? (size_t)(last - text.data) + 1 : 0;
}

static size_t
scheme_size(struct slice text)
{
    const size_t size = span_until(text, ":/?");

    return size > 0 && slice_starts(slice_skip(text, size), "://") ? size + 3 : 0;
}

/* Passwords may hold '@' and ':', IPv6 addresses ':'. */
static void
split_authority(struct slice authority, struct signed_url *url)
{
    url->userinfo = cut(&authority, size_through(authority, '@'));

    const size_t address_size = size_through(authority, ']');
    const size_t name_size = span_until(slice_skip(authority, address_size), ":");

    url->host = cut(&authority, address_size + name_size);
    url->port = authority;
}

void
signed_text_split(struct slice text, struct signed_url *ret_url)
{
    struct signed_url url = {0};

    text.size = span_until(text, "#");
    url.scheme = cut(&text, scheme_size(text));
    if (url.scheme.size > 0) {
        split_authority(cut(&text, span_until(text, "/?")), &url);
    }
    url.path = cut(&text, span_until(text, "?"));
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

struct slice
signed_text_body_hash(struct slice query)
{
    struct slice parameters = query.size > 0 ? slice_skip(query, 1) : query; /* the '?' */
    struct slice found = {0};
    struct form_field parameter;
    size_t count = 0;

    while (form_next(&parameters, &parameter)) {
        if (slice_is(parameter.name, "bodySHA256")) {
            found = parameter.value;
            count++;
        }
    }
    return count == 1 ? found : (struct slice){0};
}

/* ---- fields ------------------------------------------------------------------------------ */

/* Most names differ in their first bytes: `rank` holds them so that a number compares them. */
struct ranked {
    uint64_t rank;
    const struct form_field *field;
};

enum {
    FEW_FIELDS = 64, /* up to here sorting by insertion is the fastest, and is bounded */
    RANK_SIZE = sizeof(uint64_t),
};

static uint64_t
rank_of(struct slice name)
{
    uint64_t rank = 0;

    if (name.size > 0) {
        memcpy(&rank, name.data, name.size < RANK_SIZE ? name.size : RANK_SIZE);
    }
    return be64toh(rank);
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
compare_fields(const struct form_field *a, const struct form_field *b)
{
    const int order = compare_slices(a->name, b->name);

    return order != 0 ? order : compare_slices(a->value, b->value);
}

static int
compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;

    return a->rank != b->rank ? (a->rank > b->rank) - (a->rank < b->rank)
                              : compare_fields(a->field, b->field);
}

static void
sort_ranked(struct ranked *all, size_t count)
{
    if (count > FEW_FIELDS) {
        qsort(all, count, sizeof(*all), compare_ranked);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        const struct ranked one = all[i];
        size_t at = i;

        for (; at > 0 && compare_ranked(&all[at - 1], &one) > 0; at--) {
            all[at] = all[at - 1];
        }
        all[at] = one;
    }
}

static void
add_sorted(const struct ranked *all, size_t count, struct buffer *text)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_ranked(&all[i - 1], &all[i]) != 0) {
            const struct form_field *field = all[i].field;

            /* in one: the value follows the name, see form_parse() */
            buffer_add(text, field->name.data, field->name.size + field->value.size);
        }
    }
}

static int
add_form(const struct form *form, struct buffer *text)
{
    struct ranked few[FEW_FIELDS];
    struct ranked *all = few;

    if (form->count > LENGTH(few)) {
        all = calloc(form->count, sizeof(*all));
        if (all == NULL) {
            return -ENOMEM;
        }
    }
    for (size_t i = 0; i < form->count; i++) {
        all[i] = (struct ranked){rank_of(form->fields[i].name), &form->fields[i]};
    }
    sort_ranked(all, form->count);
    add_sorted(all, form->count, text);
    if (all != few) {
        free(all);
    }
    return text->failed ? -ENOMEM : SIGNED_TEXT_OK;
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
    return add_form(&form, text);
}
