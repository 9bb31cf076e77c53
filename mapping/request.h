/*
 * request.h - the exact Brevo requests for a canonical event.
 *
 * Documented limits are kept here: event names and property keys are [A-Za-z0-9_-], never null,
 * properties at most REQUEST_PROPERTIES_MAX bytes; emailBlacklisted, smsBlacklisted and
 * forceMerge never appear.
 */
#pragma once

#include "mapping/event.h"

enum {
    REQUEST_PROPERTIES_MAX = 50 * 1024, /* Brevo: "event_properties" at most 50 KB */
    /*
     * Bytes of one text property; longer ones are cut and `truncated` says so. Escaped at its
     * worst a byte takes six, and sixteen such texts still are below REQUEST_PROPERTIES_MAX.
     */
    REQUEST_TEXT_MAX = 512,
};

/* Flags of json_dumpb() for bodies: 1.67 is that, and not 1.6699999999999999. */
#define REQUEST_REALS JSON_REAL_PRECISION(15)
#define REQUEST_DUMP (JSON_COMPACT | REQUEST_REALS)

/* The one identifier Brevo is given. */
struct request_identifier {
    const char *type; /* "email_id", "ext_id", "phone_id", "whatsapp_id" */
    const char *value;
};

struct request_identifier request_identify(const struct customer *customer);

/*
 * Body of POST /contacts: everything we would say about this contact when it is new.
 *
 * Who: email, ext_id, attributes SMS and WHATSAPP. The phone numbers go along with a better
 * identifier only where `field_mapping` has a line for SMS or WHATSAPP (either: the other may be
 * known from elsewhere) and customers are synchronised; as the only identifier always.
 * What: profile attributes by rules->fields (profile.h), and a list: of the support events
 * (task.*, conversation.ended) support_contacts, of an answer to a survey csat_respondents. An attribute whose name
 * is not [A-Z][A-Z0-9_]*, or that is an identifier of Brevo's, is not written as one. Computed
 * attributes are history.h's.
 * NULL when memory is out. The caller owns it.
 */
json_t *request_contact(const struct event *event, const struct rules *rules) MUST_USE;

/* Whether a line of field_mapping to this attribute is written as a profile attribute. */
bool request_writes_attribute(const char *name);

/*
 * Takes out of a contact body what Brevo already has, given its answer to GET /contacts/{id}
 * (profile fields fill what is empty and never overwrite; a list once joined or left is not
 * joined again). What identifies the contact stays. Returns false when nothing is left to say:
 * no POST is needed. `existing` may be NULL or no object: Brevo knows nothing.
 */
bool request_contact_reduce(json_t *contact, const json_t *existing) MUST_USE;

/* Whether a list of numbers, as Brevo tells `listIds`, has this one. */
bool request_ids_hold(const json_t *ids, int64_t id);

/* What a contact can do without, as bits: identifiers, and the list it would join. */
enum {
    REQUEST_EXT_ID = 1,
    REQUEST_SMS = 2,
    REQUEST_WHATSAPP = 4,
    REQUEST_PHONES = REQUEST_SMS | REQUEST_WHATSAPP,
    REQUEST_OPTIONAL = REQUEST_EXT_ID | REQUEST_PHONES,
    REQUEST_LIST = 8,
};

/* The list a contact body joins; 0: none. */
int64_t request_contact_list(const json_t *contact);
/* Whether a contact body has a phone beside the best identifier. */
bool request_contact_has_phone(const json_t *contact);
/* "ext_id", "SMS", "WHATSAPP": of one bit. */
const char *request_optional_name(unsigned identifier);

/*
 * Takes these out of a contact body, after Brevo refused them (an invalid phone, or another
 * contact's; a list it has not). The best one, which events are sent by, stays. Returns those it took out.
 */
unsigned request_contact_drop(json_t *contact, unsigned identifiers) MUST_USE;

/*
 * Body of POST /events for an EVENT_DELIVER reading.
 * NULL when memory is out. The caller owns it.
 */
json_t *request_event(const struct event *event, const struct rules *rules) MUST_USE;

/*
 * Lets an event carry the attributes of a contact body, as contact_properties, but those that
 * identify. Brevo takes texts, whole numbers and switches there: false, and nothing is carried, when
 * one is something else, there are none, or memory is out.
 */
bool request_event_carry(json_t *event, const json_t *contact) MUST_USE;
