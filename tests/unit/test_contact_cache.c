/*
 * test_contact_cache.c - what is remembered of a contact, and for how long.
 */
#include "server/deliver/contact_cache.h"
#include "tests/unit/json_of.h"

static const int64_t life_ms = 1000;
static const int64_t life_us = 1000 * 1000;
static const struct request_identifier jane = {"email_id", "jane@example.com"};
static const struct rules rules = {
    .fields = {{"friendly_name", "FIRSTNAME"}, {"interests", "INTERESTS"}},
    .field_count = 2,
    .list_support_contacts = 32,
};

static int
open_cache(void **state)
{
    static struct contact_cache cache;

    *state = &cache;
    return contact_cache_init(&cache, life_ms);
}

static int
close_cache(void **state)
{
    contact_cache_done(*state);
    return 0;
}

/* At `seen_us`, as Brevo shows it. */
static void
meet(struct contact_cache *cache, struct request_identifier who, int64_t seen_us,
    const char *contact)
{
    AUTO(payload_release) json_t *shown = json_of(contact);
    const struct contact_met met = {
        .id = 7, .seen_us = seen_us, .refused = {{0, 5, 0}}, .contact = shown};

    contact_cache_keep(cache, who, &met, &rules);
}

static void
remembers_who_was_met_with_what_a_delivery_compares(void **state)
{
    meet(*state, jane, 5,
        "{'id':7,'email':'jane@example.com','createdAt':'2026-01-01','statistics':{},"
        "'attributes':{'SMS':'34600000001','FIRSTNAME':'Jane','SALARY':5},"
        "'listIds':[1,32],'listUnsubscribed':null}");
    const struct contact_met *met = contact_cache_find(*state, jane, 5 + life_us - 1);

    assert_non_null(met);
    assert_int_equal(met->id, 7);
    assert_int_equal(met->seen_us, 5);
    assert_int_equal(met->refused.hashes[1], 5);
    assert_json(met->contact,
        "{'email':'jane@example.com','attributes':{'SMS':'34600000001','FIRSTNAME':'Jane'},"
        "'listIds':[32],'listUnsubscribed':[]}");
}

static void
counts_from_the_look_and_not_from_the_last_use(void **state)
{
    meet(*state, jane, 5, "{'attributes':{}}");
    assert_null(contact_cache_find(*state, jane, 5 + life_us));
}

static void
knows_nobody_by_another_identifier(void **state)
{
    meet(*state, jane, 5, "{'attributes':{}}");
    assert_null(
        contact_cache_find(*state, (struct request_identifier){"ext_id", jane.value}, 5));
    assert_null(contact_cache_find(
        *state, (struct request_identifier){jane.type, "jim@example.com"}, 5));
}

static void
forgets_who_is_in_doubt(void **state)
{
    meet(*state, jane, 5, "{'attributes':{}}");
    contact_cache_forget(
        *state, (struct request_identifier){jane.type, "jim@example.com"});
    assert_non_null(contact_cache_find(*state, jane, 5));
    contact_cache_forget(*state, jane);
    assert_null(contact_cache_find(*state, jane, 5));
}

static void
forgets_a_contact_by_whatever_it_was_met(void **state)
{
    static const struct request_identifier phone = {"phone_id", "+34600000001"};

    meet(*state, jane, 5, "{'attributes':{}}");
    meet(*state, phone, 5, "{'attributes':{}}");
    contact_cache_forget_number(*state, 8);
    assert_non_null(contact_cache_find(*state, jane, 5));
    contact_cache_forget_number(*state, 7);
    assert_null(contact_cache_find(*state, jane, 5));
    assert_null(contact_cache_find(*state, phone, 5));
}

/* Whoever names another phone has not been refused it. */
static void
what_was_refused_is_that_identifier_and_no_other(void **state)
{
    static const struct {
        struct customer customer;
        unsigned refused;
        unsigned is_refused; /* after it, and all before it, were */
        unsigned is_first_refused;
    } cases[] = {
        {{.phone = "+34600000001", .whatsapp = "+34600000001", .ext_id = "7"},
            REQUEST_PHONES, REQUEST_PHONES, REQUEST_PHONES},
        {{.phone = "+34600000002"}, 0, 0, REQUEST_PHONES},
        {{.email = "jane@example.com"}, REQUEST_OPTIONAL & ~REQUEST_PHONES, 0,
            REQUEST_PHONES},
        {{.phone = "+34600000002", .ext_id = "8"}, REQUEST_EXT_ID | REQUEST_SMS,
            REQUEST_EXT_ID | REQUEST_SMS, REQUEST_WHATSAPP},
    };
    struct contact_refused refused = {0};

    (void)state;
    assert_int_equal(contact_was_refused(&refused, &cases[0].customer), 0);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        contact_refuse(&refused, &cases[i].customer, cases[i].refused);
        assert_int_equal(
            contact_was_refused(&refused, &cases[i].customer), cases[i].is_refused);
        assert_int_equal(
            contact_was_refused(&refused, &cases[0].customer), cases[i].is_first_refused);
    }
}

