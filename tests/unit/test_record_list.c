// test_record_list - records are held as long as the list has them
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "record_list.h"

enum { MANY = 1000 };

static record_t *
record(uint64_t offset)
{
    return record_new(offset, "topic", 5, "body", 4);
}

static void
an_empty_list_ends_as_it_is(void **state)
{
    (void) state;
    record_list_t *list = record_list_new();
    assert_int_equal(record_list_count(list), 0);
    record_list_cut(list, 0);
    record_list_destroy(&list);
    assert_null(list);
    record_list_destroy(&list);
}

static void
records_are_held_in_the_order_in_which_they_came(void **state)
{
    (void) state;
    record_list_t *list = record_list_new();
    for (uint64_t offset = 1; offset <= MANY; offset++) {
        record_t *one = record(offset);
        record_list_add(list, one);
        assert_int_equal(one->holders, 2);
        record_release(&one);
    }
    assert_int_equal(record_list_count(list), MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(record_list_at(list, i)->offset, i + 1);
    record_list_destroy(&list);
}

static void
what_is_cut_off_is_let_go_and_the_rest_stays(void **state)
{
    (void) state;
    record_list_t *list = record_list_new();
    record_t *records[3];
    for (size_t i = 0; i < 3; i++) {
        records[i] = record(i + 1);
        record_list_add(list, records[i]);
    }
    record_list_cut(list, 1);
    assert_int_equal(record_list_count(list), 1);
    assert_int_equal(records[0]->holders, 2);
    assert_int_equal(records[1]->holders, 1);
    assert_int_equal(records[2]->holders, 1);
    record_list_add(list, records[2]);
    assert_int_equal(record_list_at(list, 1)->offset, 3);
    record_list_cut(list, 0);
    assert_int_equal(records[0]->holders, 1);
    record_list_destroy(&list);
    for (size_t i = 0; i < 3; i++)
        record_release(&records[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_ends_as_it_is),
        cmocka_unit_test(records_are_held_in_the_order_in_which_they_came),
        cmocka_unit_test(what_is_cut_off_is_let_go_and_the_rest_stays),
    };
    return cmocka_run_group_tests_name("record_list", tests, NULL, NULL);
}
