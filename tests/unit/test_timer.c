// test_timer - a timer that was ended does not come, whoever ended it
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "mesh/timer.h"

enum { TURN_MS = 5 };

typedef struct bench {
    zloop_t *loop;
    mesh_timer_t *timers[3];
    int came[3];
    mesh_timer_t *last;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    zsys_init();
    self->loop = zloop_new();
    zloop_set_nonstop(self->loop, true);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    zloop_destroy(&self->loop);
    test_free(self);
    return 0;
}

// zloop_timer_fn: all of these are due in one turn; the first of them ends the others.
static int
on_first(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    bench_t *self = arg;
    self->came[0]++;
    mesh_timer_end(&self->timers[1]);
    mesh_timer_end(&self->timers[2]);
    return 0;
}

static int
on_other(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    ++*(int *) arg;
    return 0;
}

static int
on_last(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    return -1;
}

static void
run(bench_t *self, size_t turns)
{
    mesh_timer_start(&self->last, self->loop, turns * TURN_MS, true, on_last, self);
    zloop_start(self->loop);
}

static void
one_that_another_ends_in_the_same_turn_does_not_come(void **state)
{
    bench_t *self = *state;
    mesh_timer_start(&self->timers[0], self->loop, TURN_MS, true, on_first, self);
    mesh_timer_start(&self->timers[1], self->loop, TURN_MS, true, on_other, &self->came[1]);
    mesh_timer_start(&self->timers[2], self->loop, TURN_MS, false, on_other, &self->came[2]);
    run(self, 4);
    assert_int_equal(self->came[0], 1);
    assert_int_equal(self->came[1], 0);
    assert_int_equal(self->came[2], 0);
    for (int i = 0; i < 3; i++)
        assert_null(self->timers[i]);
}

// zloop_timer_fn: ends two that are due, and starts as many in their place, for much later.
static int
on_exchange(zloop_t *loop, int timer_id, void *arg)
{
    (void) on_first(loop, timer_id, arg);
    bench_t *self = arg;
    for (int i = 1; i < 3; i++)
        mesh_timer_start(&self->timers[i], loop, 60000, true, on_other, &self->came[i]);
    return 0;
}

static void
one_that_takes_the_place_of_another_does_not_come_for_it(void **state)
{
    bench_t *self = *state;
    mesh_timer_start(&self->timers[0], self->loop, TURN_MS, true, on_exchange, self);
    mesh_timer_start(&self->timers[1], self->loop, TURN_MS, true, on_other, &self->came[1]);
    mesh_timer_start(&self->timers[2], self->loop, TURN_MS, false, on_other, &self->came[2]);
    run(self, 4);
    assert_int_equal(self->came[0], 1);
    assert_int_equal(self->came[1], 0);
    assert_int_equal(self->came[2], 0);
    assert_non_null(self->timers[1]);
    mesh_timer_end(&self->timers[1]);
    mesh_timer_end(&self->timers[2]);
}

static void
one_that_comes_once_is_over_when_it_comes(void **state)
{
    bench_t *self = *state;
    mesh_timer_start(&self->timers[1], self->loop, 1, true, on_other, &self->came[1]);
    run(self, 4);
    assert_int_equal(self->came[1], 1);
    assert_null(self->timers[1]);
    mesh_timer_end(&self->timers[1]);
}

// zloop_timer_fn: however long it takes, it comes once more.
static int
on_another(zloop_t *loop, int timer_id, void *arg)
{
    (void) on_other(loop, timer_id, arg);
    return *(int *) arg == 3 ? -1 : 0;
}

static void
another_comes_until_it_is_ended(void **state)
{
    bench_t *self = *state;
    mesh_timer_start(&self->timers[1], self->loop, 1, false, on_another, &self->came[1]);
    zloop_start(self->loop);
    assert_int_equal(self->came[1], 3);
    assert_non_null(self->timers[1]);
    mesh_timer_end(&self->timers[1]);
    int came = self->came[1];
    run(self, 2);
    assert_int_equal(self->came[1], came);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_another_ends_in_the_same_turn_does_not_come,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            one_that_takes_the_place_of_another_does_not_come_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_comes_once_is_over_when_it_comes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(another_comes_until_it_is_ended, setup, teardown),
    };
    return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
