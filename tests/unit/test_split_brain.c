// test_split_brain - other brokers of the mesh, and which of two stays
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "split_brain.h"

static mesh_uuid_t
id(uint8_t first, uint8_t last)
{
    mesh_uuid_t uuid = {{first}};
    uuid.bytes[MESH_UUID_BYTES - 1] = last;
    return uuid;
}

static void
the_one_that_began_later_yields(void **state)
{
    (void) state;
    mesh_uuid_t elder = id(1, 9), younger = id(2, 1), twin = id(1, 8);
    assert_true(split_brain_yields(&younger, &elder));
    assert_false(split_brain_yields(&elder, &younger));
    assert_true(split_brain_yields(&elder, &twin));
    assert_false(split_brain_yields(&twin, &elder));
}

static void
of_two_made_in_different_milliseconds_the_first_is_the_elder(void **state)
{
    (void) state;
    enum { TIME_BYTES = 6 };
    mesh_uuid_t first = mesh_uuid_new(), second;
    do
        second = mesh_uuid_new();
    while (memcmp(first.bytes, second.bytes, TIME_BYTES) == 0);
    assert_true(split_brain_yields(&second, &first));
    assert_false(split_brain_yields(&first, &second));
}

static void
another_broker_is_news_once_and_again_after_it_was_gone(void **state)
{
    (void) state;
    split_brain_t *brains = split_brain_new();
    mesh_uuid_t other = id(1, 1), gone;
    assert_true(split_brain_heard(brains, &other, 0));
    assert_false(split_brain_heard(brains, &other, 5000));
    assert_false(split_brain_gone(brains, &gone, 5000 + SPLIT_BRAIN_SILENT_MS - 1));
    assert_true(split_brain_gone(brains, &gone, 5000 + SPLIT_BRAIN_SILENT_MS));
    assert_true(mesh_uuid_equal(&gone, &other));
    assert_false(split_brain_gone(brains, &gone, 1000000));
    assert_true(split_brain_heard(brains, &other, 1000000));
    split_brain_destroy(&brains);
}

static void
a_crowd_takes_bounded_room(void **state)
{
    (void) state;
    split_brain_t *brains = split_brain_new();
    for (int i = 0; i < 2 * SPLIT_BRAIN_LIMIT; i++) {
        mesh_uuid_t other = id((uint8_t) i, 1);
        assert_int_equal(split_brain_heard(brains, &other, 0), i < SPLIT_BRAIN_LIMIT);
    }
    split_brain_destroy(&brains);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_that_began_later_yields),
        cmocka_unit_test(of_two_made_in_different_milliseconds_the_first_is_the_elder),
        cmocka_unit_test(another_broker_is_news_once_and_again_after_it_was_gone),
        cmocka_unit_test(a_crowd_takes_bounded_room),
    };
    return cmocka_run_group_tests_name("split_brain", tests, NULL, NULL);
}
