/*
 * customer.h - who an event is about.
 */
#pragma once

#include "mapping/rules.h"

/* In the order in which a refusal explains more: the highest one met is reported. */
enum customer_result {
    CUSTOMER_OK = 0,
    CUSTOMER_E_NO_IDENTITY,
    CUSTOMER_E_ANONYMOUS,  /* only a withheld caller id was there */
    CUSTOMER_E_OWN_NUMBER, /* only the business's own number was there */
    CUSTOMER_E_INTERNAL, /* an agent, identity.internal_domains, or Brevo's own addresses */
};

enum {
    CUSTOMER_EMAIL_SIZE = 256,
    CUSTOMER_PHONE_SIZE = 20,
    CUSTOMER_NAME_SIZE = 128, /* a longer ext_id is refused: cut, it would be another's */
};

/* Empty texts are unknown. At least one of email, ext_id, phone, whatsapp is set on CUSTOMER_OK. */
struct customer {
    char email[CUSTOMER_EMAIL_SIZE]; /* lower case */
    char ext_id[CUSTOMER_NAME_SIZE];
    char phone[CUSTOMER_PHONE_SIZE]; /* E.164 with '+' */
    char whatsapp
        [CUSTOMER_PHONE_SIZE]; /* the same, met with the whatsapp: prefix or mapped */
};

/*
 * Reads who the customer of a merged payload is. Best first: email, ext_id (only where
 * rules->ext_id_from names a path), phone, WhatsApp. `direction` (inbound unless the attributes
 * say outbound) decides whether `from` or `to` is the customer's. Never a customer: Twilio's
 * anonymous callers, own numbers, workers, internal domains (and their subdomains), Brevo's
 * synthetic addresses (NNN@mailin-sms.com). A line of `field_mapping` for the business's end of
 * the contact (`attributes.from` of an outbound one) is not followed.
 *
 * Looked for in the task attributes, the first good one of each kind wins: the paths
 * rules->fields maps to email, SMS or WHATSAPP; then the places docs/mapping.md has, in their
 * order. What kind an address is it says itself; a number without `whatsapp:` is WhatsApp's where a
 * line to WHATSAPP has it. One refused address does not spoil another, good one.
 * Returns a customer_result; *ret_customer is written only on CUSTOMER_OK.
 */
int customer_read(const json_t *payload, const struct rules *rules,
    struct customer *ret_customer) MUST_USE;

/* The `reason` label a result is filtered under: "no_identity", "anonymous_caller", ... */
const char *customer_reason(int result);

/*
 * E.164 from an address: prefixes (whatsapp:, sms:, tel:, ...) stripped, blanks and punctuation
 * dropped, "00" turned into '+'. False for anything without a country code, for Twilio's
 * anonymous numbers and for words (client:, sip:, "anonymous").
 */
bool customer_phone(struct slice address, char phone[CUSTOMER_PHONE_SIZE]) MUST_USE;
