/*
 * customer.c - who an event is about.
 *
 * Every place an address may be in is read in order of trust; each address is classified, then
 * kept as the customer's or refused. The first good one of each kind stays.
 */
#include "mapping/customer.h"

#include <string.h>
#include <strings.h>

#include "mapping/address.h"
#include "mapping/direction.h"
#include "mapping/payload.h"
#include "mapping/profile.h"

struct search {
    const json_t *payload;
    const struct rules *rules;
    struct customer customer;
    int refused; /* the most telling reason so far */
};

static bool
ends_nocase(struct slice text, const char *end)
{
    const size_t size = strlen(end);

    return text.size >= size && slice_is_nocase(slice_skip(text, text.size - size), end);
}

static bool
is_internal_domain(const char *email, const struct rules_texts *domains)
{
    const char *domain = strchr(email, '@') + 1; /* ADDRESS_EMAIL has one */

    for (size_t i = 0; i < domains->count; i++) {
        const char *ours = domains->items[i];
        const size_t size = strlen(ours);
        const struct slice text = slice_of(domain);

        if (size > 0 && ends_nocase(text, ours) &&
            (text.size == size || domain[text.size - size - 1] == '.')) {
            return true;
        }
    }
    return false;
}

static bool
is_own_number(const char *phone, const struct rules_texts *numbers)
{
    for (size_t i = 0; i < numbers->count; i++) {
        char ours[CUSTOMER_PHONE_SIZE];

        if (customer_phone(slice_of(numbers->items[i]), ours) &&
            strcmp(ours, phone) == 0) {
            return true;
        }
    }
    return false;
}

/* What the worker of the task is known by: it must not come back as the customer. */
static bool
is_worker(const json_t *payload, const char *text, const struct address *address)
{
    static const char *const paths[] = {
        "worker_attributes/email",
        "worker_attributes/contact_uri",
        "worker_attributes/phone",
        "worker_name",
    };

    for (size_t i = 0; i < LENGTH(paths); i++) {
        const char *theirs = payload_text_at(payload, paths[i]);
        struct address worker;

        address_read(slice_of(theirs), &worker);
        if (theirs != NULL && (strcasecmp(theirs, text) == 0 ||
                                  (worker.kind >= ADDRESS_EMAIL &&
                                      strcmp(worker.text, address->text) == 0))) {
            return true;
        }
    }
    return false;
}

static int
judge(const struct search *search, const char *text, const struct address *address)
{
    if (is_worker(search->payload, text, address)) {
        return CUSTOMER_E_INTERNAL;
    }
    switch (address->kind) {
    case ADDRESS_ANONYMOUS:
        return CUSTOMER_E_ANONYMOUS;
    case ADDRESS_EMAIL:
        return ends_nocase(slice_of(address->text), "@mailin-sms.com") ||
                       is_internal_domain(address->text, &search->rules->internal_domains)
                   ? CUSTOMER_E_INTERNAL
                   : CUSTOMER_OK;
    case ADDRESS_PHONE:
    case ADDRESS_WHATSAPP:
        return is_own_number(address->text, &search->rules->own_numbers)
                   ? CUSTOMER_E_OWN_NUMBER
                   : CUSTOMER_OK;
    case ADDRESS_NONE:
        break;
    }
    return CUSTOMER_E_NO_IDENTITY;
}

static void
keep(struct customer *customer, const struct address *address)
{
    const bool is_email = address->kind == ADDRESS_EMAIL;
    char *phone =
        address->kind == ADDRESS_WHATSAPP ? customer->whatsapp : customer->phone;
    char *place = is_email ? customer->email : phone;

    if (place[0] == '\0') {
        (void)!slice_to_text(slice_of(address->text), place,
            is_email ? CUSTOMER_EMAIL_SIZE : CUSTOMER_PHONE_SIZE); /* fits by its kind */
    }
}

/* A number that does not say whose it is may be WhatsApp's by its place. */
static void
consider_at(struct search *search, const json_t *value, bool is_whatsapp)
{
    char text[ADDRESS_SIZE];
    struct address address;

    if (!payload_scalar(value, text, sizeof text)) {
        return;
    }
    address_read(slice_of(text), &address);
    if (is_whatsapp && address.kind == ADDRESS_PHONE) {
        address.kind = ADDRESS_WHATSAPP;
    }
    const int r = judge(search, text, &address);

    if (r == CUSTOMER_OK) {
        keep(&search->customer, &address);
    } else if (r > search->refused) {
        search->refused = r;
    }
}

