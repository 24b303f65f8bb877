// test_mesh_health - what makes the mesh healthy, degraded, unhealthy
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "mesh_health.h"

static mesh_health_t *
begin(void)
{
    mesh_health_t *self = mesh_health_new(0);
    mesh_health_broker(self, true);
    return self;
}

static void
see_transport(mesh_health_t *self, observed_t what, const char *id, const char *type,
              int64_t at_ms)
{
    observation_t observation = {.what = what};
    (void) snprintf(observation.transport_id, sizeof observation.transport_id, "%s", id);
    (void) snprintf(observation.transport_type, sizeof observation.transport_type, "%s", type);
    mesh_health_observe(self, &observation, at_ms);
}

static json_int_t
count_of(const mesh_health_t *self, const char *type)
{
    mesh_health_counts_t counts = {0};
    json_t *payload = mesh_health_payload(self, &counts, 0);
    json_int_t count =
        json_integer_value(json_object_get(json_object_get(payload, "transports"), type));
    json_decref(payload);
    return count;
}

static void
assert_reason(const mesh_health_t *self, int64_t now_ms, const char *status, const char *reason)
{
    mesh_health_counts_t counts = {0};
    json_t *payload = mesh_health_payload(self, &counts, now_ms);
    assert_string_equal(json_string_value(json_object_get(payload, "status")), status);
    const json_t *reasons = json_object_get(payload, "reasons");
    assert_int_equal(json_array_size(reasons), reason ? 1 : 0);
    if (reason)
        assert_string_equal(json_string_value(json_array_get(reasons, 0)), reason);
    json_decref(payload);
}

static void
before_a_broker_is_heard_the_mesh_is_unhealthy(void **state)
{
    (void) state;
    mesh_health_t *self = mesh_health_new(0);
    assert_reason(self, 0, "unhealthy", "broker_away");
    mesh_health_broker(self, true);
    assert_reason(self, 0, "healthy", NULL);
    mesh_health_broker(self, false);
    assert_int_equal(mesh_health_status(self, 0), MESH_HEALTH_UNHEALTHY);
    mesh_health_destroy(&self);
    assert_null(self);
    mesh_health_destroy(&self);
}

static void
members_are_counted_by_type(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    see_transport(self, OBSERVED_TRANSPORT_JOINED, "stdio-1", "stdio", 0);
    see_transport(self, OBSERVED_TRANSPORT_JOINED, "stdio-2", "stdio", 0);
    see_transport(self, OBSERVED_TRANSPORT_JOINED, "stdio-2", "stdio", 0);
    see_transport(self, OBSERVED_TRANSPORT_JOINED, "sse-1", "sse", 0);
    assert_int_equal(count_of(self, "stdio"), 2);
    assert_int_equal(count_of(self, "sse"), 1);
    see_transport(self, OBSERVED_TRANSPORT_LEFT, "stdio-1", "stdio", 0);
    assert_int_equal(count_of(self, "stdio"), 1);
    mesh_health_destroy(&self);
}

static void
the_brokers_list_replaces_what_was_known(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    see_transport(self, OBSERVED_TRANSPORT_JOINED, "stdio-1", "stdio", 0);
    json_t *transports = json_loads("[{\"transport_id\":\"sse-1\",\"transport_type\":\"sse\"},"
                                    "{\"transport_id\":7},5]",
                                    0, NULL);
    assert_non_null(transports);
    mesh_health_replace(self, transports);
    assert_int_equal(count_of(self, "stdio"), 0);
    assert_int_equal(count_of(self, "sse"), 1);
    json_decref(transports);
    mesh_health_destroy(&self);
}

static void
a_lost_member_degrades_for_a_minute(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    see_transport(self, OBSERVED_TRANSPORT_LOST, "stdio-1", "stdio", 1000);
    see_transport(self, OBSERVED_TRANSPORT_LOST, "stdio-2", "stdio", 500);    // told later
    assert_reason(self, 1000, "degraded", "transport_lost");
    assert_reason(self, 60999, "degraded", "transport_lost");
    assert_reason(self, 61000, "healthy", NULL);
    mesh_health_destroy(&self);
}

static void
a_lost_command_line_tool_degrades_nothing(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    see_transport(self, OBSERVED_TRANSPORT_LOST, "cli-1", "cli", 1000);
    assert_reason(self, 1000, "healthy", NULL);
    mesh_health_destroy(&self);
}

static void
a_loss_in_replayed_history_is_over(void **state)
{
    (void) state;
    mesh_health_t *self = mesh_health_new(100000);
    mesh_health_broker(self, true);
    see_transport(self, OBSERVED_TRANSPORT_LOST, "stdio-1", "stdio", 100000 - 3600000);
    assert_reason(self, 100000, "healthy", NULL);
    mesh_health_destroy(&self);
}

