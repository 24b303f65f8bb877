// test_plain_lines - lines out of a relayed stream
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "plain_lines.h"

static char heard[1000];

static void
on_line(void *arg, const char *line)
{
    (void) arg;
    size_t size = strlen(heard);
    (void) snprintf(heard + size, sizeof heard - size, "%s|", line);
}

static void
feed(plain_lines_t *lines, const char *text, uint64_t lost_bytes)
{
    plain_lines_feed(lines, (const uint8_t *) text, strlen(text), lost_bytes);
}

static void
lines_come_out_as_a_person_reads_them(void **state)
{
    (void) state;
    heard[0] = '\0';
    plain_lines_t *lines = plain_lines_new(100, on_line, NULL);
    feed(lines, "\033[31mred\033[0m\r\nsecond\nun", 0);
    assert_string_equal(heard, "red|second|");
    assert_string_equal(plain_lines_partial(lines), "un");
    feed(lines, "finished\n", 0);
    assert_string_equal(heard, "red|second|unfinished|");
    assert_string_equal(plain_lines_partial(lines), "");
    plain_lines_finish(lines);
    assert_string_equal(heard, "red|second|unfinished|");
    plain_lines_destroy(&lines);
    assert_null(lines);
}

static void
a_hole_never_joins_two_lines_into_one(void **state)
{
    (void) state;
    heard[0] = '\0';
    plain_lines_t *lines = plain_lines_new(100, on_line, NULL);
    feed(lines, "before", 0);
    feed(lines, "after\n", 12345);
    assert_string_equal(heard, "before|after|");
    assert_int_equal(plain_lines_lost_bytes(lines), 12345);
    plain_lines_destroy(&lines);
}

static void
a_line_past_the_limit_is_cut_and_counted(void **state)
{
    (void) state;
    heard[0] = '\0';
    plain_lines_t *lines = plain_lines_new(8, on_line, NULL);
    feed(lines, "0123456789abcdef", 0);
    feed(lines, "more of it\nnext\nlast", 0);
    plain_lines_finish(lines);
    assert_string_equal(heard, "01234567|next|last|");
    assert_int_equal(plain_lines_cut(lines), 1);
    plain_lines_destroy(&lines);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_as_a_person_reads_them),
        cmocka_unit_test(a_hole_never_joins_two_lines_into_one),
        cmocka_unit_test(a_line_past_the_limit_is_cut_and_counted),
    };
    return cmocka_run_group_tests_name("plain_lines", tests, NULL, NULL);
}
