// test_uuid - what UUIDs promise
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>
#include <time.h>

#include "mesh/uuid.h"

static uint64_t
unix_ms_of(const mesh_uuid_t *uuid)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | uuid->bytes[i];
    return ms;
}

static uint64_t
unix_ms_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void
a_new_uuid_says_version_7_and_the_rfc_variant(void **state)
{
    (void) state;
    for (int i = 0; i < 1000; i++) {
        mesh_uuid_t uuid = mesh_uuid_new();
        assert_int_equal(uuid.bytes[6] >> 4, 7);
        assert_int_equal(uuid.bytes[8] >> 6, 2);
    }
}

static void
a_new_uuid_begins_with_the_time_it_was_made(void **state)
{
    (void) state;
    uint64_t before = unix_ms_now();
    mesh_uuid_t uuid = mesh_uuid_new();
    uint64_t after = unix_ms_now();
    assert_in_range(unix_ms_of(&uuid), before, after);
}

static void
of_two_a_millisecond_apart_the_later_sorts_after(void **state)
{
    (void) state;
    mesh_uuid_t first = mesh_uuid_new();
    mesh_uuid_t second = mesh_uuid_new();
    while (unix_ms_of(&second) == unix_ms_of(&first))
        second = mesh_uuid_new();
    char first_text[MESH_UUID_TEXT_SIZE], second_text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&first, first_text);
    mesh_uuid_format(&second, second_text);
    assert_true(memcmp(first.bytes, second.bytes, sizeof first.bytes) < 0);
    assert_true(strcmp(first_text, second_text) < 0);
}

static void
no_two_of_many_are_equal(void **state)
{
    (void) state;
    enum { MANY = 1000 };
    static mesh_uuid_t made[MANY];
    for (int i = 0; i < MANY; i++) {
        made[i] = mesh_uuid_new();
        for (int j = 0; j < i; j++)
            assert_false(mesh_uuid_equal(&made[i], &made[j]));
    }
}

static void
what_is_formatted_is_parsed_back(void **state)
{
    (void) state;
    const mesh_uuid_t uuid = {{0x01, 0x8f, 0x3a, 0x2b, 0x4c, 0x5d, 0x7e, 0x6f, 0x80, 0x01, 0x02,
                               0x03, 0x04, 0x05, 0x06, 0xff}};
    char text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&uuid, text);
    assert_string_equal(text, "018f3a2b-4c5d-7e6f-8001-0203040506ff");

    mesh_uuid_t parsed;
    assert_int_equal(mesh_uuid_parse(&parsed, text), 0);
    assert_true(mesh_uuid_equal(&parsed, &uuid));
    assert_int_equal(mesh_uuid_parse(&parsed, "018F3A2B-4C5D-7E6F-8001-0203040506FF"), 0);
    assert_true(mesh_uuid_equal(&parsed, &uuid));
}

static void
anything_but_the_36_characters_is_refused_and_changes_nothing(void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",
        "0",
        "018f3a2b-4c5d-7e6f-8001-0203040506f",
        "018f3a2b-4c5d-7e6f-8001-0203040506ff0",
        "018f3a2b-4c5d-7e6f-8001-0203040506ff ",
        " 018f3a2b-4c5d-7e6f-8001-0203040506ff",
        "018f3a2b+4c5d-7e6f-8001-0203040506ff",
        "018f3a2b4c5d7e6f80010203040506ff",
        "018f3a2b-4c5d-7e6f-8001-0203040506fg",
        "{18f3a2b-4c5d-7e6f-8001-0203040506ff",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mesh_uuid_t uuid = {{42}};
        assert_int_equal(mesh_uuid_parse(&uuid, wrong[i]), -1);
        assert_int_equal(uuid.bytes[0], 42);
    }
}

static void
only_zero_is_zero(void **state)
{
    (void) state;
    mesh_uuid_t uuid = {{0}};
    assert_true(mesh_uuid_is_zero(&uuid));
    uuid.bytes[15] = 1;
    assert_false(mesh_uuid_is_zero(&uuid));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_uuid_says_version_7_and_the_rfc_variant),
        cmocka_unit_test(a_new_uuid_begins_with_the_time_it_was_made),
        cmocka_unit_test(of_two_a_millisecond_apart_the_later_sorts_after),
        cmocka_unit_test(no_two_of_many_are_equal),
        cmocka_unit_test(what_is_formatted_is_parsed_back),
        cmocka_unit_test(anything_but_the_36_characters_is_refused_and_changes_nothing),
        cmocka_unit_test(only_zero_is_zero),
    };
    return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
