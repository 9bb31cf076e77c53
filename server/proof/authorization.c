/*
 * authorization.c - an Authorization header against a secret, compared in constant time.
 */
#include "server/proof/authorization.h"

#include <string.h>

#include "server/proof/verify.h"

static struct slice
credentials(struct slice header, const char *scheme)
{
    return slice_starts_nocase(header, scheme)
               ? slice_trim(slice_skip(header, strlen(scheme)))
               : (struct slice){0};
}

/* The decoded "user:password" in `text`; absent when there is none. */
static struct slice
basic(struct slice header, char text[AUTHORIZATION_BASIC_MAX])
{
    const struct slice encoded = credentials(header, "Basic ");
    size_t size = 0;

    return encoded.size > 0 &&
                   verify_base64_decode(encoded, text, AUTHORIZATION_BASIC_MAX, &size)
               ? (struct slice){.data = text, .size = size}
               : (struct slice){0};
}

struct slice
authorization_bearer(struct slice header)
{
    return credentials(header, "Bearer ");
}

bool
authorization_is_basic(struct slice header, const char *user_password)
{
    char text[AUTHORIZATION_BASIC_MAX];

    return verify_equal(basic(header, text), slice_of(user_password));
}

bool
authorization_has_token(struct slice header, const char *token)
{
    char text[AUTHORIZATION_BASIC_MAX];
    const struct slice expected = slice_of(token);
    const struct slice whole = basic(header, text);
    const struct slice user = slice_before(whole, ':');
    const struct slice password =
        user.size < whole.size ? slice_skip(whole, user.size + 1) : (struct slice){0};

    return verify_equal(authorization_bearer(header), expected) ||
           verify_equal(whole, expected) || verify_equal(password, expected);
}
