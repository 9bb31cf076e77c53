/*
 * shape.c - what texts of the configuration must look like.
 */
#include "server/config/shape.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "mapping/address.h"
#include "mapping/profile.h"
#include "mapping/rules.h"
#include "mapping/sid.h"
#include "queue/redis_url.h"
#include "server/config/network.h"
#include "server/config/zone_file.h"
#include "server/net/listen_address.h"

enum {
    EVENT_NAME_MAX = 255, /* Brevo: event_name at most 255 of [A-Za-z0-9_-] */
    ATTRIBUTE_MAX = 50,
    SHOWN_MAX = 60, /* of a bad value, in a remedy */
};

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* All of `text` is made of `characters`, and there is at least one. */
static bool
consists_of(const char *text, const char *characters)
{
    return *text != '\0' && text[strspn(text, characters)] == '\0';
}

bool
shape_is_printable(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return false;
        }
    }
    return *text != '\0';
}

/* Words in any language. */
static bool
is_reason(const char *text)
{
    const size_t size = strlen(text);

    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == '\x7f' ||
            (text[i] == ' ' && (i == 0 || text[i - 1] == ' ' || i + 1 == size))) {
            return false;
        }
    }
    return size > 0 && size <= RULES_REASON_MAX;
}

/* RFC 6749, 3.3: names between single blanks. */
static bool
is_scope(const char *text)
{
    char last = ' ';

    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\' ||
            (*c == ' ' && last == ' ')) {
            return false;
        }
        last = *c;
    }
    return last != ' ';
}

/* A user cannot have a colon; a password may be empty for the RFC, and not for us. */
static bool
is_user_password(const char *text)
{
    const char *colon = strchr(text, ':');

    return shape_is_printable(text) && colon != NULL && colon != text && colon[1] != '\0';
}

static bool
is_account_sid(const char *text)
{
    return sid_is(text, "AC");
}

static bool
is_flow_sid(const char *text)
{
    return sid_is(text, "FO");
}

static bool
is_workspace_sid(const char *text)
{
    return sid_is(text, "WS");
}

static bool
is_key_sid(const char *text)
{
    return sid_is(text, "SK");
}

static bool
is_redis_require(const char *text)
{
    return strcmp(text, "always") == 0 || strcmp(text, "everysec") == 0 ||
           strcmp(text, "none") == 0;
}

static bool
is_brevo_mode(const char *text)
{
    return strcmp(text, "live") == 0 || strcmp(text, "shadow") == 0;
}

static bool
is_create(const char *text)
{
    return strcmp(text, "always") == 0 || strcmp(text, "known_only") == 0 ||
           strcmp(text, "never") == 0;
}

static bool
is_redis_url(const char *text)
{
    struct redis_url url;
    char error[QUEUE_ERROR_SIZE]; /* see shape_explain_redis_url() */

    return shape_is_printable(text) && redis_url_parse(text, &url, error) == QUEUE_OK;
}

static_assert((int)CONFIG_KEY_MAX >= (int)QUEUE_ERROR_SIZE, "an explanation fits");

bool
shape_explain_redis_url(const char *text, char ret_remedy[CONFIG_KEY_MAX])
{
    struct redis_url url;

    return shape_is_printable(text) &&
           redis_url_parse(text, &url, ret_remedy) != QUEUE_OK;
}

static bool
is_timezone(const char *text)
{
    struct zone zone; /* it is read again when all is right */

    return zone_file_read(text, &zone);
}

static bool
is_listen(const char *text)
{
    struct listen_address address; /* the listener reads it again */

    return listen_address_parse(slice_of(text), &address);
}

static bool
is_proxy(const char *text)
{
    struct network network;

    return network_parse(slice_of(text), &network);
}

static bool
is_phone(const char *text)
{
    const size_t digits = text[0] == '+' ? strlen(text + 1) : 0;

    return digits >= ADDRESS_PHONE_DIGITS_MIN && digits <= ADDRESS_PHONE_DIGITS_MAX &&
           text[1] != '0' && consists_of(text + 1, DIGITS);
}

static bool
is_domain(const char *text)
{
    return strlen(text) <= AUTHORITY_HOST_MAX && text[0] != '.' &&
           text[strlen(text) - 1] != '.' && strstr(text, "..") == NULL &&
           consists_of(text, LOWER UPPER DIGITS ".-");
}

