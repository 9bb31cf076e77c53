/*
 * test_config_fields.c - field_mapping: names, and maps that say what overwrites.
 */
#include <stdlib.h>

#include "tests/unit/config_fixture.h"

#define MAPPING(entries) FLEX "    field_mapping: { " entries " }\n"
#define KEY "connectors.twilio_flex.field_mapping."

static void
reads_names_and_maps(void **state)
{
    (void)state;
    set_variable("TIER", "VIP_TIER");
    AUTO(config_done)
    struct config config =
        load(MAPPING("identity: A, friendly_name: { to: B }, "
                     "customer_tier: { overwrite: always, to: \"${TIER}\" }, "
                     "attributes.phone: { to: SMS, overwrite: never }, "
                     "attributes.to: { to: TO }"));
    static const struct {
        const char *path;
        const char *attribute;
        bool overwrites;
    } fields[] = {
        {"identity", "A", false},
        {"friendly_name", "B", false},
        {"customer_tier", "VIP_TIER", true},
        {"attributes.phone", "SMS", false},
        {"attributes.to", "TO", false},
    };

    assert_int_equal(config.rules.field_count, LENGTH(fields));
    for (size_t i = 0; i < LENGTH(fields); i++) {
        assert_string_equal(config.rules.fields[i].path, fields[i].path);
        assert_string_equal(config.rules.fields[i].attribute, fields[i].attribute);
        assert_int_equal(config.rules.overwrites[i], fields[i].overwrites);
    }
}

/* The defaults overwrite nothing. */
static void
overwrites_nothing_that_does_not_say_so(void **state)
{
    (void)state;
    AUTO(config_done) struct config config = load(FLEX);

    assert_true(config.rules.field_count > 0);
    for (size_t i = 0; i < RULES_FIELDS_MAX; i++) {
        assert_false(config.rules.overwrites[i]);
    }
}

