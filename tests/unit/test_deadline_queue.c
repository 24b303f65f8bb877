// test_deadline_queue - the earliest deadline is always first
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>

#include "deadline_queue.h"

enum { MANY = 1000 };

static void
an_empty_queue_has_no_first(void **state)
{
    (void) state;
    deadline_queue_t *queue = deadline_queue_new();
    assert_null(deadline_queue_first(queue));
    deadline_queue_destroy(&queue);
    assert_null(queue);
    deadline_queue_destroy(&queue);
}

static void
the_first_is_the_earliest_and_stays(void **state)
{
    (void) state;
    deadline_queue_t *queue = deadline_queue_new();
    deadline_t late = {0};
    deadline_t early = {0};
    deadline_queue_set(queue, &late, 20);
    deadline_queue_set(queue, &early, 10);
    assert_ptr_equal(deadline_queue_first(queue), &early);
    assert_ptr_equal(deadline_queue_first(queue), &early);
    deadline_queue_destroy(&queue);
}

static void
setting_again_moves_a_deadline_either_way(void **state)
{
    (void) state;
    deadline_queue_t *queue = deadline_queue_new();
    deadline_t one = {0};
    deadline_t other = {0};
    deadline_queue_set(queue, &one, 10);
    deadline_queue_set(queue, &other, 20);
    deadline_queue_set(queue, &one, 30);
    assert_ptr_equal(deadline_queue_first(queue), &other);
    deadline_queue_set(queue, &one, 5);
    assert_ptr_equal(deadline_queue_first(queue), &one);
    deadline_queue_destroy(&queue);
}

static void
removing_what_is_not_there_does_nothing(void **state)
{
    (void) state;
    deadline_queue_t *queue = deadline_queue_new();
    deadline_t stranger = {0};
    deadline_t member = {0};
    deadline_queue_set(queue, &member, 1);
    deadline_queue_remove(queue, &stranger);
    assert_ptr_equal(deadline_queue_first(queue), &member);
    deadline_queue_remove(queue, &member);
    deadline_queue_remove(queue, &member);
    assert_null(deadline_queue_first(queue));
    deadline_queue_destroy(&queue);
}

// A fixed sequence, so that a failure is the same failure tomorrow.
static uint32_t
next_number(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void
thousands_of_changes_leave_the_earliest_first(void **state)
{
    (void) state;
    deadline_queue_t *queue = deadline_queue_new();
    static deadline_t deadlines[MANY];
    uint32_t seed = 7;
    for (size_t i = 0; i < 20 * (size_t) MANY; i++) {
        deadline_t *each = &deadlines[next_number(&seed) % MANY];
        if (next_number(&seed) % 4 == 0)
            deadline_queue_remove(queue, each);
        else
            deadline_queue_set(queue, each, (int64_t) (next_number(&seed) % 500));
    }
    size_t in_queue = 0;
    for (size_t i = 0; i < MANY; i++)
        in_queue += deadlines[i].place > 0;
    assert_true(in_queue > MANY / 2);

    int64_t last_ms = -1;
    for (deadline_t *first; (first = deadline_queue_first(queue)); in_queue--) {
        assert_true(first->due_ms >= last_ms);
        last_ms = first->due_ms;
        deadline_queue_remove(queue, first);
    }
    assert_int_equal(in_queue, 0);
    deadline_queue_destroy(&queue);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_has_no_first),
        cmocka_unit_test(the_first_is_the_earliest_and_stays),
        cmocka_unit_test(setting_again_moves_a_deadline_either_way),
        cmocka_unit_test(removing_what_is_not_there_does_nothing),
        cmocka_unit_test(thousands_of_changes_leave_the_earliest_first),
    };
    return cmocka_run_group_tests_name("deadline_queue", tests, NULL, NULL);
}
