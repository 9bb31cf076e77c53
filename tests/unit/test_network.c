/*
 * test_network.c - addresses and networks as they are written.
 */
#include <string.h>

#include "server/config/network.h"
#include "tests/unit/unit.h"

static void
knows_what_is_in_a_network(void **state)
{
    static const struct {
        const char *network;
        const char *address;
        bool is_in;
    } cases[] = {
        {"10.0.0.7", "10.0.0.7", true},
        {"10.0.0.7", "10.0.0.6", false},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.9.8.7/8", "10.0.0.0", true}, /* host bits do not matter */
        {"192.0.2.64/27", "192.0.2.63", false},
        {"192.0.2.64/27", "192.0.2.64", true},
        {"192.0.2.64/27", "192.0.2.95", true},
        {"192.0.2.64/27", "192.0.2.96", false},
        {"192.0.2.1/32", "192.0.2.0", false},
        {"0.0.0.0/0", "255.1.2.3", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::1/128", "::", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct network network;
        struct in6_addr address;

        assert_true(network_parse(slice_of(cases[i].network), &network));
        assert_true(network_parse_address(slice_of(cases[i].address), &address));
        if (network_contains(&network, &address) != cases[i].is_in) {
            fail_msg("%s in %s", cases[i].address, cases[i].network);
        }
    }
}

static void
refuses_what_is_no_network(void **state)
{
    static const char *const texts[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33",
        "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/99999999999999999999",
        "10.0.0", "10.0.0.0.0", "010.0.0.1", "10.0.0.1:80", "10.0.0.1 ", "fd00::/129",
        "[::1]", "fe80::1%eth0", "::ffff:10.0.0.0/129", "localhost",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};

    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct network network = {.prefix = 7};

        if (network_parse(slice_of(texts[i]), &network)) {
            fail_msg("taken: %s", texts[i]);
        }
        assert_int_equal(network.prefix, 7);
    }
}

static void
reads_an_address_off_a_socket_of_either_family(void **state)
{
    struct sockaddr_storage v4 = {.ss_family = AF_INET};
    struct sockaddr_storage v6 = {.ss_family = AF_INET6};
    struct sockaddr_storage other = {.ss_family = AF_UNIX};
    struct in6_addr loopback;
    struct in6_addr address;

    (void)state;
    ((struct sockaddr_in *)&v4)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ((struct sockaddr_in6 *)&v6)->sin6_addr = in6addr_loopback;
    assert_true(network_parse_address(slice_of("127.0.0.1"), &loopback));
    assert_true(network_peer_address(&v4, &address));
    assert_memory_equal(&address, &loopback, sizeof(address));
    assert_true(network_peer_address(&v6, &address));
    assert_memory_equal(&address, &in6addr_loopback, sizeof(address));
    assert_false(network_peer_address(&other, &address));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_is_in_a_network),
        cmocka_unit_test(refuses_what_is_no_network),
        cmocka_unit_test(reads_an_address_off_a_socket_of_either_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