/* That a gap is filled is enough to know; how, may be long. */
static void
of_what_is_long_it_keeps_that_it_is_there(void **state)
{
    char text[512] = "";

    memset(text, 'x', 300);
    AUTO(payload_release)
    json_t *shown =
        json_pack("{s:{s:s,s:[s]}}", "attributes", "FIRSTNAME", text, "INTERESTS", "tea");
    const struct contact_met met = {.contact = shown};

    contact_cache_keep(*state, jane, &met, &rules);
    assert_json(contact_cache_find(*state, jane, 0)->contact,
        "{'attributes':{'FIRSTNAME':true,'INTERESTS':true},'listIds':[],"
        "'listUnsubscribed':[]}");
}

enum {
    EVERYBODY = 8 * CONTACT_CACHE_SLOTS,
};

/* Meets so many, one after the other; how many of the `latest` are still known then. */
static size_t
known_of(struct contact_cache *cache, int people, int latest)
{
    char name[24];
    const struct request_identifier who = {"email_id", name};
    size_t found = 0;

    for (int i = 0; i < people; i++) {
        (void)snprintf(name, sizeof name, "%d@example.com", i);
        meet(cache, who, i, "{}");
    }
    for (int i = people - latest; i < people; i++) {
        (void)snprintf(name, sizeof name, "%d@example.com", i);
        found += contact_cache_find(cache, who, people) != NULL;
    }
    return found;
}

static void
holds_no_more_than_its_slots(void **state)
{
    const int people = 2 * CONTACT_CACHE_SLOTS;

    assert_in_range(
        known_of(*state, people, people), CONTACT_CACHE_SLOTS / 2, CONTACT_CACHE_SLOTS);
}

/* So many are met within the time by a large contact center, in a busy hour. */
static void
of_a_busy_hour_hardly_anybody_is_forgotten(void **state)
{
    assert_in_range(known_of(*state, 2000, 2000), 1980, 2000);
}

static void
where_there_is_no_room_whoever_was_met_first_is_forgotten(void **state)
{
    assert_in_range(known_of(*state, EVERYBODY, 500), 495, 500);
}

static void
switched_off_it_knows_nobody(void **state)
{
    struct contact_cache off;

    (void)state;
    assert_int_equal(contact_cache_init(&off, 0), 0);
    meet(&off, jane, 5, "{'attributes':{}}");
    contact_cache_forget(&off, jane);
    assert_null(contact_cache_find(&off, jane, 5));
    contact_cache_done(&off);
}

static void
a_list_that_was_refused_is_refused_for_as_long_as_contacts_are_remembered(void **state)
{
    struct contact_cache *cache = *state;

    assert_false(contact_cache_refuses_list(cache, 0, 5));
    contact_cache_refuse_list(cache, 32, 5);
    contact_cache_refuse_list(cache, 33, 6);
    contact_cache_refuse_list(cache, 33, 7);
    assert_true(contact_cache_refuses_list(cache, 32, 4 + life_us));
    assert_false(contact_cache_refuses_list(cache, 32, 5 + life_us));
    assert_true(contact_cache_refuses_list(cache, 33, 6 + life_us));
    assert_false(contact_cache_refuses_list(cache, 34, 8));
    contact_cache_refuse_list(cache, 34, 8); /* a third one, after a reload */
    assert_false(contact_cache_refuses_list(cache, 32, 9));
    assert_true(contact_cache_refuses_list(cache, 33, 9));
    assert_true(contact_cache_refuses_list(cache, 34, 9));
}

#define WITH_CACHE(test) cmocka_unit_test_setup_teardown(test, open_cache, close_cache)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CACHE(remembers_who_was_met_with_what_a_delivery_compares),
        WITH_CACHE(counts_from_the_look_and_not_from_the_last_use),
        WITH_CACHE(knows_nobody_by_another_identifier),
        WITH_CACHE(forgets_who_is_in_doubt),
        WITH_CACHE(forgets_a_contact_by_whatever_it_was_met),
        cmocka_unit_test(what_was_refused_is_that_identifier_and_no_other),
        WITH_CACHE(of_what_is_long_it_keeps_that_it_is_there),
        WITH_CACHE(holds_no_more_than_its_slots),
        WITH_CACHE(of_a_busy_hour_hardly_anybody_is_forgotten),
        WITH_CACHE(where_there_is_no_room_whoever_was_met_first_is_forgotten),
        WITH_CACHE(
            a_list_that_was_refused_is_refused_for_as_long_as_contacts_are_remembered),
        cmocka_unit_test(switched_off_it_knows_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