static void
consider(struct search *search, const json_t *value)
{
    consider_at(search, value, false);
}

static void
consider_attributes(
    struct search *search, const json_t *payload, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count && paths[i] != NULL; i++) {
        consider(search, payload_attribute(payload, paths[i]));
    }
}

/* The two ends of a contact: the direction decides which of them is the customer's. */
enum {
    ENDS_MAX = 3
};

static const char *const callers[ENDS_MAX] = {"from", "caller"};
static const char *const called[ENDS_MAX] = {"outbound_to", "to", "called"};

static bool
is_end(const char *path, const char *const ends[ENDS_MAX])
{
    const struct slice text = slice_of(path);

    for (size_t i = 0; i < ENDS_MAX && ends[i] != NULL; i++) {
        if (slice_starts(text, "attributes.") &&
            slice_is(slice_skip(text, strlen("attributes.")), ends[i])) {
            return true;
        }
    }
    return false;
}

/*
 * Lines of `field_mapping` such as `attributes.mail: email` say where else to look, and first, and
 * `attributes.whats: WHATSAPP` that a number is WhatsApp's; but `attributes.from: SMS` is no line about a call of ours.
 */
static void
consider_configured(
    struct search *search, const json_t *payload, const char *const ours[ENDS_MAX])
{
    for (size_t i = 0; i < search->rules->field_count; i++) {
        const struct rules_field *field = &search->rules->fields[i];
        const bool is_whatsapp = strcmp(field->attribute, "WHATSAPP") == 0;
        const bool is_address = is_whatsapp || strcmp(field->attribute, "SMS") == 0 ||
                                strcasecmp(field->attribute, "email") == 0;

        if (is_address && !is_end(field->path, ours)) {
            consider_at(search, profile_at(payload, field->path), is_whatsapp);
        }
    }
}

static bool
is_ext_id(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < ' ' || *c == 0x7F) {
            return false;
        }
    }
    return text[0] != '\0';
}

static void
read_ext_id(struct search *search)
{
    const char *path = search->rules->ext_id_from;
    char text[CUSTOMER_NAME_SIZE];

    if (path != NULL &&
        payload_scalar(profile_at(search->payload, path), text, sizeof text) &&
        is_ext_id(text)) {
        memcpy(search->customer.ext_id, text, sizeof text);
    }
}

/* All places of one payload's attributes, best first. */
static void
consider_all(struct search *search, const json_t *payload)
{
    static const char *const stated[] = {
        "email",
        "customers.email",
        "customerEmail",
        "customer_email",
        "pre_engagement.email",
        "pre_engagement_data.email",
        "preEngagementData.email",
        "phone",
        "customers.phone",
        "customerAddress",
    };
    const bool is_outbound = direction_read(search->payload) == DIRECTION_OUTBOUND;

    consider_configured(search, payload, is_outbound ? callers : called);
    consider_attributes(search, payload, stated, LENGTH(stated));
    consider_attributes(search, payload, is_outbound ? called : callers, ENDS_MAX);
}

int
customer_read(
    const json_t *payload, const struct rules *rules, struct customer *ret_customer)
{
    struct search search = {
        .payload = payload, .rules = rules, .refused = CUSTOMER_E_NO_IDENTITY};
    const struct customer *found = &search.customer;

    consider_all(&search, json_object_get(payload, "trusted"));
    consider_all(&search, payload);
    read_ext_id(&search);
    if (found->email[0] == '\0' && found->ext_id[0] == '\0' && found->phone[0] == '\0' &&
        found->whatsapp[0] == '\0') {
        return search.refused;
    }
    *ret_customer = search.customer;
    return CUSTOMER_OK;
}

const char *
customer_reason(int result)
{
    static const char *const reasons[] = {
        [CUSTOMER_E_NO_IDENTITY] = "no_identity",
        [CUSTOMER_E_ANONYMOUS] = "anonymous_caller",
        [CUSTOMER_E_OWN_NUMBER] = "own_number",
        [CUSTOMER_E_INTERNAL] = "internal_contact",
    };

    return reasons[result];
}

bool
customer_phone(struct slice address, char phone[CUSTOMER_PHONE_SIZE])
{
    struct address read;

    address_read(address, &read);
    return (read.kind == ADDRESS_PHONE || read.kind == ADDRESS_WHATSAPP) &&
           slice_to_text(slice_of(read.text), phone, CUSTOMER_PHONE_SIZE);
}
