// test_job_control - foreground, stops and sizes of a command, on a terminal and without
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job_control.h"

enum { LIMIT_MS = 60000, STATUS_OF_FAILED_SET_UP = 90, STATUS_OF_OTHER_STOPS };

typedef struct rig {
    wires_t wires;
    child_process_t *child;
    job_control_t job;
} rig_t;

// What is looked at in a process that a shell has started in the foreground of a terminal. Its
// status is the number of the first thing that was not as expected.
typedef int looking_fn(void);

static _Noreturn void
look(looking_fn *fn)
{
    sigset_t taken;
    sigemptyset(&taken);
    static const int numbers[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGWINCH};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&taken, numbers[i]);
    (void) sigprocmask(SIG_BLOCK, &taken, NULL);
    _exit(fn());
}

// Valgrind keeps from a process what would stop it.
static bool
signals_stop(void)
{
    int status = 0;
    pid_t probe = fork();
    if (probe == 0) {
        (void) setpgid(0, 0);
        (void) raise(SIGTSTP);
        _exit(0);
    }
    bool stopped = waitpid(probe, &status, WUNTRACED) == probe && WIFSTOPPED(status);
    if (stopped) {
        (void) kill(probe, SIGCONT);
        (void) waitpid(probe, &status, 0);
    }
    return stopped;
}

// A shell that continues a job which was stopped, and wants that to happen so often.
static _Noreturn void
be_a_shell(const char *terminal, looking_fn *fn, int stops)
{
    (void) setsid();
    (void) signal(SIGTTOU, SIG_IGN);
    int fd = open(terminal, O_RDWR);    // and so ours
    for (int number = 0; number < 3; number++)
        if (dup2(fd, number) < 0)
            _exit(STATUS_OF_FAILED_SET_UP);
    close(fd);
    stops = signals_stop() ? stops : 0;
    pid_t job = fork();
    if (job == 0) {
        (void) setpgid(0, 0);
        (void) tcsetpgrp(0, getpid());
        (void) signal(SIGTTOU, SIG_DFL);
        look(fn);
    }
    int status = 0;
    while (waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
        stops--;
        (void) kill(-job, SIGCONT);
    }
    _exit(stops == 0 ? WEXITSTATUS(status) : STATUS_OF_OTHER_STOPS);
}

