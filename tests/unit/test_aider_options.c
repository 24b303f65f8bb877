// test_aider_options - what a command line tells AIDER
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "aider_options.h"

static void
values_are_read_in_each_form(void **state)
{
    (void) state;
    static const char *const ARGV[] = {
        "aider",   "--model",     "a",         "--model=b", "--weak", "one",       "-m", "two",
        "-fthree", "--chat-mode", "architect", "--msg",     "four",   "--timeout", NULL};
    aider_options_t *options = aider_options_new(ARGV);
    assert_string_equal(aider_options_value(options, "--model"), "b");
    assert_string_equal(aider_options_value(options, "--message"), "four");
    assert_string_equal(aider_options_value(options, "--weak-model"), "one");
    assert_string_equal(aider_options_value(options, "--message-file"), "three");
    assert_string_equal(aider_options_value(options, "--edit-format"), "architect");
    assert_null(aider_options_value(options, "--timeout"));
    assert_null(aider_options_value(options, "--no-such"));
    assert_null(aider_options_file(options, false, 0));
    aider_options_destroy(&options);
    assert_null(options);
}

static void
what_is_no_option_is_a_file(void **state)
{
    (void) state;
    static const char *const ARGV[] = {"aider",        "a.py", "--read", "r.md",
                                       "--yes-always", "b.py", "--file", "--x.py",
                                       "--",           "-m",   NULL};
    aider_options_t *options = aider_options_new(ARGV);
    assert_string_equal(aider_options_file(options, false, 0), "a.py");
    assert_string_equal(aider_options_file(options, false, 1), "b.py");
    assert_string_equal(aider_options_file(options, false, 2), "--x.py");
    assert_string_equal(aider_options_file(options, false, 3), "-m");
    assert_null(aider_options_file(options, false, 4));
    assert_string_equal(aider_options_file(options, true, 0), "r.md");
    assert_true(aider_options_switch(options, "--yes-always"));
    assert_false(aider_options_switch(options, "--architect"));
    aider_options_destroy(&options);
}

static void
aider_may_stand_behind_other_words(void **state)
{
    (void) state;
    static const char *const ARGV[] = {"env",   "A=1", "python3", "-m",
                                       "aider", "-m",  "hi",      NULL};
    static const char *const RENAMED[] = {"./my-wrapper", "-m", "hi", NULL};
    static const char *const PATH[] = {"/opt/venv/bin/aider", "-m", "hi", NULL};
    const char *const *const ALL[] = {ARGV, RENAMED, PATH};
    for (size_t i = 0; i < 3; i++) {
        aider_options_t *options = aider_options_new(ALL[i]);
        assert_string_equal(aider_options_value(options, "--message"), "hi");
        assert_null(aider_options_file(options, false, 0));
        aider_options_destroy(&options);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_in_each_form),
        cmocka_unit_test(what_is_no_option_is_a_file),
        cmocka_unit_test(aider_may_stand_behind_other_words),
    };
    return cmocka_run_group_tests_name("aider_options", tests, NULL, NULL);
}
