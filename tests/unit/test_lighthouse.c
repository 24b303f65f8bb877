// test_lighthouse - which endpoint beacons name
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "lighthouse.h"

static char endpoint[MESH_BEACON_ENDPOINT_LIMIT + 1];

static void
a_host_that_stands_for_all_is_replaced_by_the_address(void **state)
{
    (void) state;
    assert_int_equal(lighthouse_endpoint("tcp://*:5773", "10.77.0.1", endpoint), 0);
    assert_string_equal(endpoint, "tcp://10.77.0.1:5773");
    assert_int_equal(lighthouse_endpoint("tcp://0.0.0.0:1", "10.77.0.1", endpoint), 0);
    assert_string_equal(endpoint, "tcp://10.77.0.1:1");
}

static void
an_address_that_is_bound_is_named_as_it_is(void **state)
{
    (void) state;
    assert_int_equal(lighthouse_endpoint("tcp://192.168.1.5:5773", "10.77.0.1", endpoint), 0);
    assert_string_equal(endpoint, "tcp://192.168.1.5:5773");
}

static void
what_other_hosts_cannot_reach_is_not_named(void **state)
{
    (void) state;
    static const char *const private[] = {
        "ipc:///run/control", "tcp://127.0.0.1:5773",
        "tcp://[::1]:5773",   "tcp://*:*",
        "tcp://*:0",          "tcp://*",
        "tcp://*:65536",      "tcp://*:57x",
        "inproc://control",
    };
    for (size_t i = 0; i < sizeof private / sizeof private[0]; i++)
        assert_int_equal(lighthouse_endpoint(private[i], "10.77.0.1", endpoint), -1);
}

static void
a_name_too_long_for_a_beacon_is_not_named(void **state)
{
    (void) state;
    char bound[200] = "tcp://";
    memset(bound + 6, 'h', 100);
    memcpy(bound + 106, ":5773", 6);
    assert_int_equal(lighthouse_endpoint(bound, "10.77.0.1", endpoint), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_stands_for_all_is_replaced_by_the_address),
        cmocka_unit_test(an_address_that_is_bound_is_named_as_it_is),
        cmocka_unit_test(what_other_hosts_cannot_reach_is_not_named),
        cmocka_unit_test(a_name_too_long_for_a_beacon_is_not_named),
    };
    return cmocka_run_group_tests_name("lighthouse", tests, NULL, NULL);
}
