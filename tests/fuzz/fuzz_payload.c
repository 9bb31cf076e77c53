/*
 * fuzz_payload.c - whatever bytes a route delivers, what is read from them can be sent to Brevo.
 *
 * The first byte chooses the route ('b' the first, 'h' the last of enum source); a NUL splits the
 * rest into the inputs of two routes.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/overwrite.h"
#include "mapping/request.h"
#include "tests/fuzz/fuzz.h"
#include "tests/golden/golden_rules.h"

/* Those of the golden files; whatever they leave out is read, too. */
static struct rules rules;

static void
widen_rules(void)
{
    rules = golden_rules;
    rules.account_sid = NULL;
    rules.workspace_sid = NULL;
    rules.max_event_age_ms = 0;
    rules.filter_tests = false;
    rules.overwrites[rules.field_count] = true;
    rules.fields[rules.field_count++] =
        (struct rules_field){"attributes.a.b", "ANYTHING"};
    rules.ext_id_from = "attributes.id";
    rules.agent = RULES_AGENT_NAME;
}

static const char name_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/* Neither null nor "" anywhere we write; values of contact attributes and properties are flat. */
static void
check_values(json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        fuzz_check(strspn(name, name_characters) == strlen(name), "legal names");
        fuzz_check(
            json_is_string(value) || json_is_number(value) || json_is_boolean(value),
            "flat values, no null");
        fuzz_check(
            !json_is_string(value) || json_string_length(value) > 0, "no empty text");
    }
}

static bool
is_phone(const char *text)
{
    return text == NULL ||
           (text[0] == '+' && strspn(text + 1, "0123456789") == strlen(text + 1) &&
               strlen(text) >= 8 && strlen(text) <= 16);
}

static void
check_contact(json_t *contact)
{
    json_t *attributes = json_object_get(contact, "attributes");
    const char *email = payload_text(contact, "email");

    fuzz_check(contact != NULL, "memory for the contact");
    check_values(attributes);
    fuzz_check(json_is_true(json_object_get(contact, "updateEnabled")), "an upsert");
    fuzz_check(
        email == NULL || (strchr(email, '@') != NULL && strpbrk(email, " \r\n") == NULL),
        "an address");
    fuzz_check(is_phone(payload_text(attributes, "SMS")), "E.164 in SMS");
    fuzz_check(is_phone(payload_text(attributes, "WHATSAPP")), "E.164 in WHATSAPP");
    fuzz_check(json_object_get(attributes, "EMAIL") == NULL, "no address in attributes");
    fuzz_check(email != NULL || payload_text(contact, "ext_id") != NULL ||
                   payload_text(attributes, "SMS") != NULL ||
                   payload_text(attributes, "WHATSAPP") != NULL,
        "somebody");
}

static void
check_event(const json_t *request)
{
    json_t *properties = json_object_get(request, "event_properties");
    const char *name = payload_text(request, "event_name");

    fuzz_check(request != NULL, "memory for the event");
    fuzz_check(
        name != NULL && strspn(name, name_characters) == strlen(name), "legal name");
    fuzz_check(json_object_size(json_object_get(request, "identifiers")) == 1,
        "exactly one identifier");
    check_values(json_object_get(request, "identifiers"));
    check_values(properties);
    fuzz_check(payload_text(properties, "source_event_id") != NULL, "a source");
    char *text = json_dumps(properties, 0);

    fuzz_check(text != NULL && strlen(text) <= REQUEST_PROPERTIES_MAX, "within 50 KB");
    free(text);
}

/* What was sent once need not be sent again. */
static void
check_reduced(const json_t *sent)
{
    AUTO(payload_release) json_t *again = json_deep_copy(sent);
    AUTO(payload_release) json_t *existing = json_deep_copy(sent);

    fuzz_check(again != NULL && existing != NULL, "memory for copies");
    fuzz_check(!request_contact_reduce(again, existing), "nothing is left to say");
    if (request_contact_drop(again, REQUEST_OPTIONAL) != 0) {
        check_contact(again);
    }
}

