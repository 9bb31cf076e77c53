/*
 * attribute.h - whether Brevo has the contact attributes we write.
 *
 * Brevo answers 2xx and drops, in silence, a value whose attribute it does not have, has under
 * another spelling, or with another type. So its list of attributes is compared with what the
 * configuration writes.
 */
#pragma once

#include <jansson.h>

#include "mapping/rules.h"

enum attribute_problem {
    ATTRIBUTE_FINE,
    ATTRIBUTE_MISSING,
    ATTRIBUTE_WRONG_CASE, /* Brevo spells it otherwise */
    ATTRIBUTE_WRONG_TYPE,
    ATTRIBUTE_PROBLEM_COUNT
};

enum {
    ATTRIBUTE_FOUND_SIZE = 64,
};

struct attribute_finding {
    const char *name;   /* as configured; borrowed from the rules */
    const char *wanted; /* "text", "date", "float"; "any" where the path does not tell */
    enum attribute_problem problem;
    char found[ATTRIBUTE_FOUND_SIZE]; /* what Brevo has: its type, or its spelling */
};

/* One finding for each attribute that is written, the fine ones too. */
struct attribute_findings {
    struct attribute_finding items[RULES_FIELDS_MAX];
    size_t count;
};

/* "missing", "wrong_case", "wrong_type": the label `problem`; "fine" for none. */
const char *attribute_problem_name(enum attribute_problem problem);
/* What a person does about it. */
const char *attribute_problem_remedy(enum attribute_problem problem);

/*
 * Compares the body of GET /contacts/attributes with what rules->fields writes. Identifiers are
 * left out: every account has them. False, and *ret_findings as it was, for a body that is no
 * such list.
 */
bool attribute_compare(const struct rules *rules, const json_t *answer,
    struct attribute_findings *ret_findings) MUST_USE;

/* How many of them are not fine. */
size_t attribute_wrong_count(const struct attribute_findings *findings);

/*
 * "CSAT_SCORE wrong_type, LAST_SUPPORT_DATE missing" into `text` (`capacity` bytes with the NUL),
 * as many as fit; "" when all are fine.
 */
void attribute_summary(
    const struct attribute_findings *findings, char *text, size_t capacity);
