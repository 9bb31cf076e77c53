/*
 * call_tried.c - tells the log over which URLs a signature was tried in vain.
 *
 * Who reads it compares scheme, host, port and path with what stands in Twilio's console. Of the
 * query only the names are shown: values may be personal, and anybody can put anything there. A
 * user and password are left out.
 */
#include "mapping/form.h"
#include "server/ingest/call.h"
#include "server/ops/log.h"
#include "server/proof/signed_text.h"

enum {
    NAMES_MAX = 16,
    NAME_SIZE_MAX = 32,
    SHOWN_MAX = LOG_LINE_MAX / 2,
};

static bool
is_plain(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        const bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != '-') {
            return false;
        }
    }
    return name.size <= NAME_SIZE_MAX;
}

/* "?site&bodySHA256"; a star for a name that is none by the looks of it. */
static void
add_names(struct slice query, struct buffer *text)
{
    struct slice rest = query.size > 0 ? slice_skip(query, 1) : query;
    struct form_field field;

    for (size_t i = 0; i < NAMES_MAX && form_next(&rest, &field); i++) {
        buffer_add_text(text, i == 0 ? "?" : "&");
        if (is_plain(field.name)) {
            buffer_add_slice(text, field.name);
        } else {
            buffer_add_text(text, "*");
        }
    }
}

static void
add_shown(struct slice candidate, struct buffer *text)
{
    struct signed_url url;

    signed_text_split(candidate, &url);
    buffer_add_slice(text, url.scheme);
    buffer_add_slice(text, url.host);
    buffer_add_slice(text, url.port);
    buffer_add_slice(text, url.path);
    add_names(url.query, text);
}

/* A URL and how it was written with the other port; the ways of quoting look the same here. */
static void
tell_url(const struct call *call, struct slice item)
{
    AUTO(buffer_done) struct buffer candidate = {.max = 4 * (size_t)VERIFY_URL_MAX};
    AUTO(buffer_done) struct buffer given = {.max = SHOWN_MAX};
    AUTO(buffer_done) struct buffer other = {.max = SHOWN_MAX};
    struct signed_url url;

    signed_text_split(item, &url);
    add_shown(item, &given);
    if (signed_text_url(&url, 1, &candidate)) {
        add_shown(buffer_slice(&candidate), &other);
    }
    log_warn("signature_tried", "source=%s tokens=%zu url=\"%s\" or=\"%s\"",
        source_name(call->route->source), call->ingest->credentials->auth_token_count,
        given.data != NULL && !given.failed ? given.data : "(long)",
        other.data != NULL && !other.failed ? other.data : "(long)");
}

void
call_tell_tried(struct call *call)
{
    struct ingest *ingest = call->ingest;
    int64_t count = 0;

    if (!gate_pass(&ingest->tried[call->route->source], call->started_us, &count)) {
        return;
    }
    for (size_t i = 0; i < ingest->urls.count; i++) {
        tell_url(call, ingest->urls.items[i]);
    }
}