/* Of a contact that has what one event makes of a new one, the same event changes nothing. */
static void
check_attributes(const struct event *event, const json_t *sent)
{
    AUTO(payload_release) json_t *body = json_object();
    AUTO(payload_release) json_t *created = json_object();
    struct history_says says;
    struct facts known = {0};

    history_read(event, &rules, created, &says);
    for (size_t i = 0; i < says.fact_count; i++) {
        facts_add(&known, says.facts[i]);
    }
    fuzz_check(known.count > 0, "a base");
    fuzz_check(history_write(body, &known, sent, &rules) == 0, "nothing is new");
    fuzz_check(
        overwrite_write(body, event, &known, sent, &rules) == 0, "nor is a profile");
}

static void
check_delivery(const struct event *event)
{
    AUTO(payload_release) json_t *contact = history_contact_alone(event, &rules);
    AUTO(payload_release) json_t *request = request_event(event, &rules);

    fuzz_check(event->effect_key[0] != '\0', "an effect");
    fuzz_check(event->score <= event->score_max, "a score on its scale");
    check_contact(contact);
    check_event(request);
    check_reduced(contact);
    check_attributes(event, contact);
}

static void
check_payload(const json_t *payload)
{
    const struct event_context context = {
        .record_key = slice_of("task.completed/WT0123456789abcdef0123456789abcdef"),
        .received_ms = 1767230000000,
    };
    struct event_reading reading;
    const char *reservation;
    const char *task;

    event_read(payload, &rules, &context, &reading);
    fuzz_check((reading.verdict == EVENT_FILTERED || reading.verdict == EVENT_PARKED) ==
                   (reading.reason != NULL),
        "a reason exactly where nothing is sent");
    fuzz_check(reading.trace_count <= EVENT_TRACE_MAX, "trace");
    AUTO(payload_release) json_t *shown = event_reading_to_json(&reading);

    fuzz_check(shown != NULL, "a reading can be shown");
    if (reading.verdict == EVENT_DELIVER) {
        check_delivery(&reading.event);
    }
    if (event_reservation(payload, &reservation, &task)) {
        fuzz_check(reservation[1] == 'R' && task[1] == 'T', "SIDs by their prefixes");
    }
}

static json_t *
parse(enum source source, struct slice bytes)
{
    json_t *payload = NULL;
    const int r = payload_parse(source, bytes, &payload);

    fuzz_check(r == PAYLOAD_OK || r == PAYLOAD_E_UNPARSEABLE, "a named result");
    fuzz_check((r == PAYLOAD_OK) == (payload != NULL), "written only on success");
    if (payload != NULL) {
        const json_t *attributes = json_object_get(payload, "task_attributes");
        int64_t date_ms;

        fuzz_check(json_object_get(payload, "date_ms") == NULL ||
                       (payload_integer(payload, "date_ms", &date_ms) && date_ms > 0),
            "a date");
        fuzz_check(payload_text(payload, "event_type") != NULL, "an event has a type");
        fuzz_check(attributes == NULL || json_is_object(attributes), "attributes");
        check_payload(payload);
    }
    return payload;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    widen_rules();
    const struct slice body = {.data = (const char *)data + 1, .size = size - 1};
    const char *split = body.size > 0 ? memchr(body.data, '\0', body.size) : NULL;
    const size_t first = split != NULL ? (size_t)(split - body.data) : body.size;
    const enum source source = (enum source)(data[0] % SOURCE_COUNT);
    AUTO(payload_release)
    json_t *payload = parse(source, (struct slice){.data = body.data, .size = first});
    AUTO(payload_release) json_t *other = NULL;

    if (split != NULL) {
        other = parse(SOURCE_FLEX_PLUGIN, slice_skip(body, first + 1));
    }
    if (payload != NULL && other != NULL) {
        fuzz_check(payload_merge(payload, other) == 0, "memory for a merge");
        check_payload(payload);
    }
    return 0;
}
