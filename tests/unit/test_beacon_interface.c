// test_beacon_interface - which network is used for beacons
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "beacon_interface.h"

static const beacon_interface_t three[] = {
    {.address = 0xac110001, .netmask = 0xffff0000},    // 172.17.0.1/16
    {.address = 0xc0a80105, .netmask = 0xffffff00, .has_default_route = true},
    {.address = 0x0a4d0001, .netmask = 0xffffff00},    // 10.77.0.1/24
};

static void
a_network_is_an_address_and_its_bits(void **state)
{
    (void) state;
    uint32_t network, netmask;
    assert_int_equal(beacon_interface_parse("10.77.1.2/16", &network, &netmask), 0);
    assert_int_equal(network, 0x0a4d0000);
    assert_int_equal(netmask, 0xffff0000);
    assert_int_equal(beacon_interface_parse("10.77.1.2", &network, &netmask), 0);
    assert_int_equal(network, 0x0a4d0102);
    assert_int_equal(netmask, 0xffffffff);
}

static void
what_is_no_network_is_refused(void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",
        "eth0",
        "*",
        "10.0.0.0/",
        "10.0.0.0/0",
        "10.0.0.0/33",
        "10.0.0/8",
        "10.0.0.0/8x",
        "10.0.0.0/-8",
        "10.0.0.0/ 8",
        "fe80::1/64",
        "1",
        "/8",
        "300.0.0.1",
        "10.0.0.0/8/8",
        "255.255.255.2555/8",
    };
    uint32_t network, netmask;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(beacon_interface_parse(wrong[i], &network, &netmask), -1);
}

static void
the_address_in_the_network_is_chosen(void **state)
{
    (void) state;
    assert_ptr_equal(beacon_interface_choose(three, 3, 0x0a000000, 0xff000000), &three[2]);
    assert_null(beacon_interface_choose(three, 3, 0x0b000000, 0xff000000));
}

static void
without_a_network_the_default_route_decides(void **state)
{
    (void) state;
    assert_ptr_equal(beacon_interface_choose(three, 3, 0, 0), &three[1]);
    assert_ptr_equal(beacon_interface_choose(three, 1, 0, 0), &three[0]);
    assert_null(beacon_interface_choose(three, 0, 0, 0));
}

static void
an_address_is_written_as_people_do(void **state)
{
    (void) state;
    char text[BEACON_ADDRESS_SIZE];
    beacon_interface_format(0xffffffff, text);
    assert_string_equal(text, "255.255.255.255");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_is_an_address_and_its_bits),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(the_address_in_the_network_is_chosen),
        cmocka_unit_test(without_a_network_the_default_route_decides),
        cmocka_unit_test(an_address_is_written_as_people_do),
    };
    return cmocka_run_group_tests_name("beacon_interface", tests, NULL, NULL);
}
