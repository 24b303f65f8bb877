// test_welcomes - who is welcomed when, and that nobody waits for ever
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "welcomes.h"

static int
setup(void **state)
{
    *state = welcomes_new();
    return 0;
}

static int
teardown(void **state)
{
    welcomes_t *self = *state;
    welcomes_destroy(&self);
    return 0;
}

static void
add(welcomes_t *self, uint64_t id, uint64_t after, int64_t now_ms)
{
    zframe_t *route = zframe_new("r", 1);
    welcomes_add(self, route, id, json_array(), after, now_ms);
    zframe_destroy(&route);
}

// The id of the hello that is answered now; 0 for none.
static uint64_t
take(welcomes_t *self, uint64_t ended, int64_t now_ms)
{
    welcome_t welcome;
    if (!welcomes_take_due(self, ended, now_ms, &welcome))
        return 0;
    assert_true(zframe_streq(welcome.route, "r"));
    assert_true(json_is_array(welcome.next));
    zframe_destroy(&welcome.route);
    json_decref(welcome.next);
    return welcome.id;
}

static void
who_names_a_source_waits_until_the_journal_knows_it(void **state)
{
    add(*state, 1, 10, 1000);
    assert_int_equal(take(*state, 9, 1000), 0);
    assert_int_equal(take(*state, 10, 1000), 1);
    assert_int_equal(take(*state, 10, 1000), 0);
}

static void
who_names_nothing_new_overtakes_those_who_wait(void **state)
{
    add(*state, 1, 10, 1000);
    add(*state, 2, 0, 1000);
    assert_int_equal(take(*state, 9, 1000), 2);
    assert_int_equal(take(*state, 9, 1000), 0);
}

static void
a_journal_that_stands_still_keeps_nobody_for_long(void **state)
{
    add(*state, 1, 10, 1000);
    assert_int_equal(take(*state, 9, 999 + WELCOMES_WAIT_MS), 0);
    assert_int_equal(take(*state, 9, 1000 + WELCOMES_WAIT_MS), 1);
}

static void
no_more_than_a_limit_wait(void **state)
{
    for (uint64_t id = 1; id <= WELCOMES_LIMIT + 1; id++)
        add(*state, id, 10, 1000);
    assert_int_equal(take(*state, 9, 1000), 1);
    assert_int_equal(take(*state, 9, 1000), 0);
}

static void
with_their_connections_they_are_forgotten(void **state)
{
    add(*state, 1, 10, 1000);
    welcomes_clear(*state);
    assert_int_equal(take(*state, 10, 1000), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_names_a_source_waits_until_the_journal_knows_it),
        TEST(who_names_nothing_new_overtakes_those_who_wait),
        TEST(a_journal_that_stands_still_keeps_nobody_for_long),
        TEST(no_more_than_a_limit_wait),
        TEST(with_their_connections_they_are_forgotten),
    };
    return cmocka_run_group_tests_name("welcomes", tests, NULL, NULL);
}
