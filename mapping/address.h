/*
 * address.h - what kind of address Twilio's many spellings of a person are.
 *
 * The same customer is "+34600111222", "whatsapp:+34600111222", "whatsapp%3A%2B34600111222",
 * "ana@example.com" or "client:ana"; the kind is read from the text itself, never from the name
 * of the field it came in.
 */
#pragma once

#include "mapping/channel.h"

enum {
    ADDRESS_SIZE = 256, /* an e-mail address has at most 254 characters (RFC 5321) */
    ADDRESS_PHONE_DIGITS_MIN = 7,
    ADDRESS_PHONE_DIGITS_MAX = 15, /* E.164 */
};

enum address_kind {
    ADDRESS_NONE, /* nothing Brevo could know somebody by: a chat identity, a short code */
    ADDRESS_ANONYMOUS, /* a withheld caller id */
    ADDRESS_EMAIL,
    ADDRESS_PHONE,
    ADDRESS_WHATSAPP,
};

struct address {
    enum address_kind kind;
    enum channel channel;    /* what its prefix says; CHANNEL_UNKNOWN without one */
    char text[ADDRESS_SIZE]; /* e-mail in lower case, or E.164 with '+'; else empty */
};

/*
 * Reads `text` as it is and, when that is no address, with its percent escapes decoded. An absent
 * slice is ADDRESS_NONE.
 */
void address_read(struct slice text, struct address *ret_address);
