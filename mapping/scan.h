/*
 * scan.h - finds values in JSON without building a tree.
 *
 * The ingest path needs five short strings of a body that may be megabytes; building a tree for
 * that costs more than everything else it does. The scanner checks the whole syntax of what it
 * passes over (RFC 8259, depth up to SCAN_DEPTH_MAX). A document it accepts is one the worker's
 * parser accepts too, but for four things it does not look at, because they cannot move the
 * borders between values: escapes and UTF-8 inside strings, the size of numbers, names that
 * occur twice in one object. The worker parks the one event that has them; its neighbours in a
 * batch are unharmed.
 */
#pragma once

#include "mapping/base.h"

enum {
    SCAN_DEPTH_MAX = 64,  /* arrays and objects inside each other */
    SCAN_FIELDS_MAX = 32, /* of one scan_fields() */
};

enum scan_result {
    SCAN_OK = 0,
    SCAN_E_SYNTAX,
    SCAN_E_STOPPED, /* the callback asked to stop */
};

/* Both raw, quotes and all. Returning false stops the scan with SCAN_E_STOPPED. */
typedef bool scan_member_fn(void *context, struct slice name, struct slice value);

/*
 * Calls `member` for each member of one JSON object, not of those inside it; anything but an
 * object is SCAN_E_SYNTAX. Like scan_elements() otherwise. The callback may overwrite what lies
 * before the end of `value`.
 */
int scan_members(struct slice object, scan_member_fn *member, void *context) MUST_USE;

/* SCAN_OK when `text` is one complete JSON value with nothing but blanks around it. */
int scan_check(struct slice text) MUST_USE;

/* A value to look for: `path` has member names separated by '/', e.g. "data/payload/task_sid". */
struct scan_field {
    const char *path;
    struct slice value; /* the raw value, quotes and all; absent when not found */
};

/*
 * Fills in the first match of each path in the JSON object `object`; the whole of it is checked,
 * and anything but one complete object is SCAN_E_SYNTAX with no value set.
 * Names are compared raw: one written with escapes does not match.
 */
int scan_fields(struct slice object, struct scan_field *fields, size_t count) MUST_USE;

/* Called for each element; returning false stops the scan with SCAN_E_STOPPED. */
typedef bool scan_element_fn(void *context, struct slice element);

/*
 * Calls `element` for each element of a JSON array, or once for a single object; anything else
 * is SCAN_E_SYNTAX. At each call `fields` (there may be none) hold what this element has of them:
 * nothing when it is no object.
 * Elements are slices of `text`, without the blanks around them, complete values of any type.
 * Elements before a syntax error have been passed on when SCAN_E_SYNTAX is returned: callers
 * that must not act on a broken document scan it whole first (scan_check).
 */
int scan_elements(struct slice text, struct scan_field *fields, size_t count,
    scan_element_fn *element, void *context) MUST_USE;

/* The inside of a raw string value without escapes; absent for any other value. */
struct slice scan_string(struct slice value);

/*
 * Decodes a raw string value into `text` (`capacity` bytes with the NUL). False, and an empty
 * text, when it is no string, does not fit, or has a broken escape, half a surrogate pair or a
 * NUL. Never longer than the raw value: a capacity of value.size always suffices.
 */
bool scan_text(struct slice value, char *text, size_t capacity) MUST_USE;
