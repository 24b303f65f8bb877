// test_lookup - in which order a broker is looked for
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mesh/discovery.h"
#include "mesh/lock_file.h"
#include "mesh/lookup.h"
#include "temp_dir.h"

typedef struct place {
    char *dir;
    char *own;    // the endpoint in the runtime directory
    mesh_settings_t *settings;
} place_t;

static void
set(place_t *self, const char *format, const char *value)
{
    char text[512], *error = NULL;
    snprintf(text, sizeof text, "%s%s", format, value);
    assert_int_equal(mesh_settings_assign(self->settings, text, "test", &error), 0);
}

static int
set_up(void **state)
{
    place_t *self = calloc(1, sizeof *self);
    unsetenv("AIDER_MCP_COORDINATOR_DISCOVERY_FILE");
    self->dir = temp_dir_new();
    self->settings = mesh_settings_new();
    set(self, "mesh/runtime_dir=", self->dir);
    assert_true(asprintf(&self->own, "ipc://%s/control", self->dir) > 0);
    *state = self;
    return 0;
}

static int
tear_down(void **state)
{
    place_t *self = *state;
    mesh_settings_destroy(&self->settings);
    free(self->own);
    temp_dir_destroy(&self->dir);
    free(self);
    return 0;
}

static mesh_lookup_t *
lookup_of(const place_t *self)
{
    char *error = NULL;
    mesh_lookup_t *lookup = mesh_lookup_new(self->settings, &error);
    assert_non_null(lookup);
    return lookup;
}

static void
expect(mesh_lookup_t *lookup, int64_t now_ms, const char *endpoint, mesh_found_by_t by)
{
    const mesh_candidate_t *candidate = mesh_lookup_next(lookup, now_ms);
    assert_string_equal(candidate->endpoint, endpoint);
    assert_int_equal(candidate->by, by);
}

// An entry of a broker at an endpoint, which has this description of a lock (stolen, or NULL).
static json_t *
broker_entry(const char *id, const char *endpoint, double heartbeat, json_t *lock)
{
    json_t *entry =
        json_pack("{s:s, s:s, s:i, s:s, s:f, s:f, s:{s:{s:s}}}", "coordinator_id", id, "host",
                  "h", "port", 5773, "transport_type", "zmq", "start_time", 0.0,
                  "last_heartbeat", heartbeat, "metadata", "endpoints", "control", endpoint);
    assert_non_null(entry);
    if (lock)
        json_object_set_new(json_object_get(entry, "metadata"), "lock", lock);
    return entry;
}

static void
write_entries(const place_t *self, json_t *entries)
{
    char *error = NULL;
    char *path = temp_dir_file(self->dir, "coordinator_registry.json");
    assert_int_equal(mesh_discovery_write(path, entries, &error), 0);
    json_decref(entries);
    free(path);
}

static void
with_seeds_nothing_else_is_tried(void **state)
{
    place_t *self = *state;
    set(self, "mesh/seeds=", "tcp://one,ipc:///two");
    write_entries(
        self, json_pack("[o]", broker_entry("b", "ipc:///found", (double) time(NULL), NULL)));
    mesh_lookup_t *lookup = lookup_of(self);
    for (int round = 1; round <= 2; round++) {
        expect(lookup, 0, "tcp://one:5773", MESH_FOUND_BY_SEED);
        expect(lookup, 0, "ipc:///two", MESH_FOUND_BY_SEED);
        assert_int_equal(mesh_lookup_rounds(lookup), round);
    }
    mesh_lookup_destroy(&lookup);
}

static void
the_file_comes_before_the_own_directory_and_that_before_beacons(void **state)
{
    place_t *self = *state;
    write_entries(
        self, json_pack("[o]", broker_entry("b", "ipc:///found", (double) time(NULL), NULL)));
    mesh_lookup_t *lookup = lookup_of(self);
    assert_true(mesh_lookup_heard(lookup, "tcp://10.0.0.1:5773", 0));
    for (int round = 0; round < 2; round++) {
        expect(lookup, 0, "ipc:///found", MESH_FOUND_BY_DISCOVERY);
        expect(lookup, 0, self->own, MESH_FOUND_BY_DEFAULT);
        expect(lookup, 0, "tcp://10.0.0.1:5773", MESH_FOUND_BY_BEACON);
    }
    mesh_lookup_destroy(&lookup);
}

