// test_link_welcome - a welcome is taken whole or not at all
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "link_welcome.h"

static const char found_at[] = "tcp://192.0.2.7:5557";

static json_t *
a_welcome(void)
{
    json_t *body = json_loads(
        "{\"id\":1,\"broker_id\":\"broker-1\",\"incarnation\":\"i-1\",\"protocol\":1,"
        "\"epoch\":\"00c0ffee00c0ffee\",\"first\":5,\"head\":17,"
        "\"endpoints\":{\"publish\":\"tcp://*:5555\",\"subscribe\":\"tcp://192.0.2.9:5556\"},"
        "\"window\":{\"events\":1000,\"bytes\":1048576},"
        "\"heartbeat_ms\":1000,\"lost_after_ms\":3000}",
        0, NULL);
    assert_non_null(body);
    return body;
}

static void
its_members_are_read_and_its_endpoints_seen_from_where_it_was_found(void **state)
{
    (void) state;
    json_t *body = a_welcome();
    link_welcome_t welcome;
    assert_int_equal(link_welcome_read(&welcome, body, found_at), 0);
    assert_ptr_equal(welcome.told.body, body);
    assert_string_equal(welcome.told.broker_id, "broker-1");
    assert_string_equal(welcome.told.incarnation, "i-1");
    assert_int_equal(welcome.told.epoch, 0x00c0ffee00c0ffee);
    assert_int_equal(welcome.told.first, 5);
    assert_int_equal(welcome.told.head, 17);
    assert_int_equal(welcome.told.window_events, 1000);
    assert_int_equal(welcome.told.window_bytes, 1048576);
    assert_int_equal(welcome.heartbeat_ms, 1000);
    assert_int_equal(welcome.lost_after_ms, 3000);
    assert_string_equal(welcome.told.publish_endpoint, "tcp://192.0.2.7:5555");
    assert_string_equal(welcome.told.subscribe_endpoint, "tcp://192.0.2.9:5556");
    link_welcome_clear(&welcome);
    json_decref(body);
}

static void
assert_refused(json_t *body)
{
    link_welcome_t welcome;
    assert_int_equal(link_welcome_read(&welcome, body, found_at), -1);
    link_welcome_clear(&welcome);
    json_decref(body);
}

static void
each_member_must_be_there_and_of_its_kind(void **state)
{
    (void) state;
    static const char *const names[] = {"broker_id", "incarnation",  "epoch",
                                        "first",     "head",         "endpoints",
                                        "window",    "heartbeat_ms", "lost_after_ms"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *without = a_welcome();
        json_object_del(without, names[i]);
        assert_refused(without);
        json_t *other = a_welcome();
        json_object_set_new(other, names[i], json_true());
        assert_refused(other);
    }
    json_t *negative = a_welcome();
    json_object_set_new(negative, "lost_after_ms", json_integer(-1));
    assert_refused(negative);
    json_t *nowhere = a_welcome();
    json_object_set_new(json_object_get(nowhere, "endpoints"), "publish",
                        json_string("nowhere"));
    assert_refused(nowhere);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_members_are_read_and_its_endpoints_seen_from_where_it_was_found),
        cmocka_unit_test(each_member_must_be_there_and_of_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
