// test_beacon - the bytes of a beacon, its keyed hash, and which beacons are obeyed
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/beacon.h"
#include "mesh/beacon_table.h"

#define NOW_MS 1795349840000

static const uint8_t secret[MESH_BEACON_SECRET_BYTES] = {1, 2, 3};

static mesh_beacon_t
a_beacon(void)
{
    mesh_beacon_t beacon = {
        .time_ms = NOW_MS,
        .counter = 1,
        .mesh_id = "default",
        .endpoint = "tcp://10.77.0.1:5773",
    };
    for (size_t i = 0; i < sizeof beacon.broker.bytes; i++)
        beacon.broker.bytes[i] = (uint8_t) (0xa0 + i);
    for (size_t i = 0; i < sizeof beacon.server_key; i++)
        beacon.server_key[i] = (uint8_t) i;
    return beacon;
}

static mesh_beacon_outcome_t
take(mesh_beacon_table_t *table, const mesh_beacon_t *beacon, int64_t unix_ms)
{
    uint8_t bytes[MESH_BEACON_LIMIT];
    size_t size = mesh_beacon_encode(beacon, secret, bytes);
    assert_true(size > 0);
    mesh_beacon_t read;
    return mesh_beacon_table_take(table, bytes, size, unix_ms, &read);
}

static void
what_is_written_is_read(void **state)
{
    (void) state;
    mesh_beacon_t beacon = a_beacon(), read;
    uint8_t bytes[MESH_BEACON_LIMIT];
    size_t size = mesh_beacon_encode(&beacon, secret, bytes);
    assert_int_equal(mesh_beacon_decode(&read, bytes, size), MESH_BEACON_OK);
    assert_true(mesh_beacon_is_authentic(bytes, size, secret));
    assert_string_equal(read.mesh_id, beacon.mesh_id);
    assert_string_equal(read.endpoint, beacon.endpoint);
    assert_int_equal(read.time_ms, beacon.time_ms);
    assert_int_equal(read.counter, beacon.counter);
    assert_memory_equal(read.broker.bytes, beacon.broker.bytes, sizeof read.broker.bytes);
    assert_memory_equal(read.server_key, beacon.server_key, sizeof read.server_key);
}

// The vector of docs/PROTOCOL.md, made by another program.
static void
the_bytes_are_those_of_the_vector(void **state)
{
    (void) state;
    uint8_t expected[MESH_BEACON_LIMIT], bytes[MESH_BEACON_LIMIT];
    FILE *file = fopen(TEST_FIXTURES "/wire/beacon", "rb");
    assert_non_null(file);
    size_t expected_size = fread(expected, 1, sizeof expected, file);
    fclose(file);
    mesh_beacon_t beacon = a_beacon();
    size_t size = mesh_beacon_encode(&beacon, secret, bytes);
    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
}

static void
the_longest_beacon_is_of_255_bytes_and_no_longer_one_is_made(void **state)
{
    (void) state;
    mesh_beacon_t beacon = a_beacon(), read;
    uint8_t bytes[MESH_BEACON_LIMIT];
    memset(beacon.mesh_id, 'm', MESH_BEACON_MESH_ID_LIMIT);
    memset(beacon.endpoint, '1', MESH_BEACON_ENDPOINT_LIMIT);
    memcpy(beacon.endpoint, "tcp://", 6);
    assert_int_equal(mesh_beacon_encode(&beacon, secret, bytes), MESH_BEACON_LIMIT);
    assert_int_equal(mesh_beacon_decode(&read, bytes, MESH_BEACON_LIMIT), MESH_BEACON_OK);
    beacon.endpoint[0] = '\0';
    assert_int_equal(mesh_beacon_encode(&beacon, secret, bytes), 0);
    beacon = a_beacon();
    beacon.mesh_id[0] = '\0';
    assert_int_equal(mesh_beacon_encode(&beacon, secret, bytes), 0);
}

