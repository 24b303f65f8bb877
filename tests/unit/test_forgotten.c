// test_forgotten - which sessions are let go, and which of many is remembered no more
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "forgotten.h"

enum { LIMIT = 3 };

static int
setup(void **state)
{
    *state = forgotten_new(LIMIT);
    return 0;
}

static int
teardown(void **state)
{
    forgotten_t *self = *state;
    forgotten_destroy(&self);
    assert_null(self);
    forgotten_destroy(&self);
    return 0;
}

// All of them, in the order of the walk, with a blank behind each.
static void
assert_are(forgotten_t *self, const char *expected)
{
    char text[256] = "";
    size_t used = 0;
    for (const char *session = forgotten_first(self); session; session = forgotten_next(self))
        used += (size_t) snprintf(text + used, sizeof text - used, "%s ", session);
    assert_string_equal(text, expected);
}

static void
nothing_is_forgotten_at_first(void **state)
{
    assert_false(forgotten_has(*state, "a"));
    assert_int_equal(forgotten_size(*state), 0);
    assert_null(forgotten_first(*state));
}

static void
a_session_is_forgotten_once(void **state)
{
    assert_true(forgotten_add(*state, "a"));
    assert_false(forgotten_add(*state, "a"));
    assert_true(forgotten_has(*state, "a"));
    assert_false(forgotten_has(*state, "b"));
    assert_int_equal(forgotten_size(*state), 1);
}

static void
its_name_is_a_copy(void **state)
{
    char name[] = "a";
    forgotten_add(*state, name);
    name[0] = 'b';
    assert_true(forgotten_has(*state, "a"));
    assert_false(forgotten_has(*state, "b"));
}

static void
the_walk_goes_in_the_order_in_which_they_were_forgotten(void **state)
{
    forgotten_add(*state, "c");
    forgotten_add(*state, "a");
    forgotten_add(*state, "b");
    forgotten_add(*state, "c");
    assert_are(*state, "c a b ");
}

static void
past_the_limit_the_one_forgotten_first_goes(void **state)
{
    forgotten_add(*state, "a");
    forgotten_add(*state, "b");
    forgotten_add(*state, "c");
    assert_true(forgotten_add(*state, "d"));
    assert_are(*state, "b c d ");
    assert_false(forgotten_has(*state, "a"));
    assert_int_equal(forgotten_size(*state), LIMIT);
    // One that is there already takes no room.
    assert_false(forgotten_add(*state, "b"));
    assert_are(*state, "b c d ");
}

static void
what_could_not_be_noted_is_taken_back(void **state)
{
    forgotten_add(*state, "a");
    forgotten_add(*state, "b");
    forgotten_remove(*state, "a");
    forgotten_remove(*state, "never");
    assert_are(*state, "b ");
    assert_true(forgotten_add(*state, "a"));
    assert_are(*state, "b a ");
}

static void
what_the_journal_has_noted_is_remembered_until_it_is_taken_back(void **state)
{
    forgotten_add(*state, "a");
    forgotten_add(*state, "b");
    assert_false(forgotten_is_noted(*state, "a"));
    forgotten_note(*state, "a", true);
    assert_true(forgotten_is_noted(*state, "a"));
    assert_false(forgotten_is_noted(*state, "b"));
    // Another journal does not know of it.
    forgotten_note(*state, "a", false);
    assert_false(forgotten_is_noted(*state, "a"));
    assert_true(forgotten_has(*state, "a"));
    forgotten_note(*state, "a", true);
    forgotten_remove(*state, "a");
    forgotten_add(*state, "a");
    assert_false(forgotten_is_noted(*state, "a"));
}

static void
one_that_is_not_there_is_never_noted(void **state)
{
    forgotten_note(*state, "a", true);
    assert_false(forgotten_is_noted(*state, "a"));
    assert_false(forgotten_has(*state, "a"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_forgotten_at_first),
        TEST(a_session_is_forgotten_once),
        TEST(its_name_is_a_copy),
        TEST(the_walk_goes_in_the_order_in_which_they_were_forgotten),
        TEST(past_the_limit_the_one_forgotten_first_goes),
        TEST(what_could_not_be_noted_is_taken_back),
        TEST(what_the_journal_has_noted_is_remembered_until_it_is_taken_back),
        TEST(one_that_is_not_there_is_never_noted),
    };
    return cmocka_run_group_tests_name("forgotten", tests, NULL, NULL);
}