static int
on_a_terminal(looking_fn *fn, int stops)
{
    int screen = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(screen >= 0);
    assert_int_equal(grantpt(screen), 0);
    assert_int_equal(unlockpt(screen), 0);
    pid_t shell = fork();
    if (shell == 0)
        be_a_shell(ptsname(screen), fn, stops);
    int status = 0;
    assert_int_equal(waitpid(shell, &status, 0), shell);
    close(screen);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

// Run a shell's script. Returns whether it runs.
static bool
start(rig_t *rig, const wiring_t *wiring, char *script)
{
    static const wires_plan_t no_plan = {.tap = NULL};
    char *words[] = {"sh", "-c", script, NULL};
    char *environment[] = {"PATH=/usr/bin:/bin", NULL};
    child_process_plan_t plan = {
        .words = words, .environment = environment, .foreground = true};
    bool executing = false;
    int error = 0;
    sigemptyset(&plan.mask);
    if (wires_open(&rig->wires, wiring, &no_plan, &plan) < 0)
        return false;
    rig->child = child_process_start(&plan, &executing, &error);
    if (!rig->child)
        return false;
    wires_let_go(&rig->wires, &plan, NULL, 0);
    rig->job = (job_control_t){.wires = &rig->wires, .child = rig->child};
    return true;
}

static bool
start_session(rig_t *rig, char *script)
{
    static const wiring_t wiring = {
        .of = {WIRING_TERMINAL, WIRING_TERMINAL, WIRING_TERMINAL},
        .session = true,
    };
    return start(rig, &wiring, script);
}

static void
end(rig_t *rig)
{
    wires_close(&rig->wires);
    child_process_destroy(&rig->child);
}

// The next that becomes of the command; *value_p as of child_process_next.
static child_process_change_t
next_change(rig_t *rig, int *value_p)
{
    child_process_change_t change = CHILD_PROCESS_NOTHING;
    while ((change = child_process_next(rig->child, value_p)) == CHILD_PROCESS_NOTHING) {
        struct pollfd news = {.fd = child_process_fd(rig->child), .events = POLLIN};
        if (poll(&news, 1, LIMIT_MS) <= 0)
            return CHILD_PROCESS_NOTHING;
    }
    return change;
}

static bool
is_raw(void)
{
    struct termios settings;
    return tcgetattr(0, &settings) == 0 && !(settings.c_lflag & (ICANON | ECHO | ISIG));
}

static bool
reads_the_keyboard(const rig_t *rig)
{
    struct pollfd polls[COPY_POLLS];
    copy_prepare(rig->wires.copies[0], polls);
    return polls[0].fd >= 0 && (polls[0].events & POLLIN);
}

static int
look_at_the_foreground(void)
{
    rig_t rig;
    if (is_raw() || !start_session(&rig, "read line"))
        return 1;
    job_control_set_foreground(&rig.job, true);
    if (!rig.job.foreground || !is_raw() || !reads_the_keyboard(&rig))
        return 2;
    job_control_set_foreground(&rig.job, false);
    if (rig.job.foreground || reads_the_keyboard(&rig))
        return 3;
    // Nobody else has the terminal, so that it is the command's again.
    job_control_continued(&rig.job);
    if (!rig.job.foreground || !is_raw() || !reads_the_keyboard(&rig))
        return 4;
    end(&rig);
    return is_raw() ? 5 : 0;
}

static void
in_the_foreground_the_keyboard_is_the_commands(void **state)
{
    (void) state;
    assert_int_equal(on_a_terminal(look_at_the_foreground, 0), 0);
}

static int
look_at_a_stop(void)
{
    rig_t rig;
    int value = 0;
    if (!start_session(&rig, "kill -TSTP $$; exit 5"))
        return 1;
    job_control_set_foreground(&rig.job, true);
    if (next_change(&rig, &value) != CHILD_PROCESS_STOPPED || value != SIGTSTP)
        return 2;
    job_control_stopped(&rig.job, value);
    if (!rig.job.foreground || !is_raw())
        return 3;
    if (next_change(&rig, &value) != CHILD_PROCESS_ENDED || WEXITSTATUS(value) != 5)
        return 4;
    end(&rig);
    return is_raw() ? 5 : 0;
}

static void
a_command_that_stops_has_us_stopped_and_goes_on_with_us(void **state)
{
    (void) state;
    assert_int_equal(on_a_terminal(look_at_a_stop, 1), 0);
}

static int
look_at_stops_without_a_session(void)
{
    static const wiring_t wiring = {.of = {WIRING_INHERIT, WIRING_PIPE, WIRING_PIPE}};
    rig_t rig;
    int value = 0;
    if (!start(&rig, &wiring, "kill -STOP $$; kill -TSTP $$; exit 6"))
        return 1;
    if (next_change(&rig, &value) != CHILD_PROCESS_STOPPED || value != SIGSTOP)
        return 2;
    job_control_stopped(&rig.job, value);
    // Who has stopped it continues it.
    if (child_process_next(rig.child, &value) != CHILD_PROCESS_NOTHING)
        return 3;
    child_process_signal(rig.child, SIGCONT);
    if (next_change(&rig, &value) != CHILD_PROCESS_STOPPED || value != SIGTSTP)
        return 4;
    job_control_stopped(&rig.job, value);
    if (next_change(&rig, &value) != CHILD_PROCESS_ENDED || WEXITSTATUS(value) != 6)
        return 5;
    end(&rig);
    return 0;
}

static void
without_a_session_only_a_terminals_stop_is_ours_too(void **state)
{
    (void) state;
    assert_int_equal(on_a_terminal(look_at_stops_without_a_session, 1), 0);
}

static int
look_at_a_size(void)
{
    rig_t rig;
    struct winsize size = {.ws_row = 33, .ws_col = 77};
    struct winsize inner = {.ws_row = 0};
    if (!start_session(&rig, "read line"))
        return 1;
    if (ioctl(0, TIOCSWINSZ, &size) < 0)
        return 2;
    job_control_resized(&rig.job, true);
    if (ioctl(rig.wires.master, TIOCGWINSZ, &inner) < 0)
        return 3;
    end(&rig);
    return inner.ws_row == 33 && inner.ws_col == 77 ? 0 : 4;
}

static void
the_terminal_within_has_the_size_of_the_users(void **state)
{
    (void) state;
    assert_int_equal(on_a_terminal(look_at_a_size, 0), 0);
}

static int
look_at_a_size_without_a_session(void)
{
    static const wiring_t wiring = {.of = {WIRING_INHERIT, WIRING_PIPE, WIRING_PIPE}};
    rig_t rig;
    int value = 0;
    // Ready to be told before anybody can be told.
    if (!start(&rig, &wiring, "trap 'exit 7' WINCH; kill -STOP $$; while :; do sleep 1; done"))
        return 1;
    if (next_change(&rig, &value) != CHILD_PROCESS_STOPPED)
        return 2;
    job_control_resized(&rig.job, false);
    child_process_signal(rig.child, SIGCONT);
    if (next_change(&rig, &value) != CHILD_PROCESS_ENDED || WEXITSTATUS(value) != 7)
        return 3;
    end(&rig);
    return 0;
}

static void
a_size_that_no_terminal_has_told_is_passed_on(void **state)
{
    (void) state;
    assert_int_equal(on_a_terminal(look_at_a_size_without_a_session, 0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_foreground_the_keyboard_is_the_commands),
        cmocka_unit_test(a_command_that_stops_has_us_stopped_and_goes_on_with_us),
        cmocka_unit_test(without_a_session_only_a_terminals_stop_is_ours_too),
        cmocka_unit_test(the_terminal_within_has_the_size_of_the_users),
        cmocka_unit_test(a_size_that_no_terminal_has_told_is_passed_on),
    };
    return cmocka_run_group_tests_name("job_control", tests, NULL, NULL);
}