static void
no_part_of_a_beacon_is_one(void **state)
{
    (void) state;
    mesh_beacon_t beacon = a_beacon(), read;
    uint8_t bytes[MESH_BEACON_LIMIT + 1] = {0};
    size_t size = mesh_beacon_encode(&beacon, secret, bytes);
    for (size_t part = 0; part < size; part++)
        assert_int_not_equal(mesh_beacon_decode(&read, bytes, part), MESH_BEACON_OK);
    assert_int_not_equal(mesh_beacon_decode(&read, bytes, size + 1), MESH_BEACON_OK);
}

static void
a_beacon_with_one_bit_changed_is_not_obeyed(void **state)
{
    (void) state;
    mesh_beacon_t beacon = a_beacon(), read;
    uint8_t bytes[MESH_BEACON_LIMIT];
    size_t size = mesh_beacon_encode(&beacon, secret, bytes);
    mesh_beacon_table_t *table = mesh_beacon_table_new("default", secret);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t) (1U << bit % 8);
        assert_int_not_equal(mesh_beacon_table_take(table, bytes, size, NOW_MS, &read),
                             MESH_BEACON_OK);
        bytes[bit / 8] ^= (uint8_t) (1U << bit % 8);
    }
    assert_int_equal(mesh_beacon_table_take(table, bytes, size, NOW_MS, &read), MESH_BEACON_OK);
    mesh_beacon_table_destroy(&table);
}

static void
another_version_is_told_from_garbage(void **state)
{
    (void) state;
    mesh_beacon_t beacon = a_beacon(), read;
    uint8_t bytes[MESH_BEACON_LIMIT];
    size_t size = mesh_beacon_encode(&beacon, secret, bytes);
    bytes[4] = 2;
    assert_int_equal(mesh_beacon_decode(&read, bytes, size), MESH_BEACON_OTHER_VERSION);
    bytes[0] = 'X';
    assert_int_equal(mesh_beacon_decode(&read, bytes, size), MESH_BEACON_MALFORMED);
}

static void
control_characters_do_not_pass_into_a_log(void **state)
{
    (void) state;
    mesh_beacon_t beacon = a_beacon(), read;
    uint8_t bytes[MESH_BEACON_LIMIT];
    beacon.mesh_id[0] = '\n';
    size_t size = mesh_beacon_encode(&beacon, secret, bytes);
    assert_int_equal(mesh_beacon_decode(&read, bytes, size), MESH_BEACON_MALFORMED);
}

static void
another_mesh_and_another_secret_are_counted_apart(void **state)
{
    (void) state;
    uint8_t other_secret[MESH_BEACON_SECRET_BYTES] = {9};
    mesh_beacon_table_t *other_name = mesh_beacon_table_new("other", secret);
    mesh_beacon_table_t *other_key = mesh_beacon_table_new("default", other_secret);
    mesh_beacon_t beacon = a_beacon();
    assert_int_equal(take(other_name, &beacon, NOW_MS), MESH_BEACON_OTHER_MESH);
    assert_int_equal(take(other_key, &beacon, NOW_MS), MESH_BEACON_WRONG_HASH);
    assert_int_equal(take(other_key, &beacon, NOW_MS), MESH_BEACON_WRONG_HASH);
    assert_int_equal(mesh_beacon_table_count(other_name, MESH_BEACON_OTHER_MESH), 1);
    assert_int_equal(mesh_beacon_table_count(other_key, MESH_BEACON_WRONG_HASH), 2);
    assert_int_equal(mesh_beacon_table_count(other_key, MESH_BEACON_OK), 0);
    mesh_beacon_table_destroy(&other_name);
    mesh_beacon_table_destroy(&other_key);
}

