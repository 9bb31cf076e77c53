/*
 * origin.c - does a request come from where Twilio's Event Streams call from?
 */
#include "server/ingest/origin.h"

#include <errno.h>
#include <string.h>

enum {
    PORT_DIGITS_MAX = 5,
};

/*
 * Sources: https://www.twilio.com/docs/events/webhook-quickstart (the first) and Twilio's page on
 * its static proxy (accounts with an Edition: US1, IE1, AU1). Changes are announced a week ahead.
 */
static const char *const twilio_ranges[] = {
    "35.90.102.128/25",
    "3.80.20.0/25",
    "3.251.214.32/27",
    "3.26.81.96/27",
};
_Static_assert(LENGTH(twilio_ranges) == ORIGIN_RANGES, "room for all of them");

enum hop {
    HOP_TRUSTED, /* one of our proxies: ask for the next */
    HOP_TWILIO,
    HOP_OTHER, /* somebody else, or no address */
};

static bool
is_in(const struct network *networks, size_t count, const struct in6_addr *address)
{
    for (size_t i = 0; i < count; i++) {
        if (network_contains(&networks[i], address)) {
            return true;
        }
    }
    return false;
}

/* ---- peer --------------------------------------------------------------------------------- */

static bool
is_trusted(const struct origin *origin, const struct in6_addr *address)
{
    return is_in(origin->trusted, origin->trusted_count, address);
}

static bool
is_trusted_peer(const struct origin *origin, const struct sockaddr_storage *peer)
{
    struct in6_addr address;

    return peer->ss_family == AF_UNIX ||
           (network_peer_address(peer, &address) && is_trusted(origin, &address));
}

/* ---- X-Forwarded-For ---------------------------------------------------------------------- */

/* Empty, or ":" and digits. */
static bool
is_port(struct slice text)
{
    if (text.size == 0) {
        return true;
    }
    if (text.data[0] != ':' || text.size < 2 || text.size > 1 + PORT_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return true;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:80" */
static bool
parse_hop(struct slice text, struct in6_addr *ret_address)
{
    if (network_parse_address(text, ret_address)) {
        return true;
    }
    if (!slice_starts(text, "[")) {
        const struct slice host = slice_before(text, ':');

        return is_port(slice_skip(text, host.size)) &&
               network_parse_address(host, ret_address);
    }
    text = slice_skip(text, 1);

    const struct slice host = slice_before(text, ']');

    return host.size < text.size && memchr(host.data, ':', host.size) != NULL &&
           is_port(slice_skip(text, host.size + 1)) &&
           network_parse_address(host, ret_address);
}

static enum hop
judge_hop(const struct origin *origin, struct slice text)
{
    struct in6_addr address;

    if (!parse_hop(slice_trim(text), &address)) {
        return HOP_OTHER;
    }
    if (is_trusted(origin, &address)) {
        return HOP_TRUSTED;
    }
    return is_in(origin->twilio, LENGTH(origin->twilio), &address) ? HOP_TWILIO
                                                                   : HOP_OTHER;
}

/* Takes what is behind the last comma off the line. */
static struct slice
take_last(struct slice *line)
{
    size_t start = line->size;

    while (start > 0 && line->data[start - 1] != ',') {
        start--;
    }
    const struct slice last = slice_skip(*line, start);

    line->size = start > 0 ? start - 1 : 0;
    return last;
}

/* From the right: HOP_TRUSTED when the line holds nobody else. */
static enum hop
judge_line(const struct origin *origin, struct slice line, size_t *hops)
{
    enum hop hop = HOP_TRUSTED;

    while (hop == HOP_TRUSTED && line.size > 0) {
        (*hops)++;
        hop = *hops > ORIGIN_HOPS_MAX ? HOP_OTHER : judge_hop(origin, take_last(&line));
    }
    return hop;
}

/* ---- the question ------------------------------------------------------------------------- */

int
origin_init(const struct config_texts *trusted_proxies, struct origin *ret_origin)
{
    struct origin origin = {.trusted_count = trusted_proxies->count};
    bool is_valid = true;

    for (size_t i = 0; i < trusted_proxies->count; i++) {
        is_valid =
            network_parse(slice_of(trusted_proxies->items[i]), &origin.trusted[i]) &&
            is_valid;
    }
    for (size_t i = 0; i < LENGTH(twilio_ranges); i++) {
        is_valid =
            network_parse(slice_of(twilio_ranges[i]), &origin.twilio[i]) && is_valid;
    }
    if (!is_valid) {
        return -EINVAL;
    }
    *ret_origin = origin;
    return 0;
}

bool
origin_is_twilio(const struct origin *origin, const struct sockaddr_storage *peer,
    const struct slice *lines, size_t count)
{
    enum hop hop = HOP_TRUSTED;
    size_t hops = 0;

    if (!is_trusted_peer(origin, peer)) {
        return false;
    }
    for (size_t i = count; i > 0 && hop == HOP_TRUSTED; i--) {
        hop = judge_line(origin, lines[i - 1], &hops);
    }
    return hop == HOP_TWILIO;
}
