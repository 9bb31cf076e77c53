/*
 * form.h - application/x-www-form-urlencoded bodies, decoded without losing a byte.
 *
 * Signatures are computed over what this returns, so nothing is trimmed, filtered, merged or
 * re-ordered: a stray escape ("%zz") stays as it is, duplicates and empty values are kept. Only
 * empty segments ("a=1&&b=2") are no fields, as in python's parse_qsl(keep_blank_values=True).
 */
#pragma once

#include "mapping/base.h"

enum {
    FORM_FIELDS_MAX = 2048,
};

struct form_field {
    struct slice name;
    struct slice value;
};

struct form {
    struct form_field
        *fields; /* in the order of the body; their bytes stand behind them */
    size_t count;
};

enum form_result {
    FORM_OK = 0,
    FORM_E_TOO_MANY_FIELDS, /* more than FORM_FIELDS_MAX */
};

/*
 * Decodes `body` into *form.
 *
 * Ownership: on FORM_OK the caller releases *form with form_done(); otherwise it is empty. The
 * slices stay valid until then; `body` need not. A field's value lies right behind its name, so
 * that the two are one text.
 * Returns a form_result, or -ENOMEM.
 */
int form_parse(struct slice body, struct form *form) MUST_USE;
void form_done(struct form *form);

/* The first value under `name` (case-sensitive, as Twilio's are); absent when there is none. */
struct slice form_get(const struct form *form, const char *name);

/*
 * For callers that need one or two fields of a body: no memory, values stay encoded.
 *
 * form_next() takes the next field off *rest; false at the end. form_find() is form_get() on a
 * body, over its first FORM_FIELDS_MAX fields. form_name_is() compares an encoded name.
 */
bool form_next(struct slice *rest, struct form_field *ret_encoded) MUST_USE;
struct slice form_find(struct slice body, const char *name);
bool form_name_is(struct slice encoded, const char *name);
/*
 * Decodes one value into `text` (`capacity` bytes with the NUL). False, and an empty text, when
 * it does not fit or holds a NUL.
 */
bool form_decode(struct slice encoded, char *text, size_t capacity) MUST_USE;
