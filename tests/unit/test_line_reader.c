// test_line_reader - bytes in, lines out
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "line_reader.h"

#include <string.h>

static void
feed(line_reader_t *reader, const char *text)
{
    line_reader_feed(reader, text, strlen(text));
}

static void
expect(line_reader_t *reader, line_reader_outcome_t outcome, const char *text)
{
    const char *line;
    size_t size;
    assert_int_equal(line_reader_next(reader, &line, &size), outcome);
    assert_string_equal(line, text);
    assert_int_equal(size, strlen(text));
}

static void
a_line_ends_at_a_newline_without_it_and_its_cr(void **state)
{
    (void) state;
    line_reader_t *reader = line_reader_new(100);
    feed(reader, "one\ntwo\r\n\nthr\ree\n");
    expect(reader, LINE_READER_LINE, "one");
    expect(reader, LINE_READER_LINE, "two");
    expect(reader, LINE_READER_LINE, "");
    expect(reader, LINE_READER_LINE, "thr\ree");
    expect(reader, LINE_READER_NEED_MORE, "");
    line_reader_destroy(&reader);
    assert_null(reader);
}

static void
a_line_in_pieces_is_one_line(void **state)
{
    (void) state;
    line_reader_t *reader = line_reader_new(100);
    feed(reader, "caf\xc3");
    expect(reader, LINE_READER_NEED_MORE, "");
    feed(reader, "\xa9");
    expect(reader, LINE_READER_NEED_MORE, "");
    feed(reader, "!\nnext");
    expect(reader, LINE_READER_LINE, "caf\xc3\xa9!");
    expect(reader, LINE_READER_NEED_MORE, "");
    line_reader_destroy(&reader);
}

static void
the_unfinished_line_can_be_seen_before_it_ends(void **state)
{
    (void) state;
    line_reader_t *reader = line_reader_new(100);
    size_t size;
    assert_string_equal(line_reader_partial(reader, &size), "");
    feed(reader, "a.py\n> ");
    expect(reader, LINE_READER_LINE, "a.py");
    expect(reader, LINE_READER_NEED_MORE, "");
    assert_string_equal(line_reader_partial(reader, &size), "> ");
    assert_int_equal(size, 2);
    feed(reader, "hello\n");
    expect(reader, LINE_READER_LINE, "> hello");
    line_reader_destroy(&reader);
}

static void
a_line_as_long_as_the_limit_is_whole(void **state)
{
    (void) state;
    line_reader_t *reader = line_reader_new(4);
    feed(reader, "1234\n12345\n");
    expect(reader, LINE_READER_LINE, "1234");
    expect(reader, LINE_READER_TOO_LONG, "1234");
    expect(reader, LINE_READER_NEED_MORE, "");
    line_reader_destroy(&reader);
}

static void
a_line_past_the_limit_is_told_once_and_skipped_to_its_end(void **state)
{
    (void) state;
    line_reader_t *reader = line_reader_new(4);
    feed(reader, "12345");
    expect(reader, LINE_READER_TOO_LONG, "1234");
    expect(reader, LINE_READER_NEED_MORE, "");
    size_t size;
    assert_string_equal(line_reader_partial(reader, &size), "");
    for (int i = 0; i < 1000; i++) {
        feed(reader, "and on and on");
        expect(reader, LINE_READER_NEED_MORE, "");
    }
    feed(reader, "end\nok\n");
    expect(reader, LINE_READER_LINE, "ok");
    line_reader_destroy(&reader);
}

static void
a_nul_is_a_byte_like_others(void **state)
{
    (void) state;
    line_reader_t *reader = line_reader_new(100);
    line_reader_feed(reader, "a\0b\n", 4);
    const char *line;
    size_t size;
    assert_int_equal(line_reader_next(reader, &line, &size), LINE_READER_LINE);
    assert_int_equal(size, 3);
    assert_memory_equal(line, "a\0b", 4);
    line_reader_destroy(&reader);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_ends_at_a_newline_without_it_and_its_cr),
        cmocka_unit_test(a_line_in_pieces_is_one_line),
        cmocka_unit_test(the_unfinished_line_can_be_seen_before_it_ends),
        cmocka_unit_test(a_line_as_long_as_the_limit_is_whole),
        cmocka_unit_test(a_line_past_the_limit_is_told_once_and_skipped_to_its_end),
        cmocka_unit_test(a_nul_is_a_byte_like_others),
    };
    return cmocka_run_group_tests_name("line_reader", tests, NULL, NULL);
}
