/*
 * request_contact.c - POST /contacts: who the event is about.
 *
 * The body is composed as for a contact Brevo has never met, then reduced by what it has: so the
 * same code decides what is said first and what is said again.
 */
#include <string.h>

#include "mapping/profile.h"
#include "mapping/request.h"

/* A failed write is remembered: check once, at the end. */
struct body {
    json_t *contact;
    json_t *attributes; /* inside contact, once there is one */
    bool failed;
};

static void
write_text(struct body *body, const char *key, const char *text)
{
    if (text[0] != '\0') {
        body->failed |= json_object_set_new(body->contact, key, json_string(text)) != 0;
    }
}

/* Takes over the reference to `value`. */
static void
write_attribute(struct body *body, const char *name, json_t *value)
{
    if (body->attributes == NULL) {
        body->attributes = json_object();
        body->failed |=
            json_object_set_new(body->contact, "attributes", body->attributes) != 0;
    }
    if (body->failed) {
        json_decref(value);
        return;
    }
    body->failed |= json_object_set_new(body->attributes, name, value) != 0;
}

static void
write_phone(struct body *body, const char *name, const char *phone)
{
    if (phone[0] != '\0') {
        write_attribute(body, name, json_string(phone));
    }
}

static bool
is_phone_attribute(const char *name)
{
    return strcmp(name, "SMS") == 0 || strcmp(name, "WHATSAPP") == 0;
}

/* Attributes that identify: written from the customer only, or never (EMAIL inside attributes is
 * refused by Brevo when it is the contact's own). */
static bool
is_identifier(const char *name)
{
    return is_phone_attribute(name) || strcmp(name, "EMAIL") == 0 ||
           strcmp(name, "EXT_ID") == 0 || strcmp(name, "LANDLINE_NUMBER") == 0;
}

/* Lower case names are no attributes: Brevo would ignore them (`email` is the address). */
static bool
is_attribute_name(const char *name)
{
    static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char *const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

    return name[0] != '\0' && strchr(letters, name[0]) != NULL &&
           strspn(name, all) == strlen(name);
}

bool
request_writes_attribute(const char *name)
{
    return is_attribute_name(name) && !is_identifier(name);
}

static bool
maps_phones(const struct rules *rules)
{
    for (size_t i = 0; i < rules->field_count; i++) {
        if (is_phone_attribute(rules->fields[i].attribute)) {
            return true;
        }
    }
    return false;
}

static void
write_customer(
    struct body *body, const struct customer *customer, const struct rules *rules)
{
    const struct request_identifier who = request_identify(customer);
    const bool phones = rules->sync_customers && maps_phones(rules);

    write_text(body, "email", customer->email);
    write_text(body, "ext_id", customer->ext_id);
    if (phones || strcmp(who.type, "phone_id") == 0) {
        write_phone(body, "SMS", customer->phone);
    }
    if (phones || strcmp(who.type, "whatsapp_id") == 0) {
        write_phone(body, "WHATSAPP", customer->whatsapp);
    }
}

static void
write_profile(struct body *body, const json_t *payload, const struct rules *rules)
{
    for (size_t i = 0; i < rules->field_count; i++) {
        const struct rules_field *field = &rules->fields[i];
        json_t *value = NULL;

        if (!request_writes_attribute(field->attribute)) {
            continue;
        }
        const int r = profile_value(payload, field->path, &value);

        if (r == PROFILE_OK) {
            write_attribute(body, field->attribute, value);
        }
        body->failed |= r < 0;
    }
}

/* The list a contact joins with its first event of this type; 0: none. */
static int64_t
list_of(enum event_type type, const struct rules *rules)
{
    const int64_t lists[EVENT_TYPE_COUNT] = {
        [EVENT_TASK_CREATED] = rules->list_support_contacts,
        [EVENT_TASK_COMPLETED] = rules->list_support_contacts,
        [EVENT_TASK_CANCELED] = rules->list_support_contacts,
        [EVENT_TASK_WAITING] = rules->list_support_contacts,
        [EVENT_CONVERSATION_ENDED] = rules->list_support_contacts,
        [EVENT_SURVEY_COMPLETED] = rules->list_csat_respondents,
    };

    return lists[type];
}

json_t *
request_contact(const struct event *event, const struct rules *rules)
{
    struct body body = {.contact = json_pack("{s:b}", "updateEnabled", 1)};
    const int64_t list = list_of(event->type, rules);

    write_customer(&body, &event->customer, rules);
    if (rules->sync_customers) {
        write_profile(&body, event->payload, rules);
    }
    if (list > 0) {
        body.failed |= json_object_set_new(body.contact, "listIds",
                           json_pack("[I]", (json_int_t)list)) != 0;
    }
    if (body.contact == NULL || body.failed) {
        json_decref(body.contact);
        return NULL;
    }
    return body.contact;
}