static void
lost_events_degrade_for_a_minute(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    mesh_health_gap(self, 5000);
    assert_reason(self, 5000, "degraded", "events_lost");
    assert_reason(self, 65000, "healthy", NULL);
    mesh_health_destroy(&self);
}

static void
a_journal_that_is_down_degrades_until_it_is_up(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    mesh_health_journal(self, false);
    assert_reason(self, 1000000, "degraded", "journal_down");
    mesh_health_journal(self, true);
    assert_reason(self, 1000000, "healthy", NULL);
    mesh_health_destroy(&self);
}

static void
a_state_that_is_not_kept_degrades_and_says_why(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    mesh_health_state(self, MESH_DB_FULL);
    assert_reason(self, 0, "degraded", "state_not_kept");
    mesh_health_counts_t counts = {0};
    json_t *payload = mesh_health_payload(self, &counts, 0);
    assert_string_equal(json_string_value(json_object_get(payload, "state_fault")),
                        "disk_full");
    json_decref(payload);
    mesh_health_state(self, MESH_DB_SOUND);
    assert_reason(self, 0, "healthy", NULL);
    mesh_health_destroy(&self);
}

static void
catching_up_degrades_only_when_it_takes_long(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    mesh_health_catching_up(self, true, 1000);
    mesh_health_catching_up(self, true, 4000);    // still the same one
    assert_reason(self, 5999, "healthy", NULL);
    assert_reason(self, 6000, "degraded", "catching_up");
    mesh_health_catching_up(self, false, 6001);
    assert_reason(self, 6001, "healthy", NULL);
    mesh_health_destroy(&self);
}

static void
the_payload_has_all_counts(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    mesh_health_event(self, false);
    mesh_health_event(self, true);
    mesh_health_gap(self, 0);
    mesh_health_counts_t counts = {
        .requests = {.open = 5, .throttled = 2, .waiting_for_input = 1, .silent = 1},
        .events_refused = 3,
        .events_dropped = 4,
        .lag = 6,
    };
    json_t *payload = mesh_health_payload(self, &counts, 90500);
    json_t *wanted = json_loads(
        "{\"status\":\"healthy\",\"reasons\":[],\"transports\":{},\"transports_lost\":0,"
        "\"active_requests\":4,\"silent_requests\":1,\"throttled_requests\":2,"
        "\"waiting_requests\":1,\"events_seen\":2,\"events_late\":1,\"events_refused\":3,"
        "\"events_dropped\":4,\"gaps\":1,\"lag\":6,\"uptime\":90.5}",
        0, NULL);
    assert_non_null(wanted);
    assert_true(json_equal(payload, wanted));
    json_decref(wanted);
    json_decref(payload);
    mesh_health_destroy(&self);
}

static void
the_number_of_members_known_by_name_is_bounded(void **state)
{
    (void) state;
    mesh_health_t *self = begin();
    for (int i = 0; i < MESH_HEALTH_TRANSPORTS + 5; i++) {
        char id[32];
        (void) snprintf(id, sizeof id, "stdio-%d", i);
        see_transport(self, OBSERVED_TRANSPORT_JOINED, id, "stdio", 0);
    }
    assert_int_equal(count_of(self, "stdio"), MESH_HEALTH_TRANSPORTS);
    mesh_health_counts_t counts = {0};
    json_t *payload = mesh_health_payload(self, &counts, 0);
    assert_int_equal(json_integer_value(json_object_get(payload, "transports_unknown")), 5);
    json_decref(payload);
    mesh_health_destroy(&self);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_a_broker_is_heard_the_mesh_is_unhealthy),
        cmocka_unit_test(members_are_counted_by_type),
        cmocka_unit_test(the_brokers_list_replaces_what_was_known),
        cmocka_unit_test(a_lost_member_degrades_for_a_minute),
        cmocka_unit_test(a_lost_command_line_tool_degrades_nothing),
        cmocka_unit_test(a_loss_in_replayed_history_is_over),
        cmocka_unit_test(lost_events_degrade_for_a_minute),
        cmocka_unit_test(a_journal_that_is_down_degrades_until_it_is_up),
        cmocka_unit_test(a_state_that_is_not_kept_degrades_and_says_why),
        cmocka_unit_test(catching_up_degrades_only_when_it_takes_long),
        cmocka_unit_test(the_payload_has_all_counts),
        cmocka_unit_test(the_number_of_members_known_by_name_is_bounded),
    };
    return cmocka_run_group_tests_name("mesh_health", tests, NULL, NULL);
}
