// test_journal - what is kept of the one order
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <czmq.h>

#include "journal.h"

enum { PLENTY = 1024 * 1024, MANY = 5000 };

static void
append(journal_t *journal, uint64_t offset)
{
    record_t *record = record_new(offset, "a/h/s", 5, "body", 4);
    journal_append(journal, (record_t *const[]){record}, 1);
    record_release(&record);
}

typedef struct reading {
    uint64_t last;
    size_t count, most;
} reading_t;

static bool
on_record(void *arg, const record_t *record)
{
    reading_t *self = arg;
    assert_true(record->offset > self->last);
    self->last = record->offset;
    return ++self->count < self->most;
}

static reading_t
read_after(const journal_t *journal, uint64_t after, size_t most)
{
    reading_t reading = {.last = after, .most = most};
    journal_read(journal, after, on_record, &reading);
    return reading;
}

static void
an_empty_journal_has_no_head_and_has_lost_nothing(void **state)
{
    (void) state;
    journal_t *journal = journal_new(10, PLENTY);
    assert_int_equal(journal_head(journal), 0);
    assert_int_equal(journal_first(journal), 1);
    assert_int_equal(journal_count(journal), 0);
    assert_int_equal(journal_bytes(journal), 0);
    assert_int_equal(read_after(journal, 0, MANY).count, 0);
    journal_destroy(&journal);
    assert_null(journal);
}

static void
each_journal_has_an_epoch_of_its_own(void **state)
{
    (void) state;
    journal_t *one = journal_new(10, PLENTY), *two = journal_new(10, PLENTY);
    assert_int_not_equal(journal_epoch(one), 0);
    assert_int_not_equal(journal_epoch(one), journal_epoch(two));
    journal_destroy(&one);
    journal_destroy(&two);
}

static void
what_comes_after_an_offset_is_read_in_order_across_holes(void **state)
{
    (void) state;
    journal_t *journal = journal_new(MANY, PLENTY);
    for (uint64_t i = 1; i <= MANY; i++)
        append(journal, i * 3);
    assert_int_equal(journal_head(journal), 3 * (uint64_t) MANY);
    assert_int_equal(read_after(journal, 0, MANY).count, MANY);
    for (uint64_t after = 0; after < 3 * (uint64_t) MANY; after += 7)
        assert_int_equal(read_after(journal, after, 1).last, after - after % 3 + 3);
    assert_int_equal(read_after(journal, 3 * (uint64_t) MANY, MANY).count, 0);
    assert_int_equal(read_after(journal, UINT64_MAX, MANY).count, 0);
    journal_destroy(&journal);
}

static void
a_reader_may_stop(void **state)
{
    (void) state;
    journal_t *journal = journal_new(10, PLENTY);
    for (uint64_t i = 1; i <= 5; i++)
        append(journal, i);
    reading_t reading = read_after(journal, 1, 2);
    assert_int_equal(reading.count, 2);
    assert_int_equal(reading.last, 3);
    journal_destroy(&journal);
}

static void
past_the_limit_of_events_the_oldest_go(void **state)
{
    (void) state;
    journal_t *journal = journal_new(3, PLENTY);
    for (uint64_t i = 1; i <= MANY; i++)
        append(journal, i * 2);
    assert_int_equal(journal_count(journal), 3);
    // The highest removed is 2 * (MANY - 3); nothing that comes after it is gone.
    assert_int_equal(journal_first(journal), 2 * (MANY - 3) + 1);
    assert_int_equal(read_after(journal, 0, MANY).count, 3);
    journal_destroy(&journal);
}

static void
past_the_limit_of_bytes_the_oldest_go_but_never_the_newest(void **state)
{
    (void) state;
    record_t *sample = record_new(1, "a/h/s", 5, "body", 4);
    size_t cost = record_cost(sample);
    record_release(&sample);
    journal_t *journal = journal_new(MANY, 2 * cost);
    for (uint64_t i = 1; i <= 5; i++)
        append(journal, i);
    assert_int_equal(journal_count(journal), 2);
    assert_int_equal(journal_bytes(journal), 2 * cost);
    journal_destroy(&journal);
    journal = journal_new(MANY, 1);
    append(journal, 1);
    append(journal, 2);
    assert_int_equal(journal_count(journal), 1);
    assert_int_equal(journal_first(journal), 2);
    assert_int_equal(read_after(journal, 0, MANY).last, 2);
    journal_destroy(&journal);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_journal_has_no_head_and_has_lost_nothing),
        cmocka_unit_test(each_journal_has_an_epoch_of_its_own),
        cmocka_unit_test(what_comes_after_an_offset_is_read_in_order_across_holes),
        cmocka_unit_test(a_reader_may_stop),
        cmocka_unit_test(past_the_limit_of_events_the_oldest_go),
        cmocka_unit_test(past_the_limit_of_bytes_the_oldest_go_but_never_the_newest),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
