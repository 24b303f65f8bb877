// test_sse_ledger - what of a load's events is counted as lost, doubled or out of order
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "sse_ledger.h"

// Client 0 follows channel 0, client 1 channel 1, client 2 all.
static int
setup(void **state)
{
    sse_ledger_t *ledger = sse_ledger_new(3, 2);
    sse_ledger_follow(ledger, 0, 0);
    sse_ledger_follow(ledger, 1, 1);
    sse_ledger_follow(ledger, 2, SSE_LEDGER_ALL);
    *state = ledger;
    return 0;
}

static int
teardown(void **state)
{
    sse_ledger_t *ledger = *state;
    sse_ledger_destroy(&ledger);
    return 0;
}

static void
who_has_all_that_it_follows_waits_for_nothing(void **state)
{
    sse_ledger_t *ledger = *state;
    assert_int_equal(sse_ledger_send(ledger, 0), 1);
    assert_int_equal(sse_ledger_send(ledger, 1), 1);
    assert_int_equal(sse_ledger_send(ledger, 1), 2);
    assert_int_equal(sse_ledger_waiting(ledger), 3);
    assert_true(sse_ledger_receive(ledger, 0, 0, 1));
    assert_true(sse_ledger_receive(ledger, 1, 1, 1));
    assert_int_equal(sse_ledger_waiting(ledger), 2);
    assert_true(sse_ledger_receive(ledger, 1, 1, 2));
    assert_true(sse_ledger_receive(ledger, 2, 1, 1));
    assert_true(sse_ledger_receive(ledger, 2, 0, 1));
    assert_true(sse_ledger_receive(ledger, 2, 1, 2));
    assert_int_equal(sse_ledger_waiting(ledger), 0);
    sse_ledger_counts_t counts = sse_ledger_counts(ledger);
    assert_int_equal(counts.sent, 3);
    assert_int_equal(counts.owed, 6);
    assert_int_equal(counts.delivered, 6);
    assert_int_equal(counts.missing + counts.repeated + counts.strange, 0);
}

static void
what_was_skipped_doubled_or_turned_around_is_counted(void **state)
{
    sse_ledger_t *ledger = *state;
    for (int n = 0; n < 4; n++)
        sse_ledger_send(ledger, 0);
    assert_true(sse_ledger_receive(ledger, 0, 0, 1));
    assert_false(sse_ledger_receive(ledger, 0, 0, 1));
    assert_false(sse_ledger_receive(ledger, 0, 0, 4));
    assert_false(sse_ledger_receive(ledger, 0, 0, 3));
    sse_ledger_counts_t counts = sse_ledger_counts(ledger);
    assert_int_equal(counts.missing, 2);
    assert_int_equal(counts.repeated, 2);
    assert_int_equal(counts.delivered, 2);
}

static void
what_is_none_of_its_business_or_was_never_sent_is_strange(void **state)
{
    sse_ledger_t *ledger = *state;
    sse_ledger_send(ledger, 0);
    sse_ledger_send(ledger, 1);
    assert_false(sse_ledger_receive(ledger, 0, 1, 1));
    assert_false(sse_ledger_receive(ledger, 0, 0, 2));
    assert_false(sse_ledger_receive(ledger, 0, 0, 0));
    assert_false(sse_ledger_receive(ledger, 2, 2, 1));
    assert_int_equal(sse_ledger_counts(ledger).strange, 4);
    assert_int_equal(sse_ledger_waiting(ledger), 3);
}

static void
nothing_is_owed_to_who_is_excused(void **state)
{
    sse_ledger_t *ledger = *state;
    sse_ledger_send(ledger, 0);
    sse_ledger_send(ledger, 0);
    assert_true(sse_ledger_receive(ledger, 2, 0, 1));
    sse_ledger_excuse(ledger, 2);
    sse_ledger_excuse(ledger, 2);
    sse_ledger_counts_t counts = sse_ledger_counts(ledger);
    assert_int_equal(counts.owed, 3);
    assert_int_equal(counts.delivered, 1);
    assert_int_equal(sse_ledger_waiting(ledger), 1);
    assert_true(sse_ledger_receive(ledger, 2, 0, 9));
    sse_ledger_send(ledger, 1);
    assert_int_equal(sse_ledger_counts(ledger).owed, 4);
    assert_int_equal(sse_ledger_counts(ledger).strange, 0);
}

#define ledger_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ledger_test(who_has_all_that_it_follows_waits_for_nothing),
        ledger_test(what_was_skipped_doubled_or_turned_around_is_counted),
        ledger_test(what_is_none_of_its_business_or_was_never_sent_is_strange),
        ledger_test(nothing_is_owed_to_who_is_excused),
    };
    return cmocka_run_group_tests_name("sse_ledger", tests, NULL, NULL);
}
