// test_journal_run - what was put into a run is in it, and nothing else is taken for one
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "journal_run.h"

static journal_run_event_t
event_at(uint64_t offset, const char *body)
{
    return (journal_run_event_t){.offset = offset,
                                 .family = MESH_FAMILY_PROGRESS,
                                 .topic = "a.b/h/s",
                                 .topic_bytes = 7,
                                 .body = body,
                                 .body_bytes = strlen(body)};
}

static void
add(journal_run_t *run, uint64_t offset, const char *body)
{
    journal_run_event_t event = event_at(offset, body);
    journal_run_add(run, &event);
}

static void
what_was_added_is_read_in_its_order(void **state)
{
    (void) state;
    static const char *const bodies[] = {"one", "", "three"};
    journal_run_t run = {0};
    journal_run_event_t event;
    for (uint64_t i = 0; i < 3; i++)
        add(&run, 10 + 5 * i, bodies[i]);
    assert_int_equal(run.count, 3);
    assert_int_equal(run.first, 10);
    assert_int_equal(run.last, 20);
    journal_run_cursor_t cursor = journal_run_read(run.bytes, run.used);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(journal_run_next(&cursor, &event), JOURNAL_RUN_EVENT);
        assert_int_equal(event.offset, 10 + 5 * i);
        assert_int_equal(event.family, MESH_FAMILY_PROGRESS);
        assert_int_equal(event.topic_bytes, 7);
        assert_memory_equal(event.topic, "a.b/h/s", 7);
        assert_int_equal(event.body_bytes, strlen(bodies[i]));
        assert_memory_equal(event.body, bodies[i], event.body_bytes);
    }
    assert_int_equal(journal_run_next(&cursor, &event), JOURNAL_RUN_END);
    journal_run_free(&run);
}

static void
one_that_is_not_empty_ends_before_it_gets_too_long(void **state)
{
    (void) state;
    journal_run_t run = {0};
    assert_false(journal_run_is_full(&run, 7, (size_t) 10 * JOURNAL_RUN_BYTES));
    for (uint64_t i = 1; !journal_run_is_full(&run, 7, 4); i++)
        add(&run, i, "body");
    assert_true(run.used <= JOURNAL_RUN_BYTES);
    assert_true(run.used + JOURNAL_RUN_ENTRY_BYTES + 7 + 4 > JOURNAL_RUN_BYTES);
    journal_run_clear(&run);
    assert_int_equal(run.count, 0);
    add(&run, 1, "again");
    journal_run_free(&run);
}

// As far as its events go; what they are is not asked.
static journal_run_outcome_t
read_through(const void *bytes, size_t size)
{
    journal_run_event_t event;
    journal_run_outcome_t outcome;
    journal_run_cursor_t cursor = journal_run_read(bytes, size);
    while ((outcome = journal_run_next(&cursor, &event)) == JOURNAL_RUN_EVENT)
        ;
    return outcome;
}

static void
one_that_is_cut_off_is_damaged(void **state)
{
    (void) state;
    journal_run_t run = {0};
    add(&run, 1, "one");
    size_t first = run.used;
    add(&run, 2, "two");
    for (size_t size = 0; size <= run.used; size++) {
        char *part = malloc(size + 1);    // so that a checker sees a byte too many read
        memcpy(part, run.bytes, size);
        bool whole = size == 0 || size == first || size == run.used;
        assert_int_equal(read_through(part, size),
                         whole ? JOURNAL_RUN_END : JOURNAL_RUN_DAMAGED);
        free(part);
    }
    journal_run_free(&run);
}

static void
what_no_run_has_is_damaged(void **state)
{
    (void) state;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {
        {0, 0},                 // an offset of 0
        {10, MESH_FAMILIES},    // no family
        {11, 1},                // reserved
        {9, 0xff},              // a topic that is longer than all
        {15, 0xff},             // such a body
    };
    journal_run_t run = {0};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        journal_run_clear(&run);
        add(&run, 1, "body");
        run.bytes[changes[i].at] = changes[i].value;
        assert_int_equal(read_through(run.bytes, run.used), JOURNAL_RUN_DAMAGED);
    }
    // The same offset twice.
    journal_run_clear(&run);
    add(&run, 1, "body");
    add(&run, 2, "body");
    run.bytes[run.used / 2] = 1;
    assert_int_equal(read_through(run.bytes, run.used), JOURNAL_RUN_DAMAGED);
    assert_int_equal(read_through(NULL, 0), JOURNAL_RUN_END);
    journal_run_free(&run);
}

static void
its_sum_is_another_for_each_bit_and_for_another_key(void **state)
{
    (void) state;
    journal_run_t run = {0};
    for (uint64_t i = 1; i < 5; i++)
        add(&run, i, "some body of an event");
    int64_t sum = journal_run_sum(4, run.bytes, run.used);
    assert_true(sum != journal_run_sum(5, run.bytes, run.used));
    for (size_t bit = 0; bit < 8 * run.used; bit++) {
        run.bytes[bit / 8] ^= (uint8_t) (1U << bit % 8);
        assert_true(sum != journal_run_sum(4, run.bytes, run.used));
        run.bytes[bit / 8] ^= (uint8_t) (1U << bit % 8);
    }
    assert_true(sum == journal_run_sum(4, run.bytes, run.used));
    journal_run_free(&run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_read_in_its_order),
        cmocka_unit_test(one_that_is_not_empty_ends_before_it_gets_too_long),
        cmocka_unit_test(one_that_is_cut_off_is_damaged),
        cmocka_unit_test(what_no_run_has_is_damaged),
        cmocka_unit_test(its_sum_is_another_for_each_bit_and_for_another_key),
    };
    return cmocka_run_group_tests_name("journal_run", tests, NULL, NULL);
}
