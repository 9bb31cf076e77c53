/*
 * proof_url.c - the URLs that Twilio may have called, and so may have signed.
 */
#include "server/proof/proof_url.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert((int)PROOF_URLS_MAX <= (int)VERIFY_URLS_MAX, "the verifier takes all");

void
proof_urls_init(struct proof_urls *urls)
{
    *urls = (struct proof_urls){0};
    buffer_init(&urls->text, (size_t)PROOF_URLS_MAX * 2 * VERIFY_URL_MAX);
}

void
proof_urls_done(struct proof_urls *urls)
{
    buffer_done(&urls->text);
}

/* "https://user:password@hooks.example.com": encoded, as it has to be in a URL. */
static void
add_with_user(struct buffer *text, struct slice base, const char *user_password)
{
    const char *scheme_end = memmem(base.data, base.size, "://", strlen("://"));
    const size_t scheme_size = (size_t)(scheme_end - base.data) + strlen("://");
    const struct slice whole = slice_of(user_password);
    const struct slice user = slice_before(whole, ':');

    buffer_add(text, base.data, scheme_size);
    buffer_add_percent_encoded(text, user);
    buffer_add_text(text, ":");
    buffer_add_percent_encoded(text, slice_skip(whole, user.size + 1));
    buffer_add_text(text, "@");
    buffer_add_slice(text, slice_skip(base, scheme_size));
}

static void
add_base(const struct proof_url_input *input, const char *base, struct buffer *text)
{
    if (input->basic_auth != NULL) {
        add_with_user(text, slice_of(base), input->basic_auth);
    } else {
        buffer_add_text(text, base);
    }
}

/* The URL written since `start` is complete but for its target. */
static void
end_url(const struct proof_url_input *input, size_t start, struct proof_urls *urls)
{
    buffer_add_slice(&urls->text, input->target);
    /* sizes for now: the text may move while it grows */
    urls->items[urls->count++].size = urls->text.size - start;
}

static void
add_forwarded(const struct proof_url_input *input, struct proof_urls *urls)
{
    const size_t start = urls->text.size;

    if (forwarded_add_x(input->forwarded, &urls->text)) {
        end_url(input, start, urls);
    }
    const size_t second = urls->text.size;

    if (forwarded_add_rfc7239(input->forwarded, &urls->text)) {
        end_url(input, second, urls);
    }
}

/* Points the items into the text, now that it stays where it is. */
static void
place(struct proof_urls *urls)
{
    const char *at = urls->text.data;

    for (size_t i = 0; i < urls->count; i++) {
        urls->items[i].data = at;
        at += urls->items[i].size;
    }
}

static bool
is_repeated(const struct proof_urls *urls, size_t count, struct slice url)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(urls->items[i], url)) {
            return true;
        }
    }
    return false;
}

/* A proxy mostly says what is configured; trying that twice would be wasted. */
static void
drop_useless(struct proof_urls *urls)
{
    size_t kept = 0;

    for (size_t i = 0; i < urls->count; i++) {
        const struct slice url = urls->items[i];

        if (url.size <= VERIFY_URL_MAX && !is_repeated(urls, kept, url)) {
            urls->items[kept++] = url;
        }
    }
    urls->count = kept;
}

int
proof_urls_make(const struct proof_url_input *input, struct proof_urls *urls)
{
    const struct config_texts *bases = config_public_urls(input->config, input->source);

    buffer_clear(&urls->text);
    urls->count = 0;
    if (input->target.size > VERIFY_URL_MAX) {
        return VERIFY_E_TOO_LONG;
    }
    for (size_t i = 0; i < bases->count; i++) {
        const size_t start = urls->text.size;

        add_base(input, bases->items[i], &urls->text);
        end_url(input, start, urls);
    }
    if (input->forwarded != NULL) {
        add_forwarded(input, urls);
    }
    if (urls->text.failed) {
        return -ENOMEM;
    }
    place(urls);
    drop_useless(urls);
    return urls->count > 0 ? 0 : VERIFY_E_TOO_LONG;
}
