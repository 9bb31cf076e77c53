/*
 * contact_assumed.h - which contact is assumed where Brevo is not asked: `brevo.mode: shadow`,
 * `explain`, `mapping-diff`.
 *
 * `contacts.create` says whose contacts are written, and so what a delivery asks depends on whether
 * Brevo has the contact. The case in which most is said stands for all: it is named beside.
 */
#pragma once

#include "mapping/event.h"
#include "server/config/config.h"

/* The case, and which rule made it: "contacts.create: never: ...". */
const char *contact_assumed(const struct config *config);
/* Whether its contact is written, by a request of its own or by what an event carries. */
bool contact_assumed_is_written(const struct config *config);

/*
 * Makes of request_contact()'s body, and of the event's (NULL when it is not sent), what a delivery
 * says of this contact: computed attributes are in one of them. *ret_is_asked: the contact has a
 * request of its own. False when memory is out.
 */
bool contact_assumed_say(const struct config *config, const struct event *event,
    json_t *contact, json_t *request, bool *ret_is_asked) MUST_USE;
