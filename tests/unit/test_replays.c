// test_replays - pages that were given and are not known to be read
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "replays.h"

enum { LIMIT = 3, READERS = 5 };

typedef struct fixture {
    replays_t *replays;
    zframe_t *routes[READERS];
    bool gone[READERS];
} fixture_t;

static int
setup(void **state)
{
    fixture_t *self = zmalloc(sizeof *self);
    self->replays = replays_new(LIMIT);
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
    replays_destroy(&self->replays);
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
    assert_int_equal(replays_ask(self->replays, self->routes[0]), REPLAYS_FREE);
    uint64_t receipt = replays_give(self->replays, self->routes[0], 7, 100);
    assert_int_equal(replays_ask(self->replays, self->routes[0]), REPLAYS_UNREAD);
    assert_true(replays_read(self->replays, self->routes[0], receipt));
    assert_int_equal(replays_ask(self->replays, self->routes[0]), REPLAYS_FREE);
    assert_false(replays_read(self->replays, self->routes[0], receipt));
}

static void
only_the_receipt_of_its_own_page_proves_that_a_reader_reads(void **state)
{
    fixture_t *self = *state;
    uint64_t first = replays_give(self->replays, self->routes[0], 7, 100);
    uint64_t second = replays_give(self->replays, self->routes[1], 7, 100);
    assert_int_not_equal(first, second);
    assert_true(first > 0 && first < (uint64_t) 1 << 48);
    assert_false(replays_read(self->replays, self->routes[1], first));
    assert_false(replays_read(self->replays, self->routes[0], first + 1));
    assert_false(replays_read(self->replays, self->routes[2], first));
    assert_int_equal(replays_unread(self->replays), 2);
}

static void
no_more_pages_are_unread_than_may_be(void **state)
{
    fixture_t *self = *state;
    uint64_t receipts[LIMIT];
    for (size_t i = 0; i < LIMIT; i++)
        receipts[i] = replays_give(self->replays, self->routes[i], 7, 100);
    assert_int_equal(replays_ask(self->replays, self->routes[LIMIT]), REPLAYS_FULL);
    assert_int_equal(replays_ask(self->replays, self->routes[0]), REPLAYS_UNREAD);
    assert_true(replays_read(self->replays, self->routes[1], receipts[1]));
    assert_int_equal(replays_ask(self->replays, self->routes[LIMIT]), REPLAYS_FREE);
}

static void
what_a_closed_connection_did_not_read_is_forgotten(void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < LIMIT; i++)
        replays_give(self->replays, self->routes[i], 7, 100);
    self->gone[0] = self->gone[2] = true;
    replays_forget(self->replays, is_gone, self);
    assert_int_equal(replays_unread(self->replays), 1);
    assert_int_equal(replays_ask(self->replays, self->routes[1]), REPLAYS_UNREAD);
    replays_clear(self->replays);
    assert_int_equal(replays_ask(self->replays, self->routes[1]), REPLAYS_FREE);
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
    };
    return cmocka_run_group_tests_name("replays", tests, NULL, NULL);
}
