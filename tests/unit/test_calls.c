// test_calls - calls of services that wait for their answer
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "calls.h"

static int server, other_server;

static int
setup(void **state)
{
    *state = calls_new(3);
    return 0;
}

static int
teardown(void **state)
{
    calls_t *calls = *state;
    calls_destroy(&calls);
    assert_null(calls);
    return 0;
}

static uint64_t
add(calls_t *calls, uint64_t id, const void *asked, int64_t deadline_ms)
{
    zframe_t *caller = zframe_new("route", 5);
    uint64_t number = calls_add(calls, id, caller, -1, asked, deadline_ms);
    zframe_destroy(&caller);
    return number;
}

static void
assert_call(call_t *call, uint64_t id)
{
    assert_non_null(call);
    assert_int_equal(call->id, id);
    assert_true(zframe_streq(call->caller, "route"));
    call_destroy(&call);
    assert_null(call);
}

static void
an_answer_finds_the_call_of_its_number_once(void **state)
{
    calls_t *calls = *state;
    uint64_t one = add(calls, 71, &server, 100), two = add(calls, 72, &server, 100);
    assert_int_equal(one, 1);
    assert_int_equal(two, 2);
    assert_call(calls_take(calls, two, &server), 72);
    assert_null(calls_take(calls, two, &server));
    assert_call(calls_take(calls, one, &server), 71);
}

static void
nobody_answers_for_another(void **state)
{
    calls_t *calls = *state;
    uint64_t number = add(calls, 71, &server, 100);
    assert_null(calls_take(calls, number, &other_server));
    assert_call(calls_take(calls, number, &server), 71);
}

static void
a_call_whose_deadline_has_come_is_taken_out(void **state)
{
    calls_t *calls = *state;
    add(calls, 71, &server, 200);
    add(calls, 72, &server, 100);
    assert_null(calls_take_expired(calls, 99));
    assert_call(calls_take_expired(calls, 100), 72);
    assert_null(calls_take_expired(calls, 100));
    assert_call(calls_take_expired(calls, 1000), 71);
}

static void
the_calls_of_a_server_that_is_gone_are_taken_out(void **state)
{
    calls_t *calls = *state;
    add(calls, 71, &server, 100);
    add(calls, 72, &other_server, 100);
    add(calls, 73, &server, 100);
    assert_call(calls_take_of(calls, &server), 71);
    assert_call(calls_take_of(calls, &server), 73);
    assert_null(calls_take_of(calls, &server));
}

static void
as_many_as_may_be_are_open(void **state)
{
    calls_t *calls = *state;
    for (uint64_t id = 1; id <= 3; id++)
        assert_int_equal(add(calls, id, &server, 100), id);
    assert_int_equal(add(calls, 4, &server, 100), 0);
    assert_call(calls_take(calls, 2, &server), 2);
    assert_int_equal(add(calls, 5, &server, 100), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_finds_the_call_of_its_number_once),
        TEST(nobody_answers_for_another),
        TEST(a_call_whose_deadline_has_come_is_taken_out),
        TEST(the_calls_of_a_server_that_is_gone_are_taken_out),
        TEST(as_many_as_may_be_are_open),
    };
    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
