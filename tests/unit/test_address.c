/*
 * test_address.c - what kind of address a text is.
 */
#include <string.h>

#include "mapping/address.h"
#include "mapping/customer.h"
#include "tests/unit/unit.h"

static void
reads_phones_however_they_are_written(void **state)
{
    static const struct {
        const char *address;
        const char *phone; /* NULL: none */
    } cases[] = {
        {"+34600111222", "+34600111222"}, {"whatsapp:+34600111222", "+34600111222"},
        {"WhatsApp:+34600111222", "+34600111222"},
        {"whatsapp%3A%2B34600111222", "+34600111222"},
        {"sms:+34600111222", "+34600111222"}, {"rcs:+34600111222", "+34600111222"},
        {"tel:+34-600-111-222;ext=5", "+34600111222"},
        {" +34 600.111/222 ", "+34600111222"}, {"+44 (0)20 7946 0000", "+442079460000"},
        {"0034 600 111 222", "+34600111222"}, {"+1234567", "+1234567"},
        {"+123456789012345", "+123456789012345"}, {"+1234567890123456", NULL},
        {"+123456", NULL}, {"600111222", NULL}, {"34600111222", NULL},
        {"+0034600111222", NULL}, {"+34600 ext 5", NULL}, {"++34600111222", NULL},
        {"+", NULL}, {"", NULL}, {"client:agent_40example_2Ecom", NULL},
        {"client:+34600111222", NULL}, {"sip:+34600111222@example.com", NULL},
        {"messenger:1234567890123", NULL}, {"ana@example.com", NULL},
        {"+266696687", NULL}, {"anonymous", NULL},
        {"+\xd9\xa3\xd9\xa4 600111222", NULL}, /* digits, but not ours */
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char phone[CUSTOMER_PHONE_SIZE] = "untouched";
        const bool found = customer_phone(slice_of(cases[i].address), phone);

        assert_int_equal(found, cases[i].phone != NULL);
        assert_string_equal(phone, found ? cases[i].phone : "untouched");
    }
    char phone[CUSTOMER_PHONE_SIZE];

    assert_false(customer_phone(slice_of(NULL), phone));
    assert_false(customer_phone((struct slice){.data = "+34600\0"
                                                       "11222",
                                    .size = 12},
        phone));
}

static void
knows_withheld_callers(void **state)
{
    static const struct {
        const char *address;
        bool anonymous;
    } cases[] = {
        {"+266696687", true},
        {"266696687", true},
        {"+7378742833", true},
        {"+2562533", true},
        {"+8656696", true},
        {"+86282452253", true},
        {"Anonymous", true},
        {"RESTRICTED", true},
        {"unknown", true},
        {"unavailable", true},
        {"client:anonymous", true},
        {"sip:anonymous@anonymous.invalid", true},
        {"+2666966870", false},
        {"anonymous@example.com", false},
        {"+34600111222", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct address address;

        address_read(slice_of(cases[i].address), &address);
        assert_int_equal(address.kind == ADDRESS_ANONYMOUS, cases[i].anonymous);
    }
}

static void
accepts_only_addresses_mail_really_has(void **state)
{
    static const struct {
        const char *text;
        const char *email; /* NULL: none */
    } cases[] = {
        {"Ana.Ruiz+vip@Example.COM", "ana.ruiz+vip@example.com"},
        {" ana@example.com ", "ana@example.com"},
        {"ana%40example.com", "ana@example.com"},
        {"100%25off@example.com", "100%25off@example.com"},
        {"mailto:ana@example.com", "ana@example.com"},
        {"o'hara@mail.example.com", "o'hara@mail.example.com"},
        {"ana@@example.com", NULL},
        {"ana@example@com", NULL},
        {"ana ruiz@example.com", NULL},
        {"ana%20ruiz%40example.com", NULL},
        {"ana@localhost", NULL},
        {"@example.com", NULL},
        {"ana@", NULL},
        {"ana@.com", NULL},
        {"ana@example..com", NULL},
        {".ana@example.com", NULL},
        {"ana.@example.com", NULL},
        {"ana\n@example.com", NULL},
        {"ana@example.com,eva@example.com", NULL},
        {"<ana@example.com>", NULL},
        {"an\xc3\xa1@example.com", NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123@example.com",
            "0123456789012345678901234567890123456789012345678901234567890123@example.com"},
        {"01234567890123456789012345678901234567890123456789012345678901234@example.com",
            NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct address address;

        address_read(slice_of(cases[i].text), &address);
        assert_int_equal(address.kind == ADDRESS_EMAIL, cases[i].email != NULL);
        assert_string_equal(address.text, cases[i].email != NULL ? cases[i].email : "");
    }
}

static void
refuses_an_address_longer_than_any(void **state)
{
    char text[400];
    struct address address;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + sizeof(text) - 13, "@example.com", 13);
    address_read(slice_of(text), &address);
    assert_int_equal(address.kind, ADDRESS_NONE);
    memset(text, '1', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    address_read(slice_of(text), &address);
    assert_int_equal(address.kind, ADDRESS_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_phones_however_they_are_written),
        cmocka_unit_test(knows_withheld_callers),
        cmocka_unit_test(accepts_only_addresses_mail_really_has),
        cmocka_unit_test(refuses_an_address_longer_than_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
