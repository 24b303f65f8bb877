// test_subscriptions - each connection has so many prefixes, whoever had its descriptor
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "subscriptions.h"

enum { LIMIT = 3, MINE = 7, OTHERS = 1000 };

// What libzmq has for each connection: only where it is counts.
static const char connections[2 * OTHERS];

// Descriptor, connection and what is behind the descriptor now.
static subscriptions_outcome_t
hear_by(subscriptions_t *self, int descriptor, size_t connection, uint64_t socket, char sign,
        const char *prefix)
{
    char message[32];
    int bytes = snprintf(message, sizeof message, "%c%s", sign, prefix);
    assert_in_range(bytes, 1, sizeof message - 1);
    zframe_t *frame = zframe_new(message, (size_t) bytes);
    assert_in_range(connection, 0, sizeof connections - 1);
    subscriptions_outcome_t outcome =
        subscriptions_heard(self, descriptor, connections + connection, socket, &frame);
    zframe_destroy(&frame);
    return outcome;
}

static subscriptions_outcome_t
hear(subscriptions_t *self, int descriptor, uintptr_t connection, char sign, const char *prefix)
{
    return hear_by(self, descriptor, connection, connection, sign, prefix);
}

static subscriptions_t *
full(void)
{
    subscriptions_t *self = subscriptions_new(LIMIT);
    assert_int_equal(hear(self, MINE, 1, 1, "a"), SUBSCRIPTIONS_WITHIN);
    assert_int_equal(hear(self, MINE, 1, 1, "b"), SUBSCRIPTIONS_WITHIN);
    assert_int_equal(hear(self, MINE, 1, 1, ""), SUBSCRIPTIONS_WITHIN);
    return self;
}

static void
one_more_than_the_limit_is_past_it_once(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    assert_int_equal(hear(self, MINE, 1, 1, "c"), SUBSCRIPTIONS_PAST_IT);
    assert_int_equal(hear(self, MINE, 1, 1, "d"), SUBSCRIPTIONS_REFUSED);
    assert_int_equal(hear(self, MINE, 1, 0, "a"), SUBSCRIPTIONS_REFUSED);
    subscriptions_destroy(&self);
}

static void
the_same_prefix_counts_once(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    assert_int_equal(hear(self, MINE, 1, 1, "b"), SUBSCRIPTIONS_WITHIN);
    assert_int_equal(hear(self, MINE, 1, 1, ""), SUBSCRIPTIONS_WITHIN);
    subscriptions_destroy(&self);
}

static void
what_is_wanted_no_more_makes_room_for_one(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    assert_int_equal(hear(self, MINE, 1, 0, "a"), SUBSCRIPTIONS_WITHIN);
    assert_int_equal(hear(self, MINE, 1, 1, "c"), SUBSCRIPTIONS_WITHIN);
    assert_int_equal(hear(self, MINE, 1, 1, "d"), SUBSCRIPTIONS_PAST_IT);
    subscriptions_destroy(&self);
}

static void
to_end_what_was_never_begun_makes_no_room(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    for (int i = 0; i < LIMIT; i++)
        assert_int_equal(hear(self, MINE, 1, 0, "zzz"), SUBSCRIPTIONS_WITHIN);
    assert_int_equal(hear(self, MINE, 1, 1, "c"), SUBSCRIPTIONS_PAST_IT);
    subscriptions_destroy(&self);
}

static void
other_messages_change_nothing(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    assert_int_equal(hear(self, MINE, 1, 2, "c"), SUBSCRIPTIONS_WITHIN);
    zframe_t *empty = zframe_new(NULL, 0);
    assert_int_equal(subscriptions_heard(self, MINE, &empty, 1, &empty), SUBSCRIPTIONS_WITHIN);
    zframe_destroy(&empty);
    assert_int_equal(hear(self, MINE, 1, 1, "c"), SUBSCRIPTIONS_PAST_IT);
    subscriptions_destroy(&self);
}

static void
each_connection_has_its_own(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    for (int other = MINE + 1; other < OTHERS; other++)
        for (int i = 0; i < LIMIT; i++) {
            char prefix[8];
            snprintf(prefix, sizeof prefix, "%d", i);
            assert_int_equal(hear(self, other, (uintptr_t) other, 1, prefix),
                             SUBSCRIPTIONS_WITHIN);
        }
    assert_int_equal(hear(self, MINE, 1, 1, "c"), SUBSCRIPTIONS_PAST_IT);
    subscriptions_destroy(&self);
}

static void
who_has_the_descriptor_next_begins_with_none(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    assert_int_equal(hear(self, MINE, 1, 1, "c"), SUBSCRIPTIONS_PAST_IT);
    assert_int_equal(hear(self, MINE, 2, 1, "c"), SUBSCRIPTIONS_WITHIN);
    assert_int_equal(hear(self, MINE, 2, 1, "a"), SUBSCRIPTIONS_WITHIN);
    subscriptions_destroy(&self);
}

static void
what_is_read_too_late_ends_nobody_elses_connection(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    // The same connection as before, and another one behind its descriptor.
    assert_int_equal(hear_by(self, MINE, 1, 2, 1, "c"), SUBSCRIPTIONS_REFUSED);
    assert_int_equal(hear(self, MINE, 2, 1, "a"), SUBSCRIPTIONS_WITHIN);
    subscriptions_destroy(&self);
}

static void
when_all_are_closed_none_is_counted(void **state)
{
    (void) state;
    subscriptions_t *self = full();
    subscriptions_clear(self);
    assert_int_equal(hear(self, MINE, 1, 1, "c"), SUBSCRIPTIONS_WITHIN);
    subscriptions_destroy(&self);
    subscriptions_destroy(&self);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_more_than_the_limit_is_past_it_once),
        cmocka_unit_test(the_same_prefix_counts_once),
        cmocka_unit_test(what_is_wanted_no_more_makes_room_for_one),
        cmocka_unit_test(to_end_what_was_never_begun_makes_no_room),
        cmocka_unit_test(other_messages_change_nothing),
        cmocka_unit_test(each_connection_has_its_own),
        cmocka_unit_test(who_has_the_descriptor_next_begins_with_none),
        cmocka_unit_test(what_is_read_too_late_ends_nobody_elses_connection),
        cmocka_unit_test(when_all_are_closed_none_is_counted),
    };
    return cmocka_run_group_tests_name("subscriptions", tests, NULL, NULL);
}