static void
the_file_is_skipped_when_it_is_told_to_be(void **state)
{
    place_t *self = *state;
    set(self, "features/discovery=", "false");
    write_entries(
        self, json_pack("[o]", broker_entry("b", "ipc:///found", (double) time(NULL), NULL)));
    mesh_lookup_t *lookup = lookup_of(self);
    expect(lookup, 0, self->own, MESH_FOUND_BY_DEFAULT);
    expect(lookup, 0, self->own, MESH_FOUND_BY_DEFAULT);
    mesh_lookup_destroy(&lookup);
}

static void
a_dead_brokers_entry_is_passed_over_and_a_held_lock_beats_an_old_heartbeat(void **state)
{
    place_t *self = *state;
    char *dead_path = temp_dir_file(self->dir, "dead"),
         *path = temp_dir_file(self->dir, "live");
    int dead_fd = mesh_lock_file_take(dead_path, "dead");
    json_t *dead = mesh_lock_file_describe(dead_fd, dead_path, "dead");
    close(dead_fd);
    int fd = mesh_lock_file_take(path, "live");
    double now_s = (double) time(NULL);
    write_entries(self, json_pack("[o, o, o]", broker_entry("d", "ipc:///dead", now_s, dead),
                                  broker_entry("s", "ipc:///silent", now_s - 31, NULL),
                                  broker_entry("l", "ipc:///live", now_s - 1000,
                                               mesh_lock_file_describe(fd, path, "live"))));
    mesh_lookup_t *lookup = lookup_of(self);
    expect(lookup, 0, "ipc:///live", MESH_FOUND_BY_DISCOVERY);
    expect(lookup, 0, self->own, MESH_FOUND_BY_DEFAULT);
    assert_int_equal(mesh_lookup_count(lookup), 2);
    mesh_lookup_destroy(&lookup);
    close(fd);
    free(path);
    free(dead_path);
}

// One that was killed on another host stays in the file for 30 s.
static void
of_the_brokers_of_the_file_the_one_heard_last_is_tried_first(void **state)
{
    place_t *self = *state;
    double now_s = (double) time(NULL);
    write_entries(self,
                  json_pack("[o, o, o]", broker_entry("a", "ipc:///killed", now_s - 20, NULL),
                            broker_entry("b", "ipc:///here", now_s, NULL),
                            broker_entry("c", "ipc:///killed_too", now_s - 10, NULL)));
    mesh_lookup_t *lookup = lookup_of(self);
    expect(lookup, 0, "ipc:///here", MESH_FOUND_BY_DISCOVERY);
    expect(lookup, 0, "ipc:///killed_too", MESH_FOUND_BY_DISCOVERY);
    expect(lookup, 0, "ipc:///killed", MESH_FOUND_BY_DISCOVERY);
    mesh_lookup_destroy(&lookup);
}

static void
entries_of_another_mesh_are_not_ours(void **state)
{
    place_t *self = *state;
    json_t *entry = broker_entry("b", "ipc:///found", (double) time(NULL), NULL);
    json_object_set_new(json_object_get(entry, "metadata"), "mesh_id", json_string("other"));
    write_entries(self, json_pack("[o]", entry));
    mesh_lookup_t *lookup = lookup_of(self);
    expect(lookup, 0, self->own, MESH_FOUND_BY_DEFAULT);
    mesh_lookup_destroy(&lookup);
}

static void
a_broker_heard_is_the_last_of_the_round_under_way(void **state)
{
    place_t *self = *state;
    mesh_lookup_t *lookup = lookup_of(self);
    expect(lookup, 0, self->own, MESH_FOUND_BY_DEFAULT);
    assert_true(mesh_lookup_heard(lookup, "tcp://10.0.0.1:5773", 10));
    assert_false(mesh_lookup_heard(lookup, "tcp://10.0.0.1:5773", 20));
    expect(lookup, 20, "tcp://10.0.0.1:5773", MESH_FOUND_BY_BEACON);
    assert_int_equal(mesh_lookup_rounds(lookup), 1);
    mesh_lookup_destroy(&lookup);
}

static void
a_broker_not_heard_for_half_a_minute_is_forgotten(void **state)
{
    place_t *self = *state;
    mesh_lookup_t *lookup = lookup_of(self);
    (void) mesh_lookup_heard(lookup, "tcp://10.0.0.1:5773", 0);
    expect(lookup, MESH_LOOKUP_BEACON_MS + 1, self->own, MESH_FOUND_BY_DEFAULT);
    expect(lookup, MESH_LOOKUP_BEACON_MS + 1, self->own, MESH_FOUND_BY_DEFAULT);
    assert_true(mesh_lookup_heard(lookup, "tcp://10.0.0.1:5773", MESH_LOOKUP_BEACON_MS + 2));
    mesh_lookup_destroy(&lookup);
}

