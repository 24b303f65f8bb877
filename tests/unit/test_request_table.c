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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_found_by_session_and_request),
        cmocka_unit_test(the_oldest_finished_goes_before_the_oldest_open),
        cmocka_unit_test(a_session_lists_its_open_requests_only),
        cmocka_unit_test(finishing_and_reopening_twice_change_nothing_more),
    };
    return cmocka_run_group_tests_name("request_table", tests, NULL, NULL);
}
