/*
 * record_payload.c - one payload of a record's routes.
 */
#include "server/deliver/record_payload.h"

#include "mapping/payload.h"
#include "server/ops/log.h"

static const struct queue_route *
find_route(const struct queue_route *routes, size_t count, enum source source)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is(routes[i].name, source_route(source))) {
            return &routes[i];
        }
    }
    return NULL;
}

/* Joins one route's bytes; none, or ones that do not parse, are skipped. 0 or -ENOMEM. */
static int
join(struct slice key, const struct queue_route *route, enum source source,
    json_t **payload)
{
    AUTO(payload_release) json_t *joined = NULL;

    if (route == NULL) {
        return 0;
    }
    const int r = payload_parse(source, route->bytes, &joined);

    if (r != PAYLOAD_OK) {
        if (r > 0) {
            log_warn("route_unparseable", "key=%.*s route=%s bytes=%zu", (int)key.size,
                key.data, source_route(source), route->bytes.size);
        }
        return r < 0 ? r : 0;
    }
    if (*payload == NULL) {
        *payload = json_incref(joined);
        return 0;
    }
    return payload_merge(*payload, joined);
}

int
record_payload(struct slice key, const struct queue_route *routes, size_t count,
    json_t **ret_payload)
{
    AUTO(payload_release) json_t *payload = NULL;
    int r = 0;

    if (slice_starts(key, "raw/")) { /* kept as it came: it could not even be keyed */
        count = 0;
    }
    for (size_t rank = 0; r == 0 && rank < SOURCE_COUNT; rank++) {
        const enum source source = source_by_trust(rank);

        r = join(key, find_route(routes, count, source), source, &payload);
    }
    if (r == 0 && payload != NULL) {
        r = payload_name(payload, key);
    }
    if (r == 0) {
        *ret_payload = json_incref(payload);
    }
    return r;
}
