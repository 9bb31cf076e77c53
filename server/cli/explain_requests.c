/*
 * explain_requests.c - what Brevo would be asked.
 */
#include "server/cli/explain_requests.h"

#include "mapping/overwrite.h"
#include "mapping/request.h"
#include "server/deliver/brevo.h"
#include "server/deliver/contact_assumed.h"

/* Takes over the reference to `body`, which is NULL for a request without one. */
static bool
add_request(json_t *requests, enum brevo_endpoint endpoint,
    struct request_identifier identifier, const char *when, json_t *body)
{
    AUTO(buffer_done) struct buffer path = {0};

    buffer_init(&path, BREVO_URL_SIZE_MAX);
    brevo_url(&path, "", endpoint, identifier.type, identifier.value);

    json_t *request =
        json_pack("{s:s, s:s, s:s, s:o*}", "method", brevo_endpoint_method(endpoint),
            "path", path.data != NULL ? path.data : "", "when", when, "body", body);

    return json_array_append_new(requests, request) == 0;
}

/* Takes over the reference to `contact`. */
static bool
add_contact(json_t *requests, const struct event *event, const struct rules *rules,
    json_t *contact)
{
    return add_request(requests, BREVO_CONTACT_UPSERT, request_identify(&event->customer),
               "unless Brevo has all of it; of a contact it knows, what it has is left "
               "out",
               contact) &&
           json_object_update_new(json_array_get(requests, json_array_size(requests) - 1),
               json_pack("{s:o*}", "overwrites", overwrite_to_json(event, rules))) == 0;
}

static json_t *
list_requests(const struct event *event, const struct explain_input *input)
{
    const struct rules *rules = &input->config->rules;
    const struct request_identifier identifier = request_identify(&event->customer);
    const bool is_sent = !event_is_too_old(event, rules, input->now_ms);
    AUTO(payload_release) json_t *contact = request_contact(event, rules);
    AUTO(payload_release) json_t *body = is_sent ? request_event(event, rules) : NULL;
    AUTO(payload_release) json_t *requests = json_array();
    bool is_asked = false;

    if (!is_sent) {
        (void)!request_contact_drop(contact, REQUEST_LIST); /* job_compose_contact() */
    }
    if (contact == NULL || (is_sent && body == NULL) ||
        !contact_assumed_say(input->config, event, contact, body, &is_asked) ||
        !add_request(requests, BREVO_CONTACT_LOOKUP, identifier, "first", NULL) ||
        (is_asked && !add_contact(requests, event, rules, json_incref(contact))) ||
        (is_sent &&
            !add_request(requests, BREVO_EVENT, identifier,
                is_asked ? "once the contact is there" : "if Brevo has the contact",
                json_incref(body)))) {
        return NULL;
    }
    return json_incref(requests);
}

bool
explain_requests(
    const struct event *event, const struct explain_input *input, json_t *record)
{
    json_t *trace = json_object_get(record, "trace");

    return json_array_append_new(trace, json_string(contact_assumed(input->config))) ==
               0 &&
           (!config_is_shadow(input->config) ||
               json_array_append_new(trace,
                   json_string("brevo.mode: shadow: written down instead of sent")) ==
                   0) &&
           json_object_set_new(record, "requests", list_requests(event, input)) == 0;
}
