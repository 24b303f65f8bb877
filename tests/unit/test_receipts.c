// test_receipts - what was given and is not known to be read, by one and by all
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "receipts.h"

enum { LIMIT = 3, READERS = 5 };

typedef struct fixture {
    receipts_t *receipts;
    zframe_t *routes[READERS];
    bool gone[READERS];
} fixture_t;

static int
setup(void **state)
{
    fixture_t *self = zmalloc(sizeof *self);
    self->receipts = receipts_new(LIMIT, 1);
    for (int i = 0; i < READERS; i++) {
        uint8_t name = (uint8_t) i;
        self->routes[i] = zframe_new(&name, 1);
    }
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    fixture_t *self = *state;
    receipts_destroy(&self->receipts);
    for (size_t i = 0; i < READERS; i++)
        zframe_destroy(&self->routes[i]);
    free(self);
    return 0;
}

static bool
is_gone(void *arg, zframe_t *route, int connection, int64_t given_ms)
{
    assert_int_equal(connection, 7);
    assert_int_equal(given_ms, 100);
    const fixture_t *self = arg;
    return self->gone[zframe_data(route)[0]];
}

static void
a_reader_is_given_the_next_page_once_it_has_read_the_last(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(receipts_ask(self->receipts, self->routes[0], 1), RECEIPTS_FREE);
    uint64_t receipt = receipts_give(self->receipts, self->routes[0], 7, 1, 100);
    assert_int_equal(receipts_ask(self->receipts, self->routes[0], 1), RECEIPTS_UNREAD);
    assert_true(receipts_read(self->receipts, self->routes[0], receipt));
    assert_int_equal(receipts_ask(self->receipts, self->routes[0], 1), RECEIPTS_FREE);
    assert_false(receipts_read(self->receipts, self->routes[0], receipt));
}

static void
only_the_receipt_of_its_own_page_proves_that_a_reader_reads(void **state)
{
    fixture_t *self = *state;
    uint64_t first = receipts_give(self->receipts, self->routes[0], 7, 1, 100);
    uint64_t second = receipts_give(self->receipts, self->routes[1], 7, 1, 100);
    assert_int_not_equal(first, second);
    assert_true(first > 0 && first < (uint64_t) 1 << 48);
    assert_false(receipts_read(self->receipts, self->routes[1], first));
    assert_false(receipts_read(self->receipts, self->routes[0], first + 1));
    assert_false(receipts_read(self->receipts, self->routes[2], first));
    assert_int_equal(receipts_unread(self->receipts), 2);
}

static void
no_more_pages_are_unread_than_may_be(void **state)
{
    fixture_t *self = *state;
    uint64_t receipts[LIMIT];
    for (size_t i = 0; i < LIMIT; i++)
        receipts[i] = receipts_give(self->receipts, self->routes[i], 7, 1, 100);
    assert_int_equal(receipts_ask(self->receipts, self->routes[LIMIT], 1), RECEIPTS_FULL);
    assert_int_equal(receipts_ask(self->receipts, self->routes[0], 1), RECEIPTS_UNREAD);
    assert_true(receipts_read(self->receipts, self->routes[1], receipts[1]));
    assert_int_equal(receipts_ask(self->receipts, self->routes[LIMIT], 1), RECEIPTS_FREE);
}

static void
what_a_closed_connection_did_not_read_is_forgotten(void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < LIMIT; i++)
        receipts_give(self->receipts, self->routes[i], 7, 1, 100);
    self->gone[0] = self->gone[2] = true;
    receipts_forget(self->receipts, is_gone, self);
    assert_int_equal(receipts_unread(self->receipts), 1);
    assert_int_equal(receipts_ask(self->receipts, self->routes[1], 1), RECEIPTS_UNREAD);
    receipts_clear(self->receipts);
    assert_int_equal(receipts_ask(self->receipts, self->routes[1], 1), RECEIPTS_FREE);
}

static void
of_what_is_counted_in_bytes_each_may_have_several_unread(void **state)
{
    fixture_t *self = *state;
    receipts_t *bytes = receipts_new(100, 40);
    uint64_t first = receipts_give(bytes, self->routes[0], 7, 30, 100);
    assert_int_equal(receipts_ask(bytes, self->routes[0], 11), RECEIPTS_UNREAD);
    uint64_t second = receipts_give(bytes, self->routes[0], 7, 10, 100);
    assert_int_equal(receipts_ask(bytes, self->routes[0], 1), RECEIPTS_UNREAD);
    // In any order.
    assert_true(receipts_read(bytes, self->routes[0], second));
    assert_int_equal(receipts_ask(bytes, self->routes[0], 11), RECEIPTS_UNREAD);
    assert_int_equal(receipts_ask(bytes, self->routes[0], 10), RECEIPTS_FREE);
    assert_true(receipts_read(bytes, self->routes[0], first));
    assert_int_equal(receipts_ask(bytes, self->routes[0], 40), RECEIPTS_FREE);
    assert_int_equal(receipts_ask(bytes, self->routes[0], 41), RECEIPTS_UNREAD);
    assert_int_equal(receipts_ask(bytes, self->routes[0], SIZE_MAX), RECEIPTS_UNREAD);
    assert_int_equal(receipts_unread(bytes), 0);
    receipts_destroy(&bytes);
}

static void
what_all_have_unread_is_bounded_too_and_room_comes_back_with_who_is_gone(void **state)
{
    fixture_t *self = *state;
    receipts_t *bytes = receipts_new(100, 40);
    for (size_t i = 0; i < 3; i++)
        receipts_give(bytes, self->routes[i], 7, 30, 100);
    assert_int_equal(receipts_ask(bytes, self->routes[3], 11), RECEIPTS_FULL);
    assert_int_equal(receipts_ask(bytes, self->routes[3], 10), RECEIPTS_FREE);
    self->gone[1] = true;
    receipts_forget(bytes, is_gone, self);
    assert_int_equal(receipts_unread(bytes), 60);
    assert_int_equal(receipts_ask(bytes, self->routes[3], 40), RECEIPTS_FREE);
    receipts_clear(bytes);
    assert_int_equal(receipts_unread(bytes), 0);
    receipts_destroy(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_is_given_the_next_page_once_it_has_read_the_last),
        TEST(only_the_receipt_of_its_own_page_proves_that_a_reader_reads),
        TEST(no_more_pages_are_unread_than_may_be),
        TEST(what_a_closed_connection_did_not_read_is_forgotten),
        TEST(of_what_is_counted_in_bytes_each_may_have_several_unread),
        TEST(what_all_have_unread_is_bounded_too_and_room_comes_back_with_who_is_gone),
    };
    return cmocka_run_group_tests_name("receipts", tests, NULL, NULL);
}
