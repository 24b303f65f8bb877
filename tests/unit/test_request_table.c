// test_request_table - who is known, who goes first
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "request_table.h"

static void
a_request_is_found_by_session_and_request(void **state)
{
    (void) state;
    request_table_t *table = request_table_new(10);
    request_t *one = request_table_add(table, "s1", "r");
    request_t *two = request_table_add(table, "s2", "r");
    assert_ptr_equal(request_table_find(table, "s1", "r"), one);
    assert_ptr_equal(request_table_find(table, "s2", "r"), two);
    assert_null(request_table_find(table, "s1", ""));
    request_table_destroy(&table);
    assert_null(table);
    request_table_destroy(&table);
}

static void
the_oldest_finished_goes_before_the_oldest_open(void **state)
{
    (void) state;
    request_table_t *table = request_table_new(3);
    request_t *first = request_table_add(table, "s", "1");
    request_t *second = request_table_add(table, "s", "2");
    request_t *third = request_table_add(table, "s", "3");
    assert_true(request_table_is_full(table));
    assert_ptr_equal(request_table_oldest(table), first);
    request_table_finish(table, third);
    request_table_finish(table, second);
    assert_ptr_equal(request_table_oldest(table), third);
    request_table_forget(table, third);
    assert_ptr_equal(request_table_oldest(table), second);
    request_table_forget(table, second);
    assert_ptr_equal(request_table_oldest(table), first);
    request_table_forget(table, first);
    assert_null(request_table_oldest(table));
    assert_int_equal(request_table_size(table), 0);
    request_table_destroy(&table);
}

static void
a_session_lists_its_open_requests_only(void **state)
{
    (void) state;
    request_table_t *table = request_table_new(10);
    request_t *one = request_table_add(table, "s", "1");
    request_t *two = request_table_add(table, "s", "2");
    request_t *three = request_table_add(table, "s", "3");
    request_table_add(table, "another", "1");

    request_table_finish(table, two);
    assert_ptr_equal(request_table_of_session(table, "s"), three);
    assert_ptr_equal(three->next_of_session, one);
    assert_null(one->next_of_session);

    request_table_reopen(table, two);
    assert_ptr_equal(request_table_of_session(table, "s"), two);
    request_table_forget(table, two);
    request_table_finish(table, three);
    request_table_finish(table, one);
    assert_null(request_table_of_session(table, "s"));
    assert_int_equal(request_table_open_count(table), 1);
    request_table_destroy(&table);
}

static void
finishing_and_reopening_twice_change_nothing_more(void **state)
{
    (void) state;
    request_table_t *table = request_table_new(10);
    request_t *one = request_table_add(table, "s", "1");
    request_table_reopen(table, one);
    assert_int_equal(request_table_open_count(table), 1);
    request_table_finish(table, one);
    request_table_finish(table, one);
    assert_int_equal(request_table_open_count(table), 0);
    assert_int_equal(request_table_size(table), 1);
    assert_ptr_equal(request_table_first_finished(table), one);
    assert_null(request_table_first_open(table));
    request_table_destroy(&table);
}

// How many differ from what was written, and how many of those written are no more.
static void
assert_differ(const request_table_t *table, size_t expected, size_t expected_removed)
{
    size_t count = 0, removed = 0;
    const request_t *request = request_table_first_changed(table);
    for (; request; request = request->newer_changed)
        count++;
    (void) request_table_removed(table, &removed);
    assert_int_equal(count, expected);
    assert_int_equal(removed, expected_removed);
}

static void
what_differs_from_what_was_written_is_known(void **state)
{
    (void) state;
    request_table_t *table = request_table_new(10);
    request_t *one = request_table_add(table, "s", "1");
    request_t *two = request_table_add(table, "s", "2");
    request_t *three = request_table_add(table, "s", "3");
    assert_differ(table, 3, 0);
    request_table_written(table);
    assert_differ(table, 0, 0);
    request_table_touch(table, two);
    request_table_touch(table, two);
    request_table_finish(table, one);
    assert_differ(table, 2, 0);
    uint64_t number = two->number;
    request_table_forget(table, two);
    assert_differ(table, 1, 1);
    size_t count = 0;
    assert_int_equal(request_table_removed(table, &count)[0], number);
    // One that was never written leaves nothing to remove.
    request_table_forget(table, request_table_add(table, "s", "4"));
    assert_differ(table, 1, 1);
    request_table_written(table);
    assert_differ(table, 0, 0);
    request_table_touch(table, three);
    request_table_unwritten(table);
    assert_differ(table, 2, 0);
    request_table_forget(table, three);
    assert_differ(table, 1, 0);
    request_table_destroy(&table);
}

static void
those_that_were_there_before_come_back_in_their_order(void **state)
{
    (void) state;
    request_table_t *before = request_table_new(10);
    request_table_t *table = request_table_new(10);
    request_t *first = request_table_add(before, "s", "first");
    request_t *second = request_table_add(before, "s", "second");
    request_t *third = request_table_add(before, "s", "third");
    request_table_finish(before, first);
    assert_true(second->place < third->place && third->place < first->place);
    assert_non_null(request_table_restore(table, second));
    assert_non_null(request_table_restore(table, third));
    assert_non_null(request_table_restore(table, first));
    assert_null(request_table_restore(table, first));
    assert_differ(table, 0, 0);
    const request_t *oldest = request_table_first_open(table);
    assert_string_equal(oldest->request, "second");
    assert_string_equal(oldest->newer->request, "third");
    assert_null(oldest->newer->newer);
    assert_string_equal(request_table_first_finished(table)->request, "first");
    const request_t *added = request_table_add(table, "s", "fourth");
    assert_true(added->number > third->number && added->place > first->place);
    request_table_destroy(&before);
    request_table_destroy(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_found_by_session_and_request),
        cmocka_unit_test(the_oldest_finished_goes_before_the_oldest_open),
        cmocka_unit_test(a_session_lists_its_open_requests_only),
        cmocka_unit_test(finishing_and_reopening_twice_change_nothing_more),
        cmocka_unit_test(what_differs_from_what_was_written_is_known),
        cmocka_unit_test(those_that_were_there_before_come_back_in_their_order),
    };
    return cmocka_run_group_tests_name("request_table", tests, NULL, NULL);
}
