/*
 * member.h - copies what a route sent into a payload, under our names.
 */
#pragma once

#include <jansson.h>

#include "mapping/form.h"

/* A member under another name; to NULL: left out. Tables end with an empty entry. */
struct member_alias {
    const char *from; /* in snake_case already */
    const char *to;
};

/* Nothing is said by null and by "": `TaskCanceledReason=` means there is none. */
bool member_says_nothing(const json_t *value);

/*
 * Adds `value`, taking over the reference. What is there already stays, nulls and empty texts
 * say nothing and are not added. NULL is a failed allocation. 0 or -ENOMEM.
 */
int member_add(json_t *payload, const char *name, json_t *value) MUST_USE;

/*
 * Adds all members of an object or fields of a form, names turned to snake_case ("TaskSid" is
 * "task_sid"; names with dots stay) and looked up in `aliases`. Names of other characters or
 * longer than PAYLOAD_NAME_SIZE are none of Twilio's and left out, and so is a form value that
 * is not text (bad UTF-8, NUL): it costs itself, not the event. 0 or -ENOMEM.
 */
int member_copy_object(
    json_t *payload, const struct member_alias *aliases, json_t *object) MUST_USE;
int member_copy_form(json_t *payload, const struct member_alias *aliases,
    const struct form *form) MUST_USE;
