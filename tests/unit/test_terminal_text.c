// test_terminal_text - what a person would read
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "terminal_text.h"

#include <string.h>

static void
expect(const char *bytes, size_t size, const char *want)
{
    terminal_text_t *text = terminal_text_new();
    size_t length;
    const char *have = terminal_text_plain(text, bytes, size, &length);
    assert_string_equal(have, want);
    assert_int_equal(length, strlen(want));
    terminal_text_destroy(&text);
    assert_null(text);
}

static void
expect_line(const char *bytes, const char *want)
{
    expect(bytes, strlen(bytes), want);
}

static void
plain_text_stays_as_it_is(void **state)
{
    (void) state;
    expect_line("", "");
    expect_line("Tokens: 761 sent,\t4 received.", "Tokens: 761 sent,\t4 received.");
    expect_line("grün – 日本 🦀", "grün – 日本 🦀");
}

static void
colours_and_titles_are_taken_out(void **state)
{
    (void) state;
    expect_line("\x1b[38;5;196mno\x1b[0m way", "no way");
    expect_line("\x1b]0;a title\x07text", "text");
    expect_line("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link");
    expect_line("\x1b(Bascii\x1b=", "ascii");
    expect_line("cut short\x1b[38;5", "cut short");
    expect_line("cut short\x1b]0;title", "cut short");
}

static void
what_is_written_later_covers_what_stood_there(void **state)
{
    (void) state;
    expect_line("Waiting\rDone", "Doneing");
    expect_line("abc\b\bX", "aXc");
    expect_line("\b\babc", "abc");
    expect_line("spinner\r       \rtext", "text   ");
    expect_line("spinner\r\x1b[K", "");
    expect_line("Waiting\r", "Waiting");
}

static void
control_characters_go(void **state)
{
    (void) state;
    expect_line("bell\x07 and\x01 more\x7f\xc2\x9b", "bell and more");
    expect("a\0b", 3, "ab");
}

static void
what_is_not_utf8_is_replaced(void **state)
{
    (void) state;
    expect_line("\xff", "\xef\xbf\xbd");
    expect_line("a\xc3", "a\xef\xbf\xbd");
    expect_line("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");                    // overlong
    expect_line("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");    // surrogate
    expect_line("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    expect_line("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays_as_it_is),
        cmocka_unit_test(colours_and_titles_are_taken_out),
        cmocka_unit_test(what_is_written_later_covers_what_stood_there),
        cmocka_unit_test(control_characters_go),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
    };
    return cmocka_run_group_tests_name("terminal_text", tests, NULL, NULL);
}
