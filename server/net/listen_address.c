/*
 * listen_address.c - what an address to listen on says, wherever one is read.
 */
#include "server/net/listen_address.h"

#include <string.h>

#define UNIX_PREFIX "unix:"
#define SYSTEMD_WORD "systemd"

/* No blanks, no control characters, nothing outside ASCII. */
static bool
is_printable(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.size > 0;
}

static bool
parse_unix(struct slice path, struct listen_address *address)
{
    address->kind = LISTEN_UNIX;
    address->path = path;
    return slice_starts(path, "/") && is_printable(path) && path.size < LISTEN_PATH_SIZE;
}

/* `rest` is what follows the word. */
static bool
parse_systemd(struct slice rest, struct listen_address *address)
{
    address->kind = LISTEN_SYSTEMD;
    if (rest.size == 0) {
        return true;
    }
    address->name = slice_skip(rest, 1);
    return is_printable(address->name) && address->name.size <= LISTEN_NAME_MAX &&
           memchr(address->name.data, ':', address->name.size) == NULL;
}

static bool
parse_inet(struct slice text, struct listen_address *address)
{
    address->kind = LISTEN_INET;
    return authority_parse(text, &address->inet) && address->inet.port.data != NULL;
}

bool
listen_address_parse(struct slice text, struct listen_address *ret_address)
{
    struct listen_address address = {0};
    bool is_address = false;

    if (slice_starts(text, UNIX_PREFIX)) {
        is_address = parse_unix(slice_skip(text, strlen(UNIX_PREFIX)), &address);
    } else if (slice_is(text, SYSTEMD_WORD) || slice_starts(text, SYSTEMD_WORD ":")) {
        is_address = parse_systemd(slice_skip(text, strlen(SYSTEMD_WORD)), &address);
    } else {
        is_address = parse_inet(text, &address);
    }
    if (is_address) {
        *ret_address = address;
    }
    return is_address;
}
