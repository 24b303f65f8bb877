// test_payload - an event's object as text, never longer than its limit
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "mesh/payload.h"

enum { LIMIT = 1000 };

// Dump object (stolen), which must fit the limit, and read it back.
static json_t *
dumped(json_t *object, size_t limit_bytes, size_t *cut)
{
    size_t bytes = 0;
    *cut = 0;
    char *text = mesh_payload_dump(object, limit_bytes, &bytes, cut);
    json_decref(object);
    assert_non_null(text);
    assert_int_equal(strlen(text), bytes);
    assert_true(bytes <= limit_bytes);
    json_t *read = json_loads(text, 0, NULL);
    assert_non_null(read);
    free(text);
    return read;
}

static json_t *
text_of(size_t length, const char *unit)
{
    size_t unit_bytes = strlen(unit);
    char *text = malloc(length * unit_bytes + 1);
    for (size_t i = 0; i < length; i++)
        memcpy(text + i * unit_bytes, unit, unit_bytes);
    text[length * unit_bytes] = '\0';
    json_t *string = json_string(text);
    free(text);
    assert_non_null(string);
    return string;
}

static void
what_fits_is_written_compactly_and_unchanged(void **state)
{
    (void) state;
    size_t bytes, cut = 0;
    json_t *object = json_pack("{s:s, s:f}", "stage", "banner", "estimated_delay", 0.25);
    char *text = mesh_payload_dump(object, LIMIT, &bytes, &cut);
    assert_string_equal(text, "{\"stage\":\"banner\",\"estimated_delay\":0.25}");
    assert_int_equal(cut, 0);
    free(text);
    json_decref(object);
}

static void
microseconds_of_a_timestamp_are_kept(void **state)
{
    (void) state;
    size_t cut;
    json_t *read = dumped(json_pack("{s:f}", "timestamp", 1721217600.123456), LIMIT, &cut);
    double timestamp = json_real_value(json_object_get(read, "timestamp"));
    assert_true(timestamp > 1721217600.1234555 && timestamp < 1721217600.1234565);
    json_decref(read);
}

static void
the_longest_string_is_cut_and_says_so(void **state)
{
    (void) state;
    size_t cut;
    json_t *read = dumped(json_pack("{s:s, s:o, s:o}", "a", "short", "b", text_of(300, "b"),
                                    "c", text_of(5000, "c")),
                          LIMIT, &cut);
    assert_int_equal(cut, 1);
    assert_string_equal(json_string_value(json_object_get(read, "a")), "short");
    assert_int_equal(json_string_length(json_object_get(read, "b")), 300);
    const char *shorter = json_string_value(json_object_get(read, "c"));
    assert_in_range(strlen(shorter), 500, LIMIT);
    assert_string_equal(shorter + strlen(shorter) - 3, "\xe2\x80\xa6");
    json_decref(read);
}

static void
strings_of_objects_and_arrays_within_are_cut_too(void **state)
{
    (void) state;
    size_t cut;
    json_t *read = dumped(
        json_pack("{s:{s:[s, o]}}", "outer", "inner", "x", text_of(5000, "y")), LIMIT, &cut);
    assert_int_equal(cut, 1);
    json_decref(read);
}

static void
a_string_is_cut_at_a_character(void **state)
{
    (void) state;
    for (size_t limit = 900; limit < 910; limit++) {
        size_t cut;
        json_t *read =
            dumped(json_pack("{s:o}", "t", text_of(500, "\xf0\x9f\x98\x80")), limit, &cut);
        assert_int_equal(cut, 1);
        json_decref(read);
    }
}

static void
what_grows_when_it_is_escaped_is_cut_until_it_fits(void **state)
{
    (void) state;
    size_t cut;
    json_t *read =
        dumped(json_pack("{s:o, s:o}", "t", text_of(3000, "\x01"), "u", text_of(900, "\"")),
               LIMIT, &cut);
    assert_true(cut >= 2);
    json_decref(read);
}

static void
what_cannot_be_cut_to_the_limit_is_refused(void **state)
{
    (void) state;
    size_t bytes, cut = 0;
    json_t *object = json_object();
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "member%d", i);
        json_object_set_new(object, name, text_of(64, "x"));
    }
    assert_null(mesh_payload_dump(object, LIMIT, &bytes, &cut));
    json_decref(object);
    object = json_array();
    assert_null(mesh_payload_dump(object, LIMIT, &bytes, &cut));
    assert_null(mesh_payload_dump(NULL, LIMIT, &bytes, &cut));
    json_decref(object);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_written_compactly_and_unchanged),
        cmocka_unit_test(microseconds_of_a_timestamp_are_kept),
        cmocka_unit_test(the_longest_string_is_cut_and_says_so),
        cmocka_unit_test(strings_of_objects_and_arrays_within_are_cut_too),
        cmocka_unit_test(a_string_is_cut_at_a_character),
        cmocka_unit_test(what_grows_when_it_is_escaped_is_cut_until_it_fits),
        cmocka_unit_test(what_cannot_be_cut_to_the_limit_is_refused),
    };
    return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
