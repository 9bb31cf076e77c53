/*
 * origin.c - from which address does a request come, and is it one that Twilio calls from?
 */
#include "server/proof/origin.h"

#include <errno.h>

#include "server/net/authority.h"

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
    HOP_CLIENT,
    HOP_UNCLEAR,
};

/* ---- networks ----------------------------------------------------------------------------- */

int
networks_init(const struct config_texts *texts, struct networks *ret_networks)
{
    struct networks networks = {.count = texts->count};
    bool is_valid = true;

    for (size_t i = 0; i < texts->count; i++) {
        is_valid =
            network_parse(slice_of(texts->items[i]), &networks.items[i]) && is_valid;
    }
    if (!is_valid) {
        return -EINVAL;
    }
    *ret_networks = networks;
    return 0;
}

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

bool
networks_contain(const struct networks *networks, const struct in6_addr *address)
{
    return is_in(networks->items, networks->count, address);
}

/* ---- peer --------------------------------------------------------------------------------- */

bool
origin_is_trusted(const struct origin *origin, const struct sockaddr_storage *peer)
{
    struct in6_addr address;

    return peer->ss_family == AF_UNIX ||
           (network_peer_address(peer, &address) &&
               networks_contain(&origin->trusted, &address));
}

/* ---- X-Forwarded-For ---------------------------------------------------------------------- */

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:80" */
static bool
parse_hop(struct slice text, struct in6_addr *ret_address)
{
    struct authority authority;

    return network_parse_address(text, ret_address) ||
           (authority_parse(text, &authority) &&
               network_parse_address(authority.host, ret_address));
}

static enum hop
judge_hop(const struct origin *origin, struct slice text, struct in6_addr *ret_client)
{
    if (!parse_hop(slice_trim(text), ret_client)) {
        return HOP_UNCLEAR;
    }
    return networks_contain(&origin->trusted, ret_client) ? HOP_TRUSTED : HOP_CLIENT;
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
judge_line(const struct origin *origin, struct slice line, size_t *hops,
    struct in6_addr *ret_client)
{
    enum hop hop = HOP_TRUSTED;

    while (hop == HOP_TRUSTED && line.size > 0) {
        (*hops)++;
        hop = *hops > ORIGIN_HOPS_MAX ? HOP_UNCLEAR
                                      : judge_hop(origin, take_last(&line), ret_client);
    }
    return hop;
}

static bool
forwarded_client(const struct origin *origin, const struct origin_source *source,
    struct in6_addr *ret_client)
{
    struct in6_addr client;
    enum hop hop = HOP_TRUSTED;
    size_t hops = 0;

    for (size_t i = source->line_count; i > 0 && hop == HOP_TRUSTED; i--) {
        hop = judge_line(origin, source->lines[i - 1], &hops, &client);
    }
    if (hop != HOP_CLIENT) {
        return false;
    }
    *ret_client = client;
    return true;
}

/* ---- the questions ------------------------------------------------------------------------ */

int
origin_init(const struct config_texts *trusted_proxies, struct origin *ret_origin)
{
    struct origin origin;
    bool is_valid = networks_init(trusted_proxies, &origin.trusted) == 0;

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
origin_client(const struct origin *origin, const struct origin_source *source,
    struct in6_addr *ret_client)
{
    return origin_is_trusted(origin, &source->peer)
               ? forwarded_client(origin, source, ret_client)
               : network_peer_address(&source->peer, ret_client);
}

bool
origin_is_twilio(const struct origin *origin, const struct origin_source *source)
{
    struct in6_addr client;

    return origin_is_trusted(origin, &source->peer) &&
           forwarded_client(origin, source, &client) &&
           is_in(origin->twilio, LENGTH(origin->twilio), &client);
}