/* An address of either kind, as far as one can tell it apart: a slip would choose nobody. */
static bool
is_contact(const char *text)
{
    const char *at = strchr(text, '@');

    return is_phone(text) || (at != NULL && at != text && shape_is_printable(text) &&
                                 strchr(at + 1, '@') == NULL && is_domain(at + 1));
}

static bool
is_attribute(const char *text)
{
    if (strcmp(text, "email") == 0) {
        return true;
    }
    return strlen(text) <= ATTRIBUTE_MAX && text[0] >= 'A' && text[0] <= 'Z' &&
           consists_of(text, UPPER DIGITS "_");
}

static bool
is_identifier(const char *text)
{
    return shape_is_printable(text) && profile_path_is_known(text) &&
           !profile_path_is_computed(text);
}

/* Task attributes are called so here, as in field_mapping, and without it elsewhere. */
bool
shape_explain_identifier(const char *text, char ret_remedy[CONFIG_KEY_MAX])
{
    if (!shape_is_printable(text) || profile_path_is_known(text)) {
        return false;
    }
    (void)snprintf(ret_remedy, CONFIG_KEY_MAX, "write attributes.%.*s", SHOWN_MAX, text);
    return true;
}

static bool
is_event_name(const char *text)
{
    return strlen(text) <= EVENT_NAME_MAX && consists_of(text, LOWER UPPER DIGITS "_-");
}

const struct option_shape shape_account_sid = {
    "an account SID", "AC and 32 hexadecimal digits", is_account_sid};
const struct option_shape shape_flow_sid = {
    "a Flex flow SID", "FO and 32 hexadecimal digits", is_flow_sid};
const struct option_shape shape_workspace_sid = {
    "a workspace SID", "WS and 32 hexadecimal digits", is_workspace_sid};
const struct option_shape shape_key_sid = {
    "an API key SID", "SK and 32 hexadecimal digits", is_key_sid};
const struct option_shape shape_secret = {
    "a usable secret", "printable characters without blanks", shape_is_printable};
const struct option_shape shape_client_id = {
    "a client id", "printable characters without blanks", shape_is_printable};
const struct option_shape shape_scope = {
    "a scope", "names between single blanks like contacts:read contacts:write", is_scope};
const struct option_shape shape_user_password = {"a user and a password",
    "user:password, printable characters without blanks", is_user_password};
const struct option_shape shape_redis_url = {
    "a Redis URL", "printable characters without blanks", is_redis_url};
const struct option_shape shape_redis_require = {"what Redis must keep",
    "always, everysec (a crash may lose the last second) or none (any Redis will do)",
    is_redis_require};
const struct option_shape shape_brevo_mode = {"a mode",
    "live, or shadow (nothing is sent: what would be is written to a file)",
    is_brevo_mode};
const struct option_shape shape_timezone = {"a time zone",
    "a name of the IANA database like Europe/Madrid, whose data are installed (tzdata)",
    is_timezone};
const struct option_shape shape_create = {"whose contacts are created",
    "always, known_only (only contacts Brevo has are told of) or never (nor are those "
    "changed)",
    is_create};
const struct option_shape shape_contact = {"an e-mail address or a phone number",
    "one like lena@example.com or +15550001111", is_contact};
const struct option_shape shape_listen = {"an address to listen on",
    "127.0.0.1:8080, [::1]:8080, :8080, unix:/path/to/socket (107 characters at most), or "
    "systemd or systemd:NAME for an inherited socket",
    is_listen};
const struct option_shape shape_proxy = {
    "an address or a network", "one like 10.0.0.7, 10.0.0.0/8 or fd00::/8", is_proxy};
const struct option_shape shape_phone = {
    "a phone number", "E.164, one like +15550001111", is_phone};
const struct option_shape shape_domain = {"a domain", "one like example.com", is_domain};
const struct option_shape shape_path = {
    "a path", "printable characters without blanks", shape_is_printable};
const struct option_shape shape_identifier = {"a field with an identifier",
    "one like attributes.crm_id or account_id", is_identifier};
const struct option_shape shape_reason = {
    "words of a reason", "1 to 64 characters, single blanks between words", is_reason};
const struct option_shape shape_attribute = {"a Brevo attribute",
    "A-Z, 0-9 and _ beginning with a letter, or the word email", is_attribute};
const struct option_shape shape_event_name = {"a Brevo event name",
    "1 to 255 of A-Z, a-z, 0-9, _ and -, or nothing to switch the event off",
    is_event_name};
