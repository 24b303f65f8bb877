// test_cursor - what cursors promise
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "mesh/cursor.h"

static void
a_cursor_is_sixteen_hexadecimal_digits_a_dash_and_a_number(void **state)
{
    (void) state;
    char text[MESH_CURSOR_SIZE];
    mesh_cursor_format(&(mesh_cursor_t){0x00c0ffee00c0ffee, 42}, text);
    assert_string_equal(text, "00c0ffee00c0ffee-42");
}

static void
what_is_written_is_read_back(void **state)
{
    (void) state;
    const mesh_cursor_t cursors[] = {{0, 0},
                                     {1, 1},
                                     {UINT64_MAX, UINT64_MAX},
                                     {0x123456789abcdef0, 10},
                                     {7, UINT64_MAX - 1}};
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        char text[MESH_CURSOR_SIZE];
        mesh_cursor_t read;
        mesh_cursor_format(&cursors[i], text);
        assert_int_equal(mesh_cursor_parse(&read, text), 0);
        assert_int_equal(read.epoch, cursors[i].epoch);
        assert_int_equal(read.offset, cursors[i].offset);
    }
}

static void
anything_else_is_refused_and_changes_nothing(void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",
        "-",
        "42",
        "00c0ffee00c0ffee",
        "00c0ffee00c0ffee-",
        "00C0FFEE00C0FFEE-1",
        "00c0ffee00c0ffe-1",
        "000c0ffee00c0ffee-1",
        "00c0ffee00c0ffee-01",
        "00c0ffee00c0ffee--1",
        "00c0ffee00c0ffee-+1",
        "00c0ffee00c0ffee-1 ",
        " 00c0ffee00c0ffee-1",
        "00c0ffee00c0ffee-0x1",
        "00c0ffee00c0ffee-18446744073709551616",
        "00c0ffee00c0ffee-99999999999999999999",
        "00c0ffee00c0ffee-184467440737095516150",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mesh_cursor_t read = {5, 6};
        if (mesh_cursor_parse(&read, wrong[i]) != -1)
            fail_msg("\"%s\" was read", wrong[i]);
        assert_int_equal(read.epoch, 5);
        assert_int_equal(read.offset, 6);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_is_sixteen_hexadecimal_digits_a_dash_and_a_number),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(anything_else_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
