/*
 * participants.c - whom a conversation was with.
 */
#include "mapping/participants.h"

#include <errno.h>
#include <string.h>

#include "mapping/payload.h"

enum {
    PARTICIPANTS_MAX = 100, /* of one page */
};

/* "whatsapp:+346..."; a chat has none, and then an identity may be an address. */
static const char *
address_of(const json_t *participant)
{
    const char *address = payload_text_at(participant, "messaging_binding/address");

    return address != NULL ? address : payload_text(participant, "identity");
}

/* > 0 when the participant is a customer. */
static int
read_participant(const char *address, const json_t *payload, const struct rules *rules,
    struct customer *ret_customer)
{
    const struct rules plain = {
        .own_numbers = rules->own_numbers, .internal_domains = rules->internal_domains};
    json_t *worker = json_object_get(payload, "worker_attributes");
    AUTO(payload_release)
    json_t *alone = json_pack("{s:{s:s}, s:O*, s:O*}", "task_attributes",
        "customerAddress", address, "worker_attributes", worker, "worker_name",
        json_object_get(payload, "worker_name"));

    if (alone == NULL) {
        return -ENOMEM;
    }
    return customer_read(alone, &plain, ret_customer) == CUSTOMER_OK ? 1 : 0;
}

int
participants_customer(const json_t *list, const json_t *payload,
    const struct rules *rules, struct customer *ret_customer)
{
    const json_t *participants = json_object_get(list, "participants");
    struct customer found;
    int count = 0;

    for (size_t i = 0; i < json_array_size(participants) && i < PARTICIPANTS_MAX; i++) {
        const char *address = address_of(json_array_get(participants, i));
        struct customer one = {0};
        const int r =
            address != NULL ? read_participant(address, payload, rules, &one) : 0;

        if (r < 0) {
            return r;
        }
        if (r > 0 && count > 0 && memcmp(&one, &found, sizeof one) != 0) {
            return 0;
        }
        if (r > 0) {
            found = one;
            count = 1;
        }
    }
    if (count > 0) {
        *ret_customer = found;
    }
    return count;
}
