// test_endpoints - what an endpoint means to one who reads it
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "mesh/endpoints.h"

static void
assert_seed(const char *seed, const char *expected)
{
    char *endpoint = mesh_endpoints_of_seed(seed);
    if (expected)
        assert_string_equal(endpoint, expected);
    else
        assert_null(endpoint);
    free(endpoint);
}

static void
a_seed_without_a_port_has_that_of_the_control_socket(void **state)
{
    (void) state;
    assert_seed("tcp://build-7", "tcp://build-7:5773");
    assert_seed("tcp://10.0.0.1:7000", "tcp://10.0.0.1:7000");
    assert_seed("tcp://[::1]", "tcp://[::1]:5773");
    assert_seed("ipc:///x/y", "ipc:///x/y");
}

static void
what_is_no_seed_is_refused(void **state)
{
    (void) state;
    assert_seed("build-7", NULL);
    assert_seed("http://build-7", NULL);
    assert_seed("tcp://", NULL);
}

static void
assert_resolved(const char *named, const char *reached, const char *expected)
{
    char *endpoint = mesh_endpoints_resolve(named, reached);
    if (expected)
        assert_string_equal(endpoint, expected);
    else
        assert_null(endpoint);
    free(endpoint);
}

static void
any_host_means_the_one_that_was_reached(void **state)
{
    (void) state;
    assert_resolved("tcp://*:5771", "tcp://build-7:5773", "tcp://build-7:5771");
    assert_resolved("tcp://0.0.0.0:5771", "tcp://10.0.0.1:99", "tcp://10.0.0.1:5771");
    assert_resolved("tcp://[::]:5771", "tcp://[fe80::1]:99", "tcp://[fe80::1]:5771");
    assert_resolved("tcp://*:5771", "ipc:///run/control", "tcp://127.0.0.1:5771");
}

static void
a_host_that_is_named_is_kept(void **state)
{
    (void) state;
    assert_resolved("tcp://10.0.0.2:5771", "tcp://build-7:5773", "tcp://10.0.0.2:5771");
    assert_resolved("ipc:///run/publish", "tcp://build-7:5773", "ipc:///run/publish");
}

static void
what_is_no_endpoint_is_refused(void **state)
{
    (void) state;
    char longer[1024] = "tcp://";
    memset(longer + strlen(longer), 'h', sizeof longer - strlen("tcp://") - 1);
    longer[sizeof longer - 1] = '\0';
    assert_resolved("", "ipc:///run/control", NULL);
    assert_resolved("build-7:5771", "ipc:///run/control", NULL);
    assert_resolved("udp://build-7:5771", "ipc:///run/control", NULL);
    assert_resolved(longer, "ipc:///run/control", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_without_a_port_has_that_of_the_control_socket),
        cmocka_unit_test(what_is_no_seed_is_refused),
        cmocka_unit_test(any_host_means_the_one_that_was_reached),
        cmocka_unit_test(a_host_that_is_named_is_kept),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
    };
    return cmocka_run_group_tests_name("endpoints", tests, NULL, NULL);
}
