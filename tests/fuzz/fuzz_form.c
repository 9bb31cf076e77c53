/*
 * fuzz_form.c - whatever a body holds, its fields survive being encoded and decoded again.
 */
#include <string.h>

#include "mapping/form.h"
#include "tests/fuzz/fuzz.h"

enum {
    ENCODED_MAX = 1 << 22,
    TEXT_MAX = 256,
};

static void
encode(struct slice value, struct buffer *out)
{
    for (size_t i = 0; i < value.size; i++) {
        buffer_addf(out, "%%%02x", (unsigned)(unsigned char)value.data[i]);
    }
}

static void
encode_form(const struct form *form, struct buffer *out)
{
    for (size_t i = 0; i < form->count; i++) {
        encode(form->fields[i].name, out);
        buffer_add_text(out, "=");
        encode(form->fields[i].value, out);
        buffer_add_text(out, "&");
    }
    fuzz_check(!out->failed, "memory for the encoded form");
}

static void
check_round_trip(const struct form *form)
{
    AUTO(buffer_done) struct buffer encoded = {0};
    AUTO(form_done) struct form again = {0};

    buffer_init(&encoded, ENCODED_MAX);
    encode_form(form, &encoded);
    fuzz_check(
        form_parse(buffer_slice(&encoded), &again) == FORM_OK, "encoded form parses");
    fuzz_check(again.count == form->count, "same number of fields");
    for (size_t i = 0; i < form->count; i++) {
        fuzz_check(slice_equal(again.fields[i].name, form->fields[i].name) &&
                       slice_equal(again.fields[i].value, form->fields[i].value),
            "same field");
    }
}

static size_t
count_segments(struct slice body)
{
    size_t count = 0;

    for (size_t i = 0; i < body.size; i++) {
        count += body.data[i] != '&' && (i == 0 || body.data[i - 1] == '&');
    }
    return count;
}

/* The way without memory must find what the other one finds. */
static void
check_find(struct slice body, const struct form *form)
{
    char name[TEXT_MAX];
    char text[TEXT_MAX];

    for (size_t i = 0; i < form->count; i++) {
        if (!slice_to_text(form->fields[i].name, name, sizeof(name))) {
            continue;
        }
        const struct slice expected = form_get(form, name);
        const struct slice found = form_find(body, name);

        fuzz_check(found.data != NULL, "found by name");
        if (form_decode(found, text, sizeof(text))) {
            fuzz_check(slice_is(expected, text), "found the same value");
        } else {
            fuzz_check(expected.size >= sizeof(text) ||
                           memchr(expected.data, '\0', expected.size) != NULL,
                "only what is too long or holds a NUL is not decoded");
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice body = {.data = (const char *)data, .size = size};
    const size_t segments = count_segments(body);
    AUTO(form_done) struct form form = {0};
    const int r = form_parse(body, &form);

    fuzz_check(
        r == (segments > FORM_FIELDS_MAX ? FORM_E_TOO_MANY_FIELDS : FORM_OK), "result");
    fuzz_check(form.count == (r == FORM_OK ? segments : 0), "a field for each segment");
    check_round_trip(&form);
    check_find(body, &form);
    return 0;
}
