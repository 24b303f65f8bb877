// test_signals - what signals as events of a zloop promise
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesh/signals.h"

typedef struct heard {
    int numbers[8];
    int count;
    int stop_after;
} heard_t;

static int
on_signal(int number, void *arg)
{
    heard_t *heard = arg;
    heard->numbers[heard->count++] = number;
    return heard->count == heard->stop_after ? -1 : 0;
}

static bool
has(const heard_t *heard, int number)
{
    for (int i = 0; i < heard->count; i++) {
        if (heard->numbers[i] == number)
            return true;
    }
    return false;
}

static void
each_signal_is_given_to_the_handler_and_stops_nothing_by_itself(void **state)
{
    (void) state;
    heard_t heard = {.stop_after = 3};
    zloop_t *loop = zloop_new();
    mesh_signals_t *signals = mesh_signals_new(loop, on_signal, &heard);
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(raise(SIGINT), 0);
    // -1: a handler ended the loop, and not a signal.
    assert_int_equal(zloop_start(loop), -1);
    assert_int_equal(heard.count, 3);
    assert_true(has(&heard, SIGHUP) && has(&heard, SIGTERM) && has(&heard, SIGINT));
    mesh_signals_destroy(&signals);
    assert_null(signals);
    zloop_destroy(&loop);
}

static void
a_second_sigterm_on_the_way_out_kills_nobody(void **state)
{
    (void) state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        heard_t heard = {.stop_after = 1};
        zloop_t *loop = zloop_new();
        mesh_signals_t *signals = mesh_signals_new(loop, on_signal, &heard);
        (void) raise(SIGTERM);
        (void) zloop_start(loop);
        mesh_signals_destroy(&signals);
        (void) raise(SIGTERM);
        _exit(7);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void
a_write_to_a_closed_pipe_is_an_error_and_not_the_end(void **state)
{
    (void) state;
    heard_t heard = {.stop_after = 1};
    zloop_t *loop = zloop_new();
    mesh_signals_t *signals = mesh_signals_new(loop, on_signal, &heard);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(close(ends[1]), 0);
    mesh_signals_destroy(&signals);
    zloop_destroy(&loop);
}

int
main(void)
{
    // As mesh_program_main has it: no signal handlers of CZMQ's own.
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_signal_is_given_to_the_handler_and_stops_nothing_by_itself),
        cmocka_unit_test(a_second_sigterm_on_the_way_out_kills_nobody),
        cmocka_unit_test(a_write_to_a_closed_pipe_is_an_error_and_not_the_end),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
