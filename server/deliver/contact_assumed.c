/*
 * contact_assumed.c - which contact is assumed where Brevo is not asked.
 */
#include "server/deliver/contact_assumed.h"

#include <string.h>

#include "mapping/history.h"
#include "mapping/request.h"

enum assumed {
    ABSENT,    /* it is created */
    BARE,      /* it is there, and what identifies it is all it has */
    UNWRITTEN, /* it is there, and left alone */
};

static const struct assumption {
    const char *create;
    const char *rule;
    enum assumed contact;
} assumptions[] = {
    {"always", "contacts.create: always: as if Brevo did not have the contact", ABSENT},
    {"known_only",
        "contacts.create: known_only: as if Brevo had the contact, and none of its "
        "attributes; of one it does not have the event is filtered, unknown_contact",
        BARE},
    {"never",
        "contacts.create: never: as if Brevo had the contact, which is not written; of one "
        "it does not have the event is filtered, unknown_contact",
        UNWRITTEN},
};

static const struct assumption *
find(const struct config *config)
{
    size_t i = 0;

    while (i + 1 < LENGTH(assumptions) &&
           strcmp(assumptions[i].create, config->contacts_create) != 0) {
        i++;
    }
    return &assumptions[i];
}

const char *
contact_assumed(const struct config *config)
{
    return find(config)->rule;
}

bool
contact_assumed_is_written(const struct config *config)
{
    return find(config)->contact != UNWRITTEN;
}

/* NULL when it is another identifier. */
static const char *
value_if(struct request_identifier identifier, const char *type)
{
    return strcmp(identifier.type, type) == 0 ? identifier.value : NULL;
}

/* As Brevo would answer. NULL when memory is out. */
static json_t *
bare_contact(const struct event *event)
{
    const struct request_identifier who = request_identify(&event->customer);

    return json_pack("{s:s*, s:s*, s:{s:s*, s:s*}}", "email", value_if(who, "email_id"),
        "ext_id", value_if(who, "ext_id"), "attributes", "SMS", value_if(who, "phone_id"),
        "WHATSAPP", value_if(who, "whatsapp_id"));
}

bool
contact_assumed_say(const struct config *config, const struct event *event,
    json_t *contact, json_t *request, bool *ret_is_asked)
{
    const bool is_bare = find(config)->contact == BARE;
    AUTO(payload_release) json_t *existing = is_bare ? bare_contact(event) : NULL;

    *ret_is_asked = contact_assumed_is_written(config);
    if (!*ret_is_asked) {
        return true;
    }
    const bool is_news = is_bare && request_contact_reduce(contact, existing);

    /* Numbers ride with the event only where there is nothing else to say of a contact. */
    if ((is_bare && existing == NULL) ||
        !history_alone_said(event, &config->rules, contact, is_news ? NULL : request)) {
        return false;
    }
    *ret_is_asked = !is_bare || request_contact_reduce(contact, existing);
    return true;
}
