/*
 * scan.c - walks over JSON: all of it, its elements, its members, or along paths.
 */
#include "mapping/scan.h"

#include <assert.h>
#include <string.h>

#include "mapping/scanner.h"

int
scan_check(struct slice text)
{
    struct scanner scanner = scanner_of(text);

    return scanner_finish(
        &scanner, scanner_skip(&scanner) ? SCANNER_DONE : SCANNER_BROKEN);
}

int
scan_members(struct slice object, scan_member_fn *member, void *context)
{
    struct scanner scanner = scanner_of(object);
    struct slice value;
    enum scanner_step step = SCANNER_BROKEN;

    if (scanner_peek(&scanner) != '{' || !scanner_enter(&scanner)) {
        return SCAN_E_SYNTAX;
    }
    while ((step = scanner_next(&scanner, 0)) == SCANNER_VALUE) {
        const struct slice name = {scanner.name.data - 1, scanner.name.size + 2};

        if (!scanner_take(&scanner, &value)) {
            return SCAN_E_SYNTAX;
        }
        if (!member(context, name, value)) {
            return SCAN_E_STOPPED;
        }
    }
    return scanner_finish(&scanner, step);
}

/*
 * A search for fields: where in the nested objects it stands, as the bytes of the path
 * that led there ("data/payload/" of "data/payload/task_sid"). Only members on some path are
 * entered, so that is always a prefix of a path, borrowed from the field that has it.
 */
struct search {
    struct scan_field *fields;
    size_t count;
    const char *prefix;
    size_t prefix_size;
    size_t levels;    /* names in the prefix */
    uint32_t pending; /* bits: fields below the prefix that are not found yet */
};

static_assert(SCAN_FIELDS_MAX <= 32, "one bit of `pending` each");

static void
search_refresh(struct search *search)
{
    search->pending = 0;
    for (size_t i = 0; i < search->count; i++) {
        const struct scan_field *field = &search->fields[i];

        if (field->value.data == NULL &&
            strncmp(field->path, search->prefix, search->prefix_size) == 0) {
            search->pending |= UINT32_C(1) << i;
        }
    }
}

static void
search_enter(struct search *search, const char *path, size_t name_size)
{
    search->prefix = path;
    search->prefix_size += name_size + 1;
    search->levels++;
    search_refresh(search);
}

static void
search_leave(struct search *search, size_t levels)
{
    if (search->levels == levels) {
        return;
    }
    for (; search->levels > levels; search->levels--) {
        do {
            search->prefix_size--;
        } while (
            search->prefix_size > 0 && search->prefix[search->prefix_size - 1] != '/');
    }
    search_refresh(search);
}

struct match {
    uint32_t here;      /* bits: fields whose path ends with this member */
    const char *onward; /* a path that goes on inside it; NULL: none */
};

static struct match
search_match(const struct search *search, struct slice name)
{
    struct match match = {0};

    for (uint32_t bits = search->pending; bits != 0; bits &= bits - 1) {
        const unsigned i = (unsigned)__builtin_ctz(bits);
        const char *rest = search->fields[i].path + search->prefix_size;

        if (name.size == 0 || rest[0] != name.data[0]) {
            continue; /* most members of most objects */
        }
        const size_t size = strcspn(rest, "/");

        if (size != name.size || memcmp(rest, name.data, size) != 0) {
            continue;
        }
        if (rest[size] == '\0') {
            match.here |= UINT32_C(1) << i;
        } else {
            match.onward = search->fields[i].path;
        }
    }
    return match;
}

/* Before a member's value: notes it, steps over it, or goes inside (a noted one: does both). */
static bool
search_member(struct search *search, struct scanner *scanner)
{
    const struct slice name = scanner->name;
    const struct match match = search_match(search, name);
    const bool inside = match.onward != NULL && scanner_peek(scanner) == '{';
    const char *start = scanner->at;
    struct slice value;

    if (match.here != 0 || !inside) {
        if (!scanner_take(scanner, &value)) {
            return false;
        }
        for (uint32_t bits = match.here; bits != 0; bits &= bits - 1) {
            search->fields[__builtin_ctz(bits)].value = value;
        }
        search->pending &= ~match.here;
    }
    if (!inside) {
        return true;
    }
    scanner->at = start;
    search_enter(search, match.onward, name.size);
    return scanner_enter(scanner);
}

static void
search_begin(struct search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        search->fields[i].value = (struct slice){0};
    }
    search->prefix = "";
    search->prefix_size = 0;
    search->levels = 0;
    search_refresh(search);
}

/* Takes a value of any kind; of an object, with what is searched for in it. */
static bool
search_take(struct search *search, struct scanner *scanner, struct slice *ret_value)
{
    const char *start = scanner->at;
    const size_t base = scanner->depth;
    enum scanner_step step = SCANNER_BROKEN;

    search_begin(search);
    if (scanner_peek(scanner) != '{') {
        return scanner_take(scanner, ret_value);
    }
    if (!scanner_enter(scanner)) {
        return false;
    }
    while ((step = scanner_next(scanner, base)) == SCANNER_VALUE) {
        search_leave(search, scanner->depth - base - 1);
        if (!search_member(search, scanner)) {
            return false;
        }
    }
    *ret_value = (struct slice){start, (size_t)(scanner->at - start)};
    return step == SCANNER_DONE;
}

int
scan_fields(struct slice object, struct scan_field *fields, size_t count)
{
    struct scanner scanner = scanner_of(object);
    struct search search = {.fields = fields, .count = count};
    struct slice value;

    assert(count <= SCAN_FIELDS_MAX);
    const bool is_taken =
        scanner_peek(&scanner) == '{' && search_take(&search, &scanner, &value);
    const int r = scanner_finish(&scanner, is_taken ? SCANNER_DONE : SCANNER_BROKEN);

    if (r != SCAN_OK) {
        search_begin(&search); /* forgets what was found */
    }
    return r;
}

static int
scan_array(struct scanner *scanner, struct search *search, scan_element_fn *element,
    void *context)
{
    struct slice value;
    enum scanner_step step = SCANNER_BROKEN;

    if (!scanner_enter(scanner)) {
        return SCAN_E_SYNTAX;
    }
    while ((step = scanner_next(scanner, 0)) == SCANNER_VALUE) {
        if (!search_take(search, scanner, &value)) {
            return SCAN_E_SYNTAX;
        }
        if (!element(context, value)) {
            return SCAN_E_STOPPED;
        }
    }
    return scanner_finish(scanner, step);
}

int
scan_elements(struct slice text, struct scan_field *fields, size_t count,
    scan_element_fn *element, void *context)
{
    struct scanner scanner = scanner_of(text);
    struct search search = {.fields = fields, .count = count};
    struct slice object;

    assert(count <= SCAN_FIELDS_MAX);
    if (scanner_peek(&scanner) == '[') {
        return scan_array(&scanner, &search, element, context);
    }
    if (scanner_peek(&scanner) != '{' || !search_take(&search, &scanner, &object)) {
        return SCAN_E_SYNTAX;
    }
    const int r = scanner_finish(&scanner, SCANNER_DONE);

    return r != SCAN_OK || element(context, object) ? r : SCAN_E_STOPPED;
}
