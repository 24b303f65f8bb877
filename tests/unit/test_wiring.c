// test_wiring - what stands between the user's descriptors and the command's
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <fcntl.h>
#include <unistd.h>

#include "wiring.h"

static void
expect(wiring_question_t question, wiring_kind_t in, wiring_kind_t out, wiring_kind_t err,
       bool session)
{
    wiring_t wiring = wiring_decide(&question);
    assert_int_equal(wiring.of[0], in);
    assert_int_equal(wiring.of[1], out);
    assert_int_equal(wiring.of[2], err);
    assert_int_equal(wiring.session, session);
}

static void
without_a_terminal_output_goes_through_pipes_and_stdin_is_left_alone(void **state)
{
    (void) state;
    expect((wiring_question_t){0}, WIRING_INHERIT, WIRING_PIPE, WIRING_PIPE, false);
}

static void
stdin_is_relayed_where_it_is_watched(void **state)
{
    (void) state;
    expect((wiring_question_t){.watch_stdin = true}, WIRING_PIPE, WIRING_PIPE, WIRING_PIPE,
           false);
}

static void
streams_that_are_one_stay_one(void **state)
{
    (void) state;
    expect((wiring_question_t){.stderr_is_stdout = true}, WIRING_INHERIT, WIRING_PIPE,
           WIRING_AS_STDOUT, false);
}

static void
a_person_at_a_terminal_gets_a_session(void **state)
{
    (void) state;
    expect((wiring_question_t){.terminal = {true, true, true}, .stderr_is_stdout = true},
           WIRING_TERMINAL, WIRING_TERMINAL, WIRING_AS_STDOUT, true);
    expect((wiring_question_t){.terminal = {true, true, false}}, WIRING_TERMINAL,
           WIRING_TERMINAL, WIRING_PIPE, true);
}

static void
what_only_shows_takes_no_keyboard(void **state)
{
    (void) state;
    expect((wiring_question_t){.terminal = {false, true, true}}, WIRING_INHERIT, WIRING_SCREEN,
           WIRING_AS_STDOUT, false);
    expect((wiring_question_t){.terminal = {true, false, true}}, WIRING_INHERIT, WIRING_PIPE,
           WIRING_SCREEN, false);
    expect((wiring_question_t){.terminal = {false, false, true}, .watch_stdin = true},
           WIRING_PIPE, WIRING_PIPE, WIRING_SCREEN, false);
    expect((wiring_question_t){.terminal = {true, false, false}}, WIRING_INHERIT, WIRING_PIPE,
           WIRING_PIPE, false);
}

static void
what_is_closed_stays_closed(void **state)
{
    (void) state;
    expect((wiring_question_t){.closed = {true, true, true}}, WIRING_CLOSED, WIRING_CLOSED,
           WIRING_CLOSED, false);
    expect((wiring_question_t){.closed = {false, true, false}}, WIRING_INHERIT, WIRING_CLOSED,
           WIRING_PIPE, false);
}

static void
one_open_file_is_told_from_two(void **state)
{
    (void) state;
    const bool closed[3] = {false, false, false};
    int kept[2] = {dup(1), dup(2)};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], 1);
    dup2(1, 2);
    wiring_question_t one = wiring_ask(closed, false);
    int file = open("/dev/null", O_WRONLY);
    dup2(file, 2);
    wiring_question_t two = wiring_ask(closed, false);
    dup2(kept[0], 1);
    dup2(kept[1], 2);
    close(kept[0]);
    close(kept[1]);
    close(ends[0]);
    close(ends[1]);
    close(file);
    assert_true(one.stderr_is_stdout);
    assert_false(two.stderr_is_stdout);
    assert_false(one.terminal[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_terminal_output_goes_through_pipes_and_stdin_is_left_alone),
        cmocka_unit_test(stdin_is_relayed_where_it_is_watched),
        cmocka_unit_test(streams_that_are_one_stay_one),
        cmocka_unit_test(a_person_at_a_terminal_gets_a_session),
        cmocka_unit_test(what_only_shows_takes_no_keyboard),
        cmocka_unit_test(what_is_closed_stays_closed),
        cmocka_unit_test(one_open_file_is_told_from_two),
    };
    return cmocka_run_group_tests_name("wiring", tests, NULL, NULL);
}
