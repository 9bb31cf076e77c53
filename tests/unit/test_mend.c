/*
 * test_mend.c - JSON that says what no text can hold.
 */
#include <string.h>

#include "mapping/mend.h"
#include "tests/unit/unit.h"

#define HIGH "\\ud83d"
#define LOW "\\uDE00"
#define FFFD "\\ufffd"

static void
replaces_halves_of_pairs_and_nul_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        const char *mended; /* NULL: as it is */
    } cases[] = {
        {"", NULL},
        {"\"plain\"", NULL},
        {HIGH LOW, NULL},
        {"\\u00e9\\n\\\"", NULL},
        {"\\\\ud83d", NULL}, /* a backslash, and letters */
        {"\\ud83", NULL},
        {"\\ud83g", NULL},
        {"\\", NULL},
        {"\\u", NULL},
        {"a" HIGH, "a" FFFD},
        {HIGH "z", FFFD "z"},
        {LOW, FFFD},
        {LOW HIGH, FFFD FFFD},
        {HIGH HIGH LOW, FFFD HIGH LOW},
        {HIGH LOW LOW, HIGH LOW FFFD},
        {HIGH "\\n" LOW, FFFD "\\n" FFFD},
        {HIGH "\\\\uDE00", FFFD "\\\\uDE00"},
        {"\\\\\\u0000", "\\\\" FFFD},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const size_t size = strlen(cases[i].text);
        /* of its exact size, for the sanitizers to see a read behind it */
        char *text = test_malloc(size + 1);

        memcpy(text, cases[i].text, size);
        text[size] = '\0';
        assert_int_equal(mend_json(text, size), cases[i].mended != NULL);
        assert_string_equal(
            text, cases[i].mended != NULL ? cases[i].mended : cases[i].text);
        test_free(text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_halves_of_pairs_and_nul_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
