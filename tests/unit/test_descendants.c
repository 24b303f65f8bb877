// test_descendants - what a command leaves behind is found, asked, and in the end killed
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descendants.h"

static int child_signals = -1;

static int
set_up(void **state)
{
    (void) state;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    assert_int_equal(sigprocmask(SIG_BLOCK, &child, NULL), 0);
    child_signals = signalfd(-1, &child, SFD_CLOEXEC);
    assert_true(child_signals >= 0);
    return descendants_inherit();
}

static int
tear_down(void **state)
{
    (void) state;
    close(child_signals);
    return 0;
}

static _Noreturn void
wait_for_ever(void)
{
    for (;;)
        (void) pause();
}

static void
nobody_is_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void
without_children_there_is_nothing_to_do(void **state)
{
    (void) state;
    assert_int_equal(descendants_end(SIGTERM, child_signals), 0);
    nobody_is_left();
}

// What a child that waits for a signal was asked with; 0 where it was killed before it could
// say.
static char
asked_with(int number)
{
    int told[2];
    assert_int_equal(pipe(told), 0);
    if (fork() == 0) {
        sigset_t asked;
        sigemptyset(&asked);
        sigaddset(&asked, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &asked, NULL);
        assert_int_equal(write(told[1], "r", 1), 1);
        int came = 0;
        (void) sigwait(&asked, &came);
        _exit(write(told[1], came == SIGHUP ? "h" : "?", 1) != 1);
    }
    close(told[1]);
    char said = 0;
    assert_int_equal(read(told[0], &said, 1), 1);    // it is ready to be asked
    assert_int_equal(descendants_end(number, child_signals), 0);
    if (read(told[0], &said, 1) != 1)
        said = '\0';
    close(told[0]);
    nobody_is_left();
    return said;
}

static void
children_are_asked_with_the_signal_given(void **state)
{
    (void) state;
    // Half a second is given, in which a busy machine may not come to the child.
    char said = '\0';
    for (int times = 0; times < 5 && said == '\0'; times++)
        said = asked_with(SIGHUP);
    assert_int_equal(said, 'h');
}

static void
what_has_lost_its_parent_and_left_its_session_is_found(void **state)
{
    (void) state;
    int alive[2];
    assert_int_equal(pipe(alive), 0);
    pid_t parent = fork();
    if (parent == 0) {
        if (fork() == 0) {
            (void) setsid();
            wait_for_ever();
        }
        _exit(0);
    }
    close(alive[1]);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(descendants_end(SIGTERM, child_signals), 0);
    char none = 0;
    assert_int_equal(read(alive[0], &none, 1), 0);    // nobody holds its other end
    nobody_is_left();
    close(alive[0]);
}

static void
what_ignores_the_signal_is_killed_after_the_grace(void **state)
{
    (void) state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    if (fork() == 0) {
        (void) signal(SIGTERM, SIG_IGN);
        (void) !write(ready[1], "r", 1);
        wait_for_ever();
    }
    char said = 0;
    assert_int_equal(read(ready[0], &said, 1), 1);
    assert_int_equal(descendants_end(SIGTERM, child_signals), 0);
    nobody_is_left();
    close(ready[0]);
    close(ready[1]);
}

static void
what_is_stopped_is_continued_to_end(void **state)
{
    (void) state;
    pid_t child = fork();
    if (child == 0) {
        (void) raise(SIGSTOP);
        wait_for_ever();
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(descendants_end(SIGTERM, child_signals), 0);
    nobody_is_left();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_children_there_is_nothing_to_do),
        cmocka_unit_test(children_are_asked_with_the_signal_given),
        cmocka_unit_test(what_has_lost_its_parent_and_left_its_session_is_found),
        cmocka_unit_test(what_ignores_the_signal_is_killed_after_the_grace),
        cmocka_unit_test(what_is_stopped_is_continued_to_end),
    };
    return cmocka_run_group_tests_name("descendants", tests, set_up, tear_down);
}