static bool
is_empty(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

static bool
has_text(const json_t *object, const char *name)
{
    return json_is_string(json_object_get(object, name)) &&
           !is_empty(json_object_get(object, name));
}

/* Brevo answers with the digits of a phone only: "+34 600" was written, "34600" is read. */
static bool
same_digits(const char *ours, const char *theirs)
{
    static const char *const digits = "0123456789";

    for (;;) {
        ours += strcspn(ours, digits);
        theirs += strcspn(theirs, digits);
        if (*ours == '\0' || *theirs == '\0') {
            return *ours == *theirs;
        }
        if (*ours++ != *theirs++) {
            return false;
        }
    }
}

/* The attribute by which the contact is known when it has neither e-mail nor ext_id. */
static const char *
identifying_attribute(const json_t *contact)
{
    const json_t *attributes = json_object_get(contact, "attributes");

    if (has_text(contact, "email") || has_text(contact, "ext_id")) {
        return NULL;
    }
    return has_text(attributes, "SMS") ? "SMS" : "WHATSAPP";
}

/* True when the identifier itself is news to Brevo. */
static bool
is_new_identity(const json_t *contact, const json_t *existing)
{
    const char *attribute = identifying_attribute(contact);
    const char *ours;
    const char *theirs;

    if (attribute != NULL) {
        ours = json_string_value(
            json_object_get(json_object_get(contact, "attributes"), attribute));
        theirs = json_string_value(
            json_object_get(json_object_get(existing, "attributes"), attribute));
        return ours == NULL || theirs == NULL || !same_digits(ours, theirs);
    }
    ours = json_string_value(json_object_get(contact, "email"));
    theirs = json_string_value(json_object_get(existing, "email"));
    return ours != NULL && (theirs == NULL || !slice_is_nocase(slice_of(theirs), ours));
}

/* True when attributes are left beside the one that identifies. */
static bool
reduce_attributes(json_t *contact, const json_t *existing)
{
    json_t *attributes = json_object_get(contact, "attributes");
    const json_t *theirs = json_object_get(existing, "attributes");
    const char *identifying = identifying_attribute(contact);
    const char *name;
    json_t *value;
    void *next;
    size_t left = 0;

    json_object_foreach_safe(attributes, next, name, value)
    {
        if (identifying != NULL && strcmp(name, identifying) == 0) {
            continue;
        }
        if (is_empty(json_object_get(theirs, name))) {
            left++;
        } else {
            (void)json_object_del(attributes, name); /* it is there: being iterated */
        }
    }
    if (attributes != NULL && json_object_size(attributes) == 0) {
        (void)json_object_del(contact, "attributes");
    }
    return left > 0;
}

bool
request_ids_hold(const json_t *ids, int64_t id)
{
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *item = json_array_get(ids, i);

        if (json_is_integer(item) && json_integer_value(item) == id) {
            return true;
        }
    }
    return false;
}

/* True when lists are left to join. */
static bool
reduce_lists(json_t *contact, const json_t *existing)
{
    json_t *ours = json_object_get(contact, "listIds");
    const json_t *joined = json_object_get(existing, "listIds");
    const json_t *left = json_object_get(existing, "listUnsubscribed");

    for (size_t i = json_array_size(ours); i-- > 0;) {
        const json_int_t id = json_integer_value(json_array_get(ours, i));

        if (request_ids_hold(joined, id) || request_ids_hold(left, id)) {
            (void)json_array_remove(ours, i); /* i is in range */
        }
    }
    if (json_array_size(ours) == 0) {
        (void)json_object_del(contact, "listIds"); /* may be absent: the same */
        return false;
    }
    return true;
}

/* An ext_id beside an e-mail is a profile field like others; Brevo shows it as EXT_ID too. */
static bool
reduce_ext_id(json_t *contact, const json_t *existing)
{
    if (!has_text(contact, "ext_id")) {
        return false;
    }
    const bool known = has_text(existing, "ext_id") ||
                       has_text(json_object_get(existing, "attributes"), "EXT_ID");

    if (known && has_text(contact, "email")) {
        (void)json_object_del(contact, "ext_id"); /* it is there: checked above */
    }
    return !known;
}

bool
request_contact_reduce(json_t *contact, const json_t *existing)
{
    if (!json_is_object(existing)) {
        return true;
    }
    const bool identity = is_new_identity(contact, existing);
    const bool attributes = reduce_attributes(contact, existing);
    const bool lists = reduce_lists(contact, existing);
    const bool ext_id = reduce_ext_id(contact, existing);

    return identity || attributes || lists || ext_id;
}

static const struct {
    const char *name;
    unsigned bit;
    bool is_attribute;
} optional[] = {
    {"ext_id", REQUEST_EXT_ID, false},
    {"SMS", REQUEST_SMS, true},
    {"WHATSAPP", REQUEST_WHATSAPP, true},
    {"listIds", REQUEST_LIST, false},
};

const char *
request_optional_name(unsigned identifier)
{
    size_t i = 0;

    while (i + 1 < LENGTH(optional) && optional[i].bit != identifier) {
        i++;
    }
    return optional[i].name;
}

int64_t
request_contact_list(const json_t *contact)
{
    return json_integer_value(json_array_get(json_object_get(contact, "listIds"), 0));
}

bool
request_contact_has_phone(const json_t *contact)
{
    const json_t *attributes = json_object_get(contact, "attributes");

    return has_text(contact, "email") &&
           (has_text(attributes, "SMS") || has_text(attributes, "WHATSAPP"));
}

unsigned
request_contact_drop(json_t *contact, unsigned identifiers)
{
    json_t *attributes = json_object_get(contact, "attributes");
    const char *best = identifying_attribute(contact);
    unsigned dropped = 0;

    if (best == NULL && !has_text(contact, "email")) {
        best = "ext_id";
    }
    for (size_t i = 0; i < LENGTH(optional); i++) {
        const char *name = optional[i].name;
        const bool is_best = best != NULL && strcmp(best, name) == 0;

        if ((identifiers & optional[i].bit) != 0 && !is_best &&
            json_object_del(optional[i].is_attribute ? attributes : contact, name) == 0) {
            dropped |= optional[i].bit;
        }
    }
    if (attributes != NULL && json_object_size(attributes) == 0) {
        (void)json_object_del(contact, "attributes");
    }
    return dropped;
}
