/*
 * call_origin.c - who sent a request, by address.
 */
#include "server/ingest/call.h"

/* False when the client has left, or sent so many headers that it cannot be told. */
static bool
read_source(const struct call *call, struct origin_source *ret_source)
{
    static const char name[] = "X-Forwarded-For";
    const size_t count = http_header_count(call->request, name);

    if (count > LENGTH(ret_source->lines) ||
        !http_peer(call->request, &ret_source->peer)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        ret_source->lines[i] = http_header_value_at(call->request, name, i);
    }
    ret_source->line_count = count;
    return true;
}

bool
call_peer_is_trusted(const struct call *call)
{
    struct sockaddr_storage peer;

    return http_peer(call->request, &peer) &&
           origin_is_trusted(&call->ingest->origin, &peer);
}

bool
call_came_from_twilio(const struct call *call)
{
    struct origin_source source;

    return read_source(call, &source) && origin_is_twilio(&call->ingest->origin, &source);
}

bool
call_address_is_allowed(const struct call *call)
{
    const struct networks *allowed = &call->ingest->allowed[call->route->source];
    struct origin_source source;
    struct in6_addr client;

    return allowed->count == 0 ||
           (read_source(call, &source) &&
               origin_client(&call->ingest->origin, &source, &client) &&
               networks_contain(allowed, &client));
}
