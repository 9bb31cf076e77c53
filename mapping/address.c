/*
 * address.c - what kind of address Twilio's many spellings of a person are.
 */
#include "mapping/address.h"

#include <string.h>

/* What may follow a prefix. */
enum prefix_takes {
    TAKES_NOBODY,
    TAKES_EMAIL,
    TAKES_PHONE,
    TAKES_WHATSAPP,
    TAKES_EMAIL_OR_PHONE,
};

struct prefix {
    const char *text;
    enum prefix_takes takes;
    enum channel channel;
};

static const struct prefix prefixes[] = {
    {"whatsapp:", TAKES_WHATSAPP, CHANNEL_WHATSAPP},
    {"messenger:", TAKES_NOBODY, CHANNEL_MESSENGER},
    {"sms:", TAKES_PHONE, CHANNEL_SMS},
    {"rcs:", TAKES_PHONE, CHANNEL_OTHER},
    {"tel:", TAKES_PHONE, CHANNEL_UNKNOWN},
    {"mailto:", TAKES_EMAIL, CHANNEL_EMAIL},
    {"client:", TAKES_NOBODY, CHANNEL_UNKNOWN}, /* an agent or a browser */
    {"sip:", TAKES_NOBODY, CHANNEL_UNKNOWN},
    {"sips:", TAKES_NOBODY, CHANNEL_UNKNOWN},
};

static const struct prefix no_prefix = {"", TAKES_EMAIL_OR_PHONE, CHANNEL_UNKNOWN};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char
to_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static const struct prefix *
find_prefix(struct slice text)
{
    for (size_t i = 0; i < LENGTH(prefixes); i++) {
        if (slice_starts_nocase(text, prefixes[i].text)) {
            return &prefixes[i];
        }
    }
    return &no_prefix;
}

/*
 * The digits of a number written for people, without '+'. False when it holds anything else or
 * too many. "(0)" is a national prefix that is not dialled from abroad: "+44 (0)20 ...".
 */
static bool
read_digits(struct slice text, char digits[ADDRESS_SIZE])
{
    size_t count = 0;

    text = slice_before(text, ';'); /* tel:+34600111222;ext=5 */
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.data[i];

        if (is_digit(c)) {
            digits[count++] = c;
        } else if (slice_starts(slice_skip(text, i), "(0)")) {
            i += 2;
        } else if (c == '\0' || strchr(" -.()/", c) == NULL) {
            return false;
        }
        if (count >= ADDRESS_SIZE - 1) {
            return false;
        }
    }
    digits[count] = '\0';
    return true;
}

