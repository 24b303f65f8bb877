// test_client_limits - how many clients an address and a token may have
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "client_limits.h"

static client_limits_verdict_t
take(client_limits_t *limits, const char *address, const char *token)
{
    client_place_t place;
    return client_limits_take(limits, address, token, &place);
}

static void
an_address_has_no_more_than_it_may_and_room_again_when_one_goes(void **state)
{
    (void) state;
    client_limits_t *limits = client_limits_new(2, 100);
    client_place_t place;
    assert_int_equal(take(limits, "192.0.2.1", ""), CLIENT_LIMITS_ROOM);
    assert_int_equal(client_limits_take(limits, "192.0.2.1", "", &place), CLIENT_LIMITS_ROOM);
    assert_int_equal(take(limits, "192.0.2.1", ""), CLIENT_LIMITS_ADDRESS);
    assert_int_equal(take(limits, "192.0.2.2", ""), CLIENT_LIMITS_ROOM);
    client_limits_give_back(limits, &place);
    // What was given back is nobody's.
    client_limits_give_back(limits, &place);
    assert_int_equal(take(limits, "192.0.2.1", ""), CLIENT_LIMITS_ROOM);
    assert_int_equal(take(limits, "192.0.2.1", ""), CLIENT_LIMITS_ADDRESS);
    client_limits_destroy(&limits);
    assert_null(limits);
}

static void
a_token_is_counted_wherever_it_is_used(void **state)
{
    (void) state;
    client_limits_t *limits = client_limits_new(3, 2);
    assert_int_equal(take(limits, "192.0.2.1", "00c0ffee0001"), CLIENT_LIMITS_ROOM);
    assert_int_equal(take(limits, "127.0.0.1", "00c0ffee0001"), CLIENT_LIMITS_ROOM);
    assert_int_equal(take(limits, "192.0.2.1", "00c0ffee0001"), CLIENT_LIMITS_TOKEN);
    assert_int_equal(take(limits, "192.0.2.1", "00c0ffee0002"), CLIENT_LIMITS_ROOM);
    // The refusal has taken nothing of the address.
    assert_int_equal(take(limits, "192.0.2.1", "00c0ffee0002"), CLIENT_LIMITS_ROOM);
    assert_int_equal(take(limits, "192.0.2.1", "00c0ffee0003"), CLIENT_LIMITS_ADDRESS);
    client_limits_destroy(&limits);
}

static void
loopback_and_the_token_of_the_mesh_are_not_counted(void **state)
{
    (void) state;
    client_limits_t *limits = client_limits_new(1, 1);
    static const char *const addresses[] = {"127.0.0.1", "127.3.2.1", "::1"};
    for (size_t at = 0; at < 9; at++) {
        client_place_t place;
        assert_int_equal(client_limits_take(limits, addresses[at % 3], "", &place),
                         CLIENT_LIMITS_ROOM);
        assert_string_equal(place.address, "");
    }
    client_limits_destroy(&limits);
}

static void
a_refusal_names_its_setting(void **state)
{
    (void) state;
    assert_string_equal(client_limits_reason(CLIENT_LIMITS_ADDRESS), "address_limit");
    assert_string_equal(client_limits_reason(CLIENT_LIMITS_TOKEN), "token_limit");
    assert_non_null(
        strstr(client_limits_detail(CLIENT_LIMITS_ADDRESS), "http/clients_per_address"));
    assert_non_null(
        strstr(client_limits_detail(CLIENT_LIMITS_TOKEN), "http/clients_per_token"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_no_more_than_it_may_and_room_again_when_one_goes),
        cmocka_unit_test(a_token_is_counted_wherever_it_is_used),
        cmocka_unit_test(loopback_and_the_token_of_the_mesh_are_not_counted),
        cmocka_unit_test(a_refusal_names_its_setting),
    };
    return cmocka_run_group_tests_name("client_limits", tests, NULL, NULL);
}
