// test_copy - one direction of the relay, between two pipes
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "copy.h"

typedef struct rig {
    int in;     // what the command writes to
    int out;    // what the reader reads from
    copy_t *copy;
} rig_t;

static int
set_up(void **state)
{
    static rig_t rig;
    int from[2];
    int to[2];
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(fcntl(from[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(to[1], F_SETFL, O_NONBLOCK), 0);
    rig = (rig_t){.in = from[1], .out = to[0]};
    rig.copy = copy_new(from[0], false, sink_new_own(to[1]), TAP_STDOUT, NULL);
    *state = &rig;
    return 0;
}

static int
tear_down(void **state)
{
    rig_t *rig = *state;
    if (rig->in >= 0)
        close(rig->in);
    if (rig->out >= 0)
        close(rig->out);
    copy_destroy(&rig->copy);
    return 0;
}

// One turn of the relay's loop, without waiting.
static void
turn(rig_t *rig)
{
    struct pollfd polls[COPY_POLLS];
    copy_prepare(rig->copy, polls);
    if (poll(polls, COPY_POLLS, 0) > 0)
        copy_proceed(rig->copy, polls);
}

static void
expect(const rig_t *rig, const char *text)
{
    char found[100] = "";
    assert_int_equal(read(rig->out, found, sizeof found - 1), strlen(text));
    assert_string_equal(found, text);
}

static void
bytes_go_through_and_so_does_the_end(void **state)
{
    rig_t *rig = *state;
    assert_int_equal(write(rig->in, "hello", 5), 5);
    turn(rig);
    expect(rig, "hello");
    assert_false(copy_is_done(rig->copy));
    close(rig->in);
    rig->in = -1;
    turn(rig);
    assert_true(copy_is_done(rig->copy));
    expect(rig, "");    // end of file
    assert_false(copy_is_left_open(rig->copy));
}

static void
a_full_reader_stops_the_reading_and_loses_nothing(void **state)
{
    rig_t *rig = *state;
    static char block[65536];
    memset(block, 'x', sizeof block);
    size_t written = 0;
    size_t got = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write(rig->in, block, sizeof block), sizeof block);
        written += sizeof block;
        turn(rig);
    }
    // One block in the reader's pipe, one held, one in the writer's: there is no more room.
    struct pollfd full = {.fd = rig->in, .events = POLLOUT};
    turn(rig);
    assert_int_equal(poll(&full, 1, 0), 0);
    close(rig->in);
    rig->in = -1;
    for (;;) {
        ssize_t size = read(rig->out, block, sizeof block);
        assert_true(size >= 0);
        if (size == 0)
            break;
        got += (size_t) size;
        turn(rig);
        turn(rig);
    }
    assert_int_equal(got, written);
}

static void
a_reader_that_leaves_breaks_the_writers_pipe_at_once(void **state)
{
    rig_t *rig = *state;
    close(rig->out);
    rig->out = -1;
    turn(rig);
    assert_true(copy_is_done(rig->copy));
    assert_int_equal(write(rig->in, "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(copy_error(rig->copy), 0);
}

static void
what_a_command_left_behind_is_passed_on_although_somebody_keeps_its_output(void **state)
{
    rig_t *rig = *state;
    assert_int_equal(write(rig->in, "left", 4), 4);
    copy_finish(rig->copy);
    turn(rig);
    assert_true(copy_is_done(rig->copy));
    expect(rig, "left");
    assert_true(copy_is_left_open(rig->copy));
    copy_resume(rig->copy);
    assert_int_equal(write(rig->in, "later", 5), 5);
    turn(rig);
    expect(rig, "later");
    close(rig->in);
    rig->in = -1;
    turn(rig);
    assert_true(copy_is_done(rig->copy));
    expect(rig, "");
}

static void
a_paused_copy_leaves_its_source_alone(void **state)
{
    rig_t *rig = *state;
    copy_pause(rig->copy, true);
    assert_int_equal(write(rig->in, "typed", 5), 5);
    turn(rig);
    struct pollfd out = {.fd = rig->out, .events = POLLIN};
    assert_int_equal(poll(&out, 1, 0), 0);
    copy_pause(rig->copy, false);
    turn(rig);
    expect(rig, "typed");
}

static void
a_device_that_fails_is_told_apart_from_a_reader_that_left(void **state)
{
    rig_t *rig = *state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    int from[2];
    assert_int_equal(pipe2(from, O_CLOEXEC | O_NONBLOCK), 0);
    copy_t *copy = copy_new(from[0], false, sink_new_own(full), TAP_STDOUT, NULL);
    copy_t *before = rig->copy;
    rig->copy = copy;
    assert_int_equal(write(from[1], "x", 1), 1);
    turn(rig);
    assert_true(copy_is_done(copy));
    assert_int_equal(copy_error(copy), ENOSPC);
    rig->copy = before;
    copy_destroy(&copy);
    close(from[1]);
}

int
main(void)
{
    (void) signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_go_through_and_so_does_the_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_reader_stops_the_reading_and_loses_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_that_leaves_breaks_the_writers_pipe_at_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_a_command_left_behind_is_passed_on_although_somebody_keeps_its_output, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_paused_copy_leaves_its_source_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_device_that_fails_is_told_apart_from_a_reader_that_left, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
