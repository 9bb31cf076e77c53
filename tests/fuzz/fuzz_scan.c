/*
 * fuzz_scan.c - the scanner against jansson: same documents accepted, same values found.
 *
 * scan.h names what the scanner does not look at. Here that is taken out of the document first
 * (plain()), except where it can be recognised for certain; about the rest the two must agree.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/scan.h"
#include "tests/fuzz/fuzz.h"

enum {
    DIGITS_SAFE = 300, /* a number of fewer digits, without exponent, fits a double */
};

/* What was seen while a document was made plain. */
struct traits {
    size_t depth;  /* the deepest nesting, if it is a document */
    size_t digits; /* the longest run of digits */
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Inside strings: escapes and bytes that may be no UTF-8 become letters. A backslash before a
 * control character or the end stays: that much the scanner does look at.
 */
static size_t
plain_string(char *text, size_t size, size_t at)
{
    for (; at < size && text[at] != '"'; at++) {
        if (text[at] == '\\' && at + 1 < size && (unsigned char)text[at + 1] >= 0x20) {
            text[at] = 'a';
            at++;
            text[at] = 'a';
        } else if ((unsigned char)text[at] >= 0x80) {
            text[at] = 'a';
        }
    }
    return at;
}

/* "1e999" becomes "1e000": exponents are the short way out of a double's range. */
static void
plain_exponent(char *text, size_t size, size_t at)
{
    at++;
    if (at < size && (text[at] == '+' || text[at] == '-')) {
        at++;
    }
    for (; at < size && is_digit(text[at]); at++) {
        text[at] = '0';
    }
}

static struct traits
plain(char *text, size_t size)
{
    struct traits traits = {0};
    size_t depth = 0;
    size_t digits = 0;

    for (size_t at = 0; at < size; at++) {
        const char c = text[at];

        digits = is_digit(c) ? digits + 1 : 0;
        traits.digits = digits > traits.digits ? digits : traits.digits;
        if (c == '"') {
            at = plain_string(text, size, at + 1);
        } else if (c == 'e' || c == 'E') {
            plain_exponent(text, size, at);
        } else if (c == '{' || c == '[') {
            depth++;
            traits.depth = depth > traits.depth ? depth : traits.depth;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return traits;
}

static const json_t *
tree_at(const json_t *tree, const char *path)
{
    while (tree != NULL && *path != '\0') {
        char name[32];
        const size_t size = strcspn(path, "/");

        memcpy(name, path, size);
        name[size] = '\0';
        tree = json_object_get(tree, name); /* NULL for what is no object */
        path += size + (path[size] == '/');
    }
    return tree;
}

static void
check_value(struct slice value, const json_t *expected, const char *what)
{
    json_t *found = json_loadb(value.data, value.size, JSON_DECODE_ANY, NULL);

    fuzz_check(found != NULL && json_equal(found, expected), what);
    json_decref(found);
}

static const struct scan_field wanted[] = {
    {.path = "type"},
    {.path = "data"},
    {.path = "data/StateTo"},
    {.path = "data/ConversationSid"},
    {.path = "data/payload/task_sid"},
    {.path = "data/payload/reservation_sid"},
    {.path = "TaskSid"},
    {.path = "a/b/c/d"},
    {.path = "a/b/e"},
};

/* What was found is what the tree has; without a tree nothing was. */
static void
check_found(const struct scan_field fields[LENGTH(wanted)], const json_t *tree)
{
    for (size_t i = 0; i < LENGTH(wanted); i++) {
        const json_t *expected = tree_at(tree, fields[i].path);

        if (expected == NULL) {
            fuzz_check(fields[i].value.data == NULL, "nothing found where nothing is");
        } else {
            check_value(fields[i].value, expected, "the value at a path");
        }
    }
}

static void
check_fields(struct slice text, const json_t *tree)
{
    struct scan_field fields[LENGTH(wanted)];

    memcpy(fields, wanted, sizeof(wanted));
    const int r = scan_fields(text, fields, LENGTH(fields));

    fuzz_check(
        r == (json_is_object(tree) ? SCAN_OK : SCAN_E_SYNTAX), "fields of an object");
    check_found(fields, r == SCAN_OK ? tree : NULL);
}

struct walk {
    const json_t *tree;
    struct scan_field fields[LENGTH(wanted)]; /* of elements only */
    size_t count;
};

static bool
check_element(void *context, struct slice element)
{
    struct walk *walk = context;
    const json_t *expected =
        json_is_array(walk->tree) ? json_array_get(walk->tree, walk->count) : walk->tree;

    fuzz_check(expected != NULL, "not too many elements");
    check_value(element, expected, "an element");
    check_found(walk->fields, expected);
    walk->count++;
    return true;
}

static bool
check_member(void *context, struct slice name, struct slice value)
{
    struct walk *walk = context;
    json_t *text = json_loadb(name.data, name.size, JSON_DECODE_ANY, NULL);
    const json_t *expected = json_object_get(walk->tree, json_string_value(text));

    fuzz_check(expected != NULL, "a member that is there");
    check_value(value, expected, "a member's value");
    json_decref(text);
    walk->count++;
    return true;
}

static void
check_walks(struct slice text, const json_t *tree)
{
    const bool is_array = json_is_array(tree);
    const bool is_object = json_is_object(tree);
    struct walk elements = {.tree = tree};
    struct walk members = {.tree = tree};

    memcpy(elements.fields, wanted, sizeof(wanted));
    fuzz_check(scan_elements(text, elements.fields, LENGTH(wanted), check_element,
                   &elements) == (is_array || is_object ? SCAN_OK : SCAN_E_SYNTAX),
        "elements of an array");
    fuzz_check(elements.count == (is_array ? json_array_size(tree) : is_object),
        "all the elements");
    fuzz_check(scan_members(text, check_member, &members) ==
                   (is_object ? SCAN_OK : SCAN_E_SYNTAX),
        "members of an object");
    fuzz_check(members.count == json_object_size(tree), "all the members");
}

/* `text` is plain: whatever both accept must mean the same. */
static void
check_plain(struct slice text, struct traits traits)
{
    json_error_t error;
    json_t *tree = json_loadb(
        text.data, text.size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
    const bool accepted = scan_check(text) == SCAN_OK;

    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        /* jansson 2.14 drops a NUL that ends a number or a word: "1\0" is 1 to it */
        fuzz_check(!accepted, "no NUL is accepted");
        json_decref(tree);
        return;
    }
    if (tree == NULL && json_error_code(&error) == json_error_numeric_overflow) {
        fuzz_check(traits.digits >= DIGITS_SAFE, "only long numbers overflow");
        return;
    }
    if (tree != NULL && traits.depth > SCAN_DEPTH_MAX) {
        fuzz_check(!accepted, "the depth is bounded");
    } else {
        fuzz_check(accepted == (tree != NULL), "the same documents");
    }
    json_decref(tree);
    tree =
        json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (accepted && tree != NULL) {
        check_fields(text, tree);
        check_walks(text, tree);
    }
    json_decref(tree);
}

/* scan_text() on the document itself: what jansson reads as a string reads the same. */
static void
check_text(struct slice text)
{
    json_t *tree = json_loadb(text.data, text.size, JSON_DECODE_ANY, NULL);
    const struct slice value = slice_trim(text);
    char *decoded = malloc(value.size + 1);

    fuzz_check(decoded != NULL, "memory");
    const bool is_text = scan_text(value, decoded, value.size > 0 ? value.size : 1);

    if (json_is_string(tree)) {
        fuzz_check(is_text && strcmp(decoded, json_string_value(tree)) == 0, "a string");
    } else if (tree != NULL) {
        fuzz_check(!is_text, "a text only where a string is");
    }
    if (json_is_string(tree) && scan_string(value).data != NULL) {
        fuzz_check(slice_is(scan_string(value), decoded), "a string without escapes");
    }
    free(decoded);
    json_decref(tree);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice original = {.data = (const char *)data, .size = size};
    char *text = malloc(size > 0 ? size : 1);

    fuzz_check(text != NULL, "memory");
    if (size > 0) {
        memcpy(text, data, size);
    }
    const struct traits traits = plain(text, size);
    const struct slice copy = {.data = text, .size = size};

    fuzz_check(
        scan_check(copy) == scan_check(original), "strings and exponents do not matter");
    check_plain(copy, traits);
    check_text(original);
    free(text);
    return 0;
}
