// test_cli - which verb a mistyped one meant
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "cli.h"

static void
a_mistyped_verb_is_near_the_one_that_was_meant(void **state)
{
    (void) state;
    assert_string_equal(cli_nearest_verb("tial"), "tail");
    assert_string_equal(cli_nearest_verb("tails"), "tail");
    assert_string_equal(cli_nearest_verb("tokens"), "token");
    assert_string_equal(cli_nearest_verb("rnu"), "run");
    assert_string_equal(cli_nearest_verb("upp"), "up");
    assert_string_equal(cli_nearest_verb("ups"), "up");
}

static void
any_word_has_a_nearest_verb(void **state)
{
    (void) state;
    assert_non_null(cli_nearest_verb(""));
    assert_non_null(
        cli_nearest_verb("\xFF a very long word, longer than what is compared, by far"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistyped_verb_is_near_the_one_that_was_meant),
        cmocka_unit_test(any_word_has_a_nearest_verb),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
