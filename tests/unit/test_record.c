// test_record - one ordered event, counted by its holders
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "record.h"

static void
a_record_is_a_copy_of_both_frames(void **state)
{
    (void) state;
    char topic[] = "a/h/s", body[] = "header and payload";
    record_t *record = record_new(7, topic, strlen(topic), body, strlen(body));
    memset(topic, 'x', strlen(topic));
    memset(body, 'x', strlen(body));
    assert_int_equal(record->offset, 7);
    assert_int_equal(record->topic_bytes, 5);
    assert_memory_equal(record_topic(record), "a/h/s", 5);
    assert_int_equal(record->body_bytes, strlen("header and payload"));
    assert_memory_equal(record_body(record), "header and payload", record->body_bytes);
    record_release(&record);
    assert_null(record);
    record_release(&record);
}

// The sanitizers tell whether it lives too long or too short.
static void
the_last_holder_frees_it(void **state)
{
    (void) state;
    record_t *record = record_new(1, "t", 1, "b", 1);
    record_t *held = record_hold(record);
    assert_ptr_equal(held, record);
    record_release(&record);
    assert_memory_equal(record_body(held), "b", 1);
    record_release(&held);
}

static void
its_cost_grows_with_both_frames(void **state)
{
    (void) state;
    record_t *small = record_new(1, "", 0, "", 0);
    record_t *large = record_new(1, "topic", 5, "body", 4);
    assert_true(record_cost(small) > 0);
    assert_int_equal(record_cost(large), record_cost(small) + 9);
    record_release(&small);
    record_release(&large);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_a_copy_of_both_frames),
        cmocka_unit_test(the_last_holder_frees_it),
        cmocka_unit_test(its_cost_grows_with_both_frames),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
