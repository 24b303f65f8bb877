// test_aider_patterns - which kind of line AIDER has printed, and how it writes numbers
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "aider_patterns.h"

#include <string.h>

static void
expect_kind(const char *line, aider_line_kind_t kind, const char *text)
{
    const char *have;
    assert_int_equal(aider_patterns_line(line, &have), kind);
    if (text)
        assert_string_equal(have, text);
}

static void
lines_are_known_by_how_they_begin_and_end(void **state)
{
    (void) state;
    expect_kind("", AIDER_LINE_BLANK, NULL);
    expect_kind("──────", AIDER_LINE_BLANK, NULL);
    expect_kind("Aider v0.86.2", AIDER_LINE_VERSION, "0.86.2");
    expect_kind("Main model: x with diff edit format", AIDER_LINE_MODEL,
                "x with diff edit format");
    expect_kind("Retrying in 0.2 seconds...", AIDER_LINE_RETRYING, NULL);
    expect_kind("Tokens: 1.2k sent, 4 received.", AIDER_LINE_TOKENS, NULL);
    expect_kind("Applied edit to a b.py", AIDER_LINE_EDIT, "a b.py");
    expect_kind("Commit 9bb1efb fix: x", AIDER_LINE_COMMIT, "9bb1efb fix: x");
    expect_kind("Added a.py to the chat (read-only).", AIDER_LINE_FILE_ADDED, NULL);
    expect_kind("Added 3 lines of output to the chat.", AIDER_LINE_SHELL, NULL);
    expect_kind("https://x.org/y", AIDER_LINE_URL, NULL);
    expect_kind("Open URL for more info? (Y)es/(N)o [Yes]: y", AIDER_LINE_CONFIRM, NULL);
}

static void
sentences_of_a_reply_are_none_of_these(void **state)
{
    (void) state;
    expect_kind("Commit your changes first.", AIDER_LINE_OTHER, NULL);
    expect_kind("Commit deadbeefs to memory", AIDER_LINE_OTHER, NULL);
    expect_kind("Tokens: many were sent", AIDER_LINE_OTHER, NULL);
    expect_kind("Retrying in vain", AIDER_LINE_OTHER, NULL);
    expect_kind("    Applied edit to a.py", AIDER_LINE_OTHER, NULL);
    expect_kind("Added the file", AIDER_LINE_OTHER, NULL);
    expect_kind("see https://x.org/y", AIDER_LINE_OTHER, NULL);
}

static void
a_prompt_is_known_with_and_without_what_is_typed(void **state)
{
    (void) state;
    const char *typed;
    assert_true(aider_patterns_prompt("> ", &typed));
    assert_string_equal(typed, "");
    assert_true(aider_patterns_prompt("ask> why", &typed));
    assert_string_equal(typed, "why");
    assert_true(aider_patterns_prompt("architect multi> ", &typed));
    assert_true(aider_patterns_prompt(">", &typed));
    assert_false(aider_patterns_prompt("a -> b", &typed));
    assert_false(aider_patterns_prompt(">>> print", &typed));
    assert_false(aider_patterns_prompt("", &typed));
}

static void
counts_are_read_as_aider_shortens_them(void **state)
{
    (void) state;
    const char *end;
    assert_int_equal(aider_patterns_count("761 sent", &end), 761);
    assert_string_equal(end, " sent");
    assert_int_equal(aider_patterns_count("1.2k sent", &end), 1200);
    assert_int_equal(aider_patterns_count("12k", &end), 12000);
    assert_int_equal(aider_patterns_count("none", &end), -1);
    assert_int_equal(aider_patterns_count("12345678901234567890", &end), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_known_by_how_they_begin_and_end),
        cmocka_unit_test(sentences_of_a_reply_are_none_of_these),
        cmocka_unit_test(a_prompt_is_known_with_and_without_what_is_typed),
        cmocka_unit_test(counts_are_read_as_aider_shortens_them),
    };
    return cmocka_run_group_tests_name("aider_patterns", tests, NULL, NULL);
}