static void
refuses_what_is_no_entry(void **state)
{
    static const struct refusal refusals[] = {
        {MAPPING("identity: { to: A, overwrit: always }"),
            "a field has no \"overwrit\": c.yaml:3:41: " KEY
            "identity (did you mean overwrite?)"},
        {MAPPING("identity: { attribute: A }"),
            "a field has no \"attribute\": c.yaml:3:34: " KEY
            "identity (expected to and overwrite)"},
        {MAPPING("identity: { to: A, overwrite: yes }"),
            "\"yes\" is not when to overwrite: c.yaml:3:52: " KEY
            "identity.overwrite (expected never or always)"},
        {MAPPING("identity: { to: A, overwrite: }"),
            "\"\" is not when to overwrite: c.yaml:3:52: " KEY
            "identity.overwrite (expected never or always)"},
        {MAPPING("identity: { overwrite: always }"),
            "a field does not say which attribute it fills: c.yaml:3:32: " KEY
            "identity (say to: and the attribute's name)"},
        {MAPPING("identity: {}"),
            "a field does not say which attribute it fills: c.yaml:3:32: " KEY
            "identity (say to: and the attribute's name)"},
        {MAPPING("identity: { to: a }"),
            "\"a\" is not a Brevo attribute: c.yaml:3:38: " KEY
            "identity (expected A-Z, 0-9 and _ "
            "beginning with a letter, or the word email)"},
        {MAPPING("identity: { to: [A] }"),
            "not a value: c.yaml:3:38: " KEY "identity.to (write one value)"},
        {MAPPING("identity: { to: { to: A } }"),
            "not a value: c.yaml:3:38: " KEY "identity.to (write one value)"},
        {MAPPING("identiti: { to: A }"),
            "\"identiti\" is not a field: c.yaml:3:22: " KEY
            "identiti (expected one like friendly_name or attributes.email)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
refuses_to_overwrite_what_identifies_or_is_computed(void **state)
{
#define IDENTIFIES                                                    \
    "overwrite (leave overwrite out: it fills what is empty, and is " \
    "changed in Brevo by hand)"
    static const struct refusal refusals[] = {
        {MAPPING("attributes.phone: { to: SMS, overwrite: always }"),
            "it identifies the contact: c.yaml:3:62: " KEY
            "attributes.phone." IDENTIFIES},
        {MAPPING("attributes.phone: { to: WHATSAPP, overwrite: always }"),
            "it identifies the contact: c.yaml:3:67: " KEY
            "attributes.phone." IDENTIFIES},
        {MAPPING("attributes.email: { to: email, overwrite: always }"),
            "it identifies the contact: c.yaml:3:64: " KEY
            "attributes.email." IDENTIFIES},
        {MAPPING("total_conversations: { to: N, overwrite: always }"),
            "it is computed: c.yaml:3:63: " KEY
            "total_conversations.overwrite (leave overwrite out: it is always written, from "
            "all that was seen of a contact)"},
        {MAPPING("identity: { to: A, overwrite: always }, attributes.x: A"),
            "identity (line 3) fills A, too: c.yaml:3:76: " KEY
            "attributes.x (keep one of the two)"},
        {MAPPING("attributes.x: A, identity: { to: A, overwrite: always }"),
            "attributes.x (line 3) fills A, too: c.yaml:3:49: " KEY
            "identity (keep one of the two)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
refuses_fields_that_would_fill_nothing_or_each_others(void **state)
{
    static const struct refusal refusals[] = {
        {FLEX "    field_mapping:\n      customer_tier: VIP_TIER\n"
              "      identity: X\n      account_id: VIP_TIER\n",
            "customer_tier (line 4) fills VIP_TIER, too: c.yaml:6:19: " KEY
            "account_id (keep one of the two)"},
        {MAPPING("last_csat_score: A, attributes.x: { to: A }"),
            "last_csat_score (line 3) fills A, too: c.yaml:3:56: " KEY
            "attributes.x (keep one of the two)"},
        {MAPPING("attributes.x: EXT_ID"),
            "no field fills EXT_ID: c.yaml:3:36: " KEY
            "attributes.x (say identity.ext_id_from: and the field)"},
        {MAPPING("attributes.x: { to: EXT_ID, overwrite: always }"),
            "no field fills EXT_ID: c.yaml:3:36: " KEY
            "attributes.x (say identity.ext_id_from: and the field)"},
        {MAPPING("attributes.phone: LANDLINE_NUMBER"),
            "no field fills LANDLINE_NUMBER: c.yaml:3:40: " KEY
            "attributes.phone (say SMS, by which a customer's phone is told and found; or "
            "an attribute of your own)"},
        {MAPPING("total_conversations: SMS"),
            "it is computed, and identifies nobody: c.yaml:3:43: " KEY
            "total_conversations (give it an attribute of its own)"},
        {MAPPING("preferred_channel: email"),
            "it is computed, and identifies nobody: c.yaml:3:41: " KEY
            "preferred_channel (give it an attribute of its own)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
    AUTO(config_done)
    struct config config = /* where else to look for an address */
        load(MAPPING(
            "attributes.email: email, attributes.mail: email, "
            "attributes.EMail: EMAIL, attributes.phone: SMS, attributes.tel: SMS, "
            "identity: WHATSAPP, account_id: WHATSAPP"));

    assert_int_equal(config.rules.field_count, 7);
}

static void
refuses_more_than_a_contact_is_to_remember(void **state)
{
    AUTO(buffer_done) struct buffer text = {.max = 8192};

    (void)state;
    buffer_add_text(&text, FLEX "    field_mapping:\n");
    for (int i = 0; i <= RULES_OVERWRITES_MAX; i++) {
        buffer_addf(
            &text, "      attributes.a%02d: { to: A%02d, overwrite: always }\n", i, i);
    }
    expect_refusal(CONFIG_FOR_RUN, text.data,
        "too many values: c.yaml:20:23: connectors.twilio_flex.field_mapping "
        "(remove some)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(reads_names_and_maps),
        CONFIG_TEST(overwrites_nothing_that_does_not_say_so),
        CONFIG_TEST(refuses_what_is_no_entry),
        CONFIG_TEST(refuses_to_overwrite_what_identifies_or_is_computed),
        CONFIG_TEST(refuses_fields_that_would_fill_nothing_or_each_others),
        CONFIG_TEST(refuses_more_than_a_contact_is_to_remember),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