static void
a_clock_120_seconds_away_is_just_near_enough(void **state)
{
    (void) state;
    mesh_beacon_table_t *table = mesh_beacon_table_new("default", secret);
    mesh_beacon_t beacon = a_beacon();
    assert_int_equal(take(table, &beacon, NOW_MS + MESH_BEACON_SKEW_MS + 1),
                     MESH_BEACON_SKEWED);
    assert_int_equal(take(table, &beacon, NOW_MS - MESH_BEACON_SKEW_MS - 1),
                     MESH_BEACON_SKEWED);
    assert_int_equal(take(table, &beacon, NOW_MS + MESH_BEACON_SKEW_MS), MESH_BEACON_OK);
    beacon.counter++;
    assert_int_equal(take(table, &beacon, NOW_MS - MESH_BEACON_SKEW_MS), MESH_BEACON_OK);
    mesh_beacon_table_destroy(&table);
}

static void
a_beacon_that_comes_again_is_replayed_whatever_came_between(void **state)
{
    (void) state;
    mesh_beacon_table_t *table = mesh_beacon_table_new("default", secret);
    mesh_beacon_t beacon = a_beacon();
    mesh_beacon_t other = a_beacon();
    other.broker.bytes[0]++;
    assert_int_equal(take(table, &beacon, NOW_MS), MESH_BEACON_OK);
    assert_int_equal(take(table, &beacon, NOW_MS), MESH_BEACON_REPLAYED);
    assert_int_equal(take(table, &other, NOW_MS), MESH_BEACON_OK);
    beacon.counter = 10;
    assert_int_equal(take(table, &beacon, NOW_MS), MESH_BEACON_OK);
    beacon.counter = 9;
    assert_int_equal(take(table, &beacon, NOW_MS), MESH_BEACON_REPLAYED);
    assert_int_equal(mesh_beacon_table_count(table, MESH_BEACON_REPLAYED), 2);
    mesh_beacon_table_destroy(&table);
}

static void
room_is_made_only_by_brokers_whose_beacons_are_too_old_to_replay(void **state)
{
    (void) state;
    mesh_beacon_table_t *table = mesh_beacon_table_new("default", secret);
    mesh_beacon_t beacon = a_beacon();
    for (int i = 0; i < MESH_BEACON_BROKERS_LIMIT; i++) {
        beacon.broker.bytes[0] = (uint8_t) i;
        assert_int_equal(take(table, &beacon, NOW_MS), MESH_BEACON_OK);
    }
    beacon.broker.bytes[0] = 200;
    assert_int_equal(take(table, &beacon, NOW_MS), MESH_BEACON_CROWDED);
    beacon.time_ms = NOW_MS + MESH_BEACON_SKEW_MS + 1;
    assert_int_equal(take(table, &beacon, beacon.time_ms), MESH_BEACON_OK);
    mesh_beacon_t first = a_beacon();
    first.broker.bytes[0] = 0;
    assert_int_equal(take(table, &first, beacon.time_ms), MESH_BEACON_SKEWED);
    mesh_beacon_table_destroy(&table);
}

static void
every_outcome_has_a_name(void **state)
{
    (void) state;
    for (mesh_beacon_outcome_t i = MESH_BEACON_OK; i < MESH_BEACON_OUTCOMES; i++)
        assert_true(strlen(mesh_beacon_outcome_name(i)) > 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_bytes_are_those_of_the_vector),
        cmocka_unit_test(the_longest_beacon_is_of_255_bytes_and_no_longer_one_is_made),
        cmocka_unit_test(no_part_of_a_beacon_is_one),
        cmocka_unit_test(a_beacon_with_one_bit_changed_is_not_obeyed),
        cmocka_unit_test(another_version_is_told_from_garbage),
        cmocka_unit_test(control_characters_do_not_pass_into_a_log),
        cmocka_unit_test(another_mesh_and_another_secret_are_counted_apart),
        cmocka_unit_test(a_clock_120_seconds_away_is_just_near_enough),
        cmocka_unit_test(a_beacon_that_comes_again_is_replayed_whatever_came_between),
        cmocka_unit_test(room_is_made_only_by_brokers_whose_beacons_are_too_old_to_replay),
        cmocka_unit_test(every_outcome_has_a_name),
    };
    return cmocka_run_group_tests_name("beacon", tests, NULL, NULL);
}