/* Twilio's numbers for callers without one (they spell the words on a keypad), and the words. */
static bool
is_anonymous(struct slice text)
{
    static const char *const numbers[] = {
        "266696687", "7378742833", "2562533", "8656696", "86282452253"};
    static const char *const words[] = {
        "anonymous", "restricted", "unknown", "unavailable"};
    char digits[ADDRESS_SIZE];

    for (size_t i = 0; i < LENGTH(words); i++) {
        if (slice_is_nocase(text, words[i])) {
            return true;
        }
    }
    if (slice_starts(text, "+")) {
        text = slice_skip(text, 1);
    }
    if (!read_digits(text, digits)) {
        return false;
    }
    for (size_t i = 0; i < LENGTH(numbers); i++) {
        if (strcmp(digits, numbers[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool
read_phone(struct slice text, char phone[ADDRESS_SIZE])
{
    const bool plus = slice_starts(text, "+");
    char digits[ADDRESS_SIZE];

    if (!read_digits(plus ? slice_skip(text, 1) : text, digits)) {
        return false;
    }
    struct slice number = slice_of(digits);

    if (!plus) {
        if (!slice_starts(number, "00")) {
            return false; /* no country code: whose number it is cannot be known */
        }
        number = slice_skip(number, 2);
    }
    if (number.size < ADDRESS_PHONE_DIGITS_MIN ||
        number.size > ADDRESS_PHONE_DIGITS_MAX || number.data[0] == '0') {
        return false;
    }
    phone[0] = '+';
    return slice_to_text(number, phone + 1, ADDRESS_SIZE - 1);
}

/* `extra` are the characters allowed beside letters and digits; dots only between others. */
static bool
is_dotted(struct slice text, const char *extra)
{
    char previous = '.';

    for (size_t i = 0; i < text.size; i++) {
        const char c = text.data[i];

        if (c == '.' ? previous == '.'
                     : !is_digit(c) && !is_letter(c) &&
                           (c == '\0' || strchr(extra, c) == NULL)) {
            return false;
        }
        previous = c;
    }
    return previous != '.';
}

/*
 * The addresses mail really has (RFC 5321 without quoted and international local parts): Brevo
 * refuses a whole contact for an address it does not like, so doubtful ones are not given to it.
 */
static bool
read_email(struct slice text, char email[ADDRESS_SIZE])
{
    enum {
        LOCAL_MAX = 64,
        EMAIL_MAX = 254
    };
    const struct slice local = slice_before(text, '@');

    if (local.size == text.size || local.size > LOCAL_MAX || text.size > EMAIL_MAX) {
        return false;
    }
    const struct slice domain = slice_skip(text, local.size + 1);

    if (!is_dotted(local, "!#$%&'*+-/=?^_`{|}~") || !is_dotted(domain, "-") ||
        slice_before(domain, '.').size == domain.size) {
        return false;
    }
    if (!slice_to_text(text, email, ADDRESS_SIZE)) {
        return false;
    }
    for (char *c = email; *c != '\0'; c++) {
        *c = to_lower(*c);
    }
    return true;
}

static enum address_kind
classify(struct slice rest, enum prefix_takes takes, char text[ADDRESS_SIZE])
{
    const bool email = takes == TAKES_EMAIL || takes == TAKES_EMAIL_OR_PHONE;
    const bool phone = takes != TAKES_EMAIL && takes != TAKES_NOBODY;

    /* sip:anonymous@anonymous.invalid */
    if (is_anonymous(takes == TAKES_NOBODY ? slice_before(rest, '@') : rest)) {
        return ADDRESS_ANONYMOUS;
    }
    if (email && read_email(rest, text)) {
        return ADDRESS_EMAIL;
    }
    if (phone && read_phone(rest, text)) {
        return takes == TAKES_WHATSAPP ? ADDRESS_WHATSAPP : ADDRESS_PHONE;
    }
    text[0] = '\0';
    return ADDRESS_NONE;
}

static void
read_plain(struct slice text, struct address *address)
{
    text = slice_trim(text);
    const struct prefix *prefix = find_prefix(text);
    const struct slice rest = slice_trim(slice_skip(text, strlen(prefix->text)));

    address->channel = prefix->channel;
    address->text[0] = '\0';
    address->kind = classify(rest, prefix->takes, address->text);
}

/* False when there is nothing to decode. `size` of the result is never larger. */
static bool
decode_escapes(struct slice text, char decoded[ADDRESS_SIZE], size_t *ret_size)
{
    size_t size = 0;
    bool found = false;

    for (size_t i = 0; i < text.size; i++) {
        const int high = i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
        const int low = i + 2 < text.size ? hex_digit(text.data[i + 2]) : -1;

        decoded[size] = text.data[i];
        if (text.data[i] == '%' && high >= 0 && low >= 0) {
            decoded[size] = (char)(high * 16 + low);
            i += 2;
            found = true;
        }
        size++;
    }
    *ret_size = size;
    return found;
}

void
address_read(struct slice text, struct address *ret_address)
{
    char decoded[ADDRESS_SIZE];
    size_t size;

    *ret_address = (struct address){.kind = ADDRESS_NONE};
    if (text.size == 0 || text.size >= ADDRESS_SIZE) {
        return;
    }
    read_plain(text, ret_address);
    /* '%' is legal in an address: only what is none yet is decoded. */
    if (ret_address->kind == ADDRESS_NONE && decode_escapes(text, decoded, &size)) {
        read_plain((struct slice){.data = decoded, .size = size}, ret_address);
    }
}