static void
beacons_of_many_brokers_take_bounded_room(void **state)
{
    place_t *self = *state;
    mesh_lookup_t *lookup = lookup_of(self);
    for (int i = 0; i < 10 * MESH_LOOKUP_BEACONS_LIMIT; i++) {
        char endpoint[64];
        snprintf(endpoint, sizeof endpoint, "tcp://10.0.0.%d:5773", i);
        (void) mesh_lookup_heard(lookup, endpoint, i);
    }
    (void) mesh_lookup_next(lookup, 100);
    assert_int_equal(mesh_lookup_count(lookup), 1 + MESH_LOOKUP_BEACONS_LIMIT);
    mesh_lookup_destroy(&lookup);
}

static void
where_a_broker_sends_us_comes_first_for_a_minute_also_before_seeds(void **state)
{
    place_t *self = *state;
    set(self, "mesh/seeds=", "tcp://one");
    mesh_lookup_t *lookup = lookup_of(self);
    expect(lookup, 0, "tcp://one:5773", MESH_FOUND_BY_SEED);
    mesh_lookup_redirect(lookup, "tcp://elder:5773", 0);
    expect(lookup, 1, "tcp://elder:5773", MESH_FOUND_BY_REDIRECT);
    expect(lookup, 1, "tcp://one:5773", MESH_FOUND_BY_SEED);
    expect(lookup, MESH_LOOKUP_REDIRECT_MS + 1, "tcp://one:5773", MESH_FOUND_BY_SEED);
    mesh_lookup_destroy(&lookup);
}

static void
a_seed_that_is_none_is_refused_by_name(void **state)
{
    place_t *self = *state;
    set(self, "mesh/seeds=", "tcp://one,http://two");
    char *error = NULL;
    assert_null(mesh_lookup_new(self->settings, &error));
    assert_non_null(strstr(error, "http://two"));
    free(error);
}

static void
the_broker_of_the_own_directory_may_be_a_fallback(void **state)
{
    place_t *self = *state;
    mesh_lookup_t *lookup = lookup_of(self);
    char *path = temp_dir_file(self->dir, "broker.lock");
    assert_int_equal(mesh_lookup_found_by(lookup, self->own, MESH_FOUND_BY_DEFAULT),
                     MESH_FOUND_BY_DEFAULT);
    int fd = mesh_lock_file_take(path, "fallback 1 x\n");
    assert_int_equal(mesh_lookup_found_by(lookup, self->own, MESH_FOUND_BY_DISCOVERY),
                     MESH_FOUND_BY_FALLBACK);
    assert_int_equal(mesh_lookup_found_by(lookup, "tcp://one:5773", MESH_FOUND_BY_BEACON),
                     MESH_FOUND_BY_BEACON);
    close(fd);
    free(path);
    mesh_lookup_destroy(&lookup);
}

static void
a_mesh_is_named_by_seed_file_environment_or_id(void **state)
{
    place_t *self = *state;
    assert_false(mesh_lookup_names_a_mesh(self->settings));
    setenv("AIDER_MCP_COORDINATOR_DISCOVERY_FILE", "/somewhere", 1);
    assert_true(mesh_lookup_names_a_mesh(self->settings));
    unsetenv("AIDER_MCP_COORDINATOR_DISCOVERY_FILE");
    set(self, "mesh/seeds=", "tcp://one");
    assert_true(mesh_lookup_names_a_mesh(self->settings));
    set(self, "mesh/seeds=", "");
    set(self, "mesh/mesh_id=", "team");
    assert_true(mesh_lookup_names_a_mesh(self->settings));
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(with_seeds_nothing_else_is_tried),
        IN_PLACE(the_file_comes_before_the_own_directory_and_that_before_beacons),
        IN_PLACE(the_file_is_skipped_when_it_is_told_to_be),
        IN_PLACE(a_dead_brokers_entry_is_passed_over_and_a_held_lock_beats_an_old_heartbeat),
        IN_PLACE(of_the_brokers_of_the_file_the_one_heard_last_is_tried_first),
        IN_PLACE(entries_of_another_mesh_are_not_ours),
        IN_PLACE(a_broker_heard_is_the_last_of_the_round_under_way),
        IN_PLACE(a_broker_not_heard_for_half_a_minute_is_forgotten),
        IN_PLACE(beacons_of_many_brokers_take_bounded_room),
        IN_PLACE(where_a_broker_sends_us_comes_first_for_a_minute_also_before_seeds),
        IN_PLACE(a_seed_that_is_none_is_refused_by_name),
        IN_PLACE(the_broker_of_the_own_directory_may_be_a_fallback),
        IN_PLACE(a_mesh_is_named_by_seed_file_environment_or_id),
    };
    return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
