// test_discovery - the file in which the mesh of this host is found
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mesh/discovery.h"
#include "temp_dir.h"

typedef struct bench {
    char *dir, *path;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->path = temp_dir_file(self->dir, "discovery.json");
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    free(self->path);
    temp_dir_destroy(&self->dir);
    test_free(self);
    return 0;
}

static void
write_text(const char *path, const char *text, size_t times)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    while (times-- > 0)
        assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static json_t *
broker_entry(double start, double heartbeat, const char *control)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:f, s:f, s:{s:{s:s}}}", "coordinator_id", "b",
                     "host", "h", "port", 5773, "transport_type", "zmq", "start_time", start,
                     "last_heartbeat", heartbeat, "metadata", "endpoints", "control", control);
}

// Read a file that must be complained about; the sentence names it.
static void
assert_complaint(const char *path)
{
    char *complaint = NULL;
    json_t *entries = mesh_discovery_read(path, &complaint);
    assert_int_equal(json_array_size(entries), 0);
    assert_non_null(complaint);
    assert_non_null(strstr(complaint, path));
    free(complaint);
    json_decref(entries);
}

static void
where_there_is_no_file_there_is_nobody_and_no_complaint(void **state)
{
    bench_t *self = *state;
    char *complaint = NULL;
    json_t *entries = mesh_discovery_read(self->path, &complaint);
    assert_null(complaint);
    assert_int_equal(json_array_size(entries), 0);
    json_decref(entries);
}

static void
what_is_written_is_read_by_its_owner_alone(void **state)
{
    bench_t *self = *state;
    char *error = NULL, *complaint = NULL;
    json_t *entries = json_pack("[o]", broker_entry(1, 2, "ipc:///c"));
    assert_int_equal(mesh_discovery_write(self->path, entries, &error), 0);
    assert_int_equal(mesh_discovery_write(self->path, entries, &error), 0);
    struct stat status;
    assert_int_equal(stat(self->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    json_t *read = mesh_discovery_read(self->path, &complaint);
    assert_null(complaint);
    assert_true(json_equal(read, entries));
    json_decref(read);
    json_decref(entries);
}

static void
a_file_that_cannot_be_written_is_told_and_leaves_nothing(void **state)
{
    bench_t *self = *state;
    char *error = NULL;
    json_t *entries = json_array();
    char *nowhere = temp_dir_file(self->dir, "no/such/file");
    assert_int_equal(mesh_discovery_write(nowhere, entries, &error), -1);
    assert_non_null(strstr(error, nowhere));
    free(error);
    free(nowhere);
    assert_int_equal(mesh_discovery_write(self->dir, entries, &error), -1);
    free(error);
    json_decref(entries);
}

static void
a_damaged_file_is_complained_about_and_survived(void **state)
{
    bench_t *self = *state;
    static const char *const texts[] = {"", "[", "{\"a\":1}", "7", "[{}] x", "\xff\xfe"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(self->path, texts[i], 1);
        assert_complaint(self->path);
    }
    assert_complaint(self->dir);
}

static void
a_file_past_its_limit_is_complained_about(void **state)
{
    bench_t *self = *state;
    write_text(self->path, "                ", MESH_DISCOVERY_LIMIT / 16 + 1);
    assert_complaint(self->path);
}

static void
entries_without_what_each_must_have_are_passed_over(void **state)
{
    bench_t *self = *state;
    write_text(self->path,
               "[1, {}, {\"coordinator_id\": \"a\", \"host\": \"h\", \"port\": 1, "
               "\"transport_type\": \"sse\", \"start_time\": 5},"
               "{\"coordinator_id\": 7, \"host\": \"h\", \"port\": 1, "
               "\"transport_type\": \"sse\", \"start_time\": 5},"
               "{\"coordinator_id\": \"b\", \"host\": \"h\", \"port\": \"1\", "
               "\"transport_type\": \"sse\", \"start_time\": 5}]",
               1);
    char *complaint = NULL;
    json_t *entries = mesh_discovery_read(self->path, &complaint);
    assert_null(complaint);
    assert_int_equal(json_array_size(entries), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(entries, 0), "coordinator_id")), "a");
    json_decref(entries);
}

static void
an_entry_whose_lock_cannot_be_seen_lives_for_thirty_seconds_after_its_heartbeat(void **state)
{
    (void) state;
    json_t *entry = broker_entry(0, 70, "ipc:///c");
    assert_int_equal(mesh_discovery_life(entry, 100), MESH_DISCOVERY_LIVE);
    assert_int_equal(mesh_discovery_life(entry, 100.5), MESH_DISCOVERY_SILENT);
    json_decref(entry);
}

static void
a_host_that_stands_for_all_is_read_as_the_entrys_own(void **state)
{
    (void) state;
    json_t *entry = broker_entry(0, 99, "tcp://*:5773");
    json_object_set_new(entry, "host", json_string("build-7"));
    char *endpoint = mesh_discovery_control_endpoint(entry);
    assert_string_equal(endpoint, "tcp://build-7:5773");
    free(endpoint);
    json_decref(entry);
}

static void
an_sse_bridge_or_a_broker_without_endpoints_is_no_broker_to_go_to(void **state)
{
    (void) state;
    json_t *sse = broker_entry(1, 99, "ipc:///c"), *none = broker_entry(1, 99, "ipc:///c");
    json_object_set_new(sse, "transport_type", json_string("sse"));
    json_object_set_new(none, "metadata", json_integer(7));
    assert_null(mesh_discovery_control_endpoint(sse));
    assert_null(mesh_discovery_control_endpoint(none));
    json_decref(sse);
    json_decref(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(where_there_is_no_file_there_is_nobody_and_no_complaint),
        TEST(what_is_written_is_read_by_its_owner_alone),
        TEST(a_file_that_cannot_be_written_is_told_and_leaves_nothing),
        TEST(a_damaged_file_is_complained_about_and_survived),
        TEST(a_file_past_its_limit_is_complained_about),
        TEST(entries_without_what_each_must_have_are_passed_over),
        TEST(an_entry_whose_lock_cannot_be_seen_lives_for_thirty_seconds_after_its_heartbeat),
        TEST(a_host_that_stands_for_all_is_read_as_the_entrys_own),
        TEST(an_sse_bridge_or_a_broker_without_endpoints_is_no_broker_to_go_to),
    };
    return cmocka_run_group_tests_name("discovery", tests, NULL, NULL);
}
