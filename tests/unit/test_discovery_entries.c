// test_discovery_entries - what the discovery file says of a broker and of who is with it
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "discovery_entries.h"
#include "mesh/discovery.h"

static const double now_s = 1000;

typedef struct bench {
    registry_t *registry;
    json_t *endpoints;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->registry = registry_new(10);
    self->endpoints = json_pack("{s:s}", "control", "ipc:///run/control");
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    registry_destroy(&self->registry);
    json_decref(self->endpoints);
    test_free(self);
    return 0;
}

// Register a program with this metadata (stolen).
static void
add_peer(bench_t *self, const char *id, const char *type, json_t *metadata)
{
    json_t *hello = json_pack("{s:s, s:s, s:s, s:i, s:s, s:i, s:o, s:[]}", "transport_id", id,
                              "transport_type", type, "host", "peer-host", "pid", 1, "version",
                              "1", "protocol", 1, "metadata", metadata, "sources");
    zframe_t *route = zframe_new(id, strlen(id));
    peer_t *peer;
    const char *wrong;
    assert_int_equal(registry_hello(self->registry, hello, route, 1, 900, &peer, &wrong),
                     REGISTRY_JOINED);
    zframe_destroy(&route);
    json_decref(hello);
}

static json_t *
http_metadata(void)
{
    return json_pack("{s:s, s:i, s:{s:{s:s}}}", "http_address", "127.0.0.1", "http_port", 8790,
                     "streaming_capabilities", "sse_endpoints", "aider", "/events/aider");
}

// An entry that another broker wrote.
static json_t *
entry_of(const char *id, const char *writer, double heartbeat)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:f, s:f, s:{s:s}}", "coordinator_id", id, "host",
                     "h", "port", 1, "transport_type", "sse", "start_time", 1.0,
                     "last_heartbeat", heartbeat, "metadata", "broker_id", writer);
}

static const char *
id_at(const json_t *entries, size_t at)
{
    return json_string_value(json_object_get(json_array_get(entries, at), "coordinator_id"));
}

static json_t *
entries_with(bench_t *self, json_t *others)
{
    json_t *lock = json_object();
    discovery_self_t about = {"broker-1", "broker-host", "default", self->endpoints,
                              lock,       now_s,         false};
    json_t *entries = discovery_entries(others, &about, self->registry, now_s);
    assert_true(discovery_entries_have(entries, &about, self->registry));
    json_decref(lock);
    json_decref(others);
    return entries;
}

static void
the_broker_is_found_by_its_control_endpoint(void **state)
{
    bench_t *self = *state;
    json_t *entries = entries_with(self, json_array());
    assert_int_equal(json_array_size(entries), 1);
    assert_string_equal(id_at(entries, 0), "broker-1");
    char *endpoint = mesh_discovery_control_endpoint(json_array_get(entries, 0));
    assert_string_equal(endpoint, "ipc:///run/control");
    free(endpoint);
    json_decref(entries);
}

// A reader that takes the youngest entry, as the predecessor's does, finds the HTTP side.
static void
an_sse_bridge_is_younger_than_the_broker_and_says_where_its_http_is(void **state)
{
    bench_t *self = *state;
    add_peer(self, "sse-1", "sse", http_metadata());
    add_peer(self, "stdio-1", "stdio", http_metadata());
    add_peer(self, "sse-without-http", "sse", json_object());
    json_t *entries = entries_with(self, json_array());
    assert_int_equal(json_array_size(entries), 2);
    const json_t *sse = json_array_get(entries, 0), *broker = json_array_get(entries, 1);
    assert_string_equal(id_at(entries, 0), "sse-1");
    assert_int_equal(json_integer_value(json_object_get(sse, "port")), 8790);
    assert_string_equal(json_string_value(json_object_get(sse, "host")), "127.0.0.1");
    assert_non_null(
        json_object_get(json_object_get(sse, "streaming_capabilities"), "sse_endpoints"));
    assert_true(json_number_value(json_object_get(sse, "start_time")) >
                json_number_value(json_object_get(broker, "start_time")));
    json_decref(entries);
}

static void
entries_of_others_stay_until_they_are_stale(void **state)
{
    bench_t *self = *state;
    json_t *entries = entries_with(self, json_pack("[o, o]", entry_of("fresh", "other", 971),
                                                   entry_of("stale", "other", 969)));
    assert_int_equal(json_array_size(entries), 2);
    assert_string_equal(id_at(entries, 0), "fresh");
    json_decref(entries);
}

static void
what_this_broker_wrote_before_is_written_anew(void **state)
{
    bench_t *self = *state;
    add_peer(self, "sse-1", "sse", http_metadata());
    json_t *entries = entries_with(self, entries_with(self, json_array()));
    assert_int_equal(json_array_size(entries), 2);
    json_decref(entries);
}

static void
a_program_that_an_earlier_broker_wrote_down_has_one_entry(void **state)
{
    bench_t *self = *state;
    add_peer(self, "sse-1", "sse", http_metadata());
    json_t *entries =
        entries_with(self, json_pack("[o]", entry_of("sse-1", "killed-broker", 999)));
    assert_int_equal(json_array_size(entries), 2);
    assert_string_equal(id_at(entries, 0), "sse-1");
    assert_string_equal(id_at(entries, 1), "broker-1");
    json_decref(entries);
}

static void
when_the_broker_goes_only_what_others_wrote_is_left(void **state)
{
    bench_t *self = *state;
    add_peer(self, "sse-1", "sse", http_metadata());
    json_t *entries = entries_with(self, json_pack("[o]", entry_of("other", "other", 999)));
    json_t *left = discovery_entries_without(entries, "broker-1", now_s);
    assert_int_equal(json_array_size(left), 1);
    assert_string_equal(id_at(left, 0), "other");
    json_decref(left);
    json_decref(entries);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_broker_is_found_by_its_control_endpoint),
        TEST(an_sse_bridge_is_younger_than_the_broker_and_says_where_its_http_is),
        TEST(entries_of_others_stay_until_they_are_stale),
        TEST(what_this_broker_wrote_before_is_written_anew),
        TEST(a_program_that_an_earlier_broker_wrote_down_has_one_entry),
        TEST(when_the_broker_goes_only_what_others_wrote_is_left),
    };
    return cmocka_run_group_tests_name("discovery_entries", tests, NULL, NULL);
}
