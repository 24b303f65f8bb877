// test_guardian - reports on the command, does as it is told, and clears up when nobody tells
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guardian.h"

typedef struct rig {
    pid_t guardian;
    int link;
    // Held by the command and by what it leaves; nobody else has the other end.
    int alive;
} rig_t;

typedef void command_fn(const child_process_plan_t *plan, int report);

static _Noreturn void
wait_for_ever(void)
{
    for (;;)
        (void) pause();
}

static void
say(int report, char what)
{
    if (write(report, &what, 1) != 1)
        _exit(99);
}

// ---- commands ----

static void
ends_at_once(const child_process_plan_t *plan, int report)
{
    (void) plan;
    (void) report;
    _exit(7);
}

// Something that has left group and session, and does not end when asked.
static void
leave_somebody(int report)
{
    if (fork() == 0) {
        (void) setsid();
        (void) signal(SIGTERM, SIG_IGN);
        say(report, 'l');
        wait_for_ever();
    }
}

static void
leaves_somebody_and_ends(const child_process_plan_t *plan, int report)
{
    (void) plan;
    leave_somebody(report);
    _exit(0);
}

static void
leaves_somebody_and_stays(const child_process_plan_t *plan, int report)
{
    sigprocmask(SIG_SETMASK, &plan->mask, NULL);
    leave_somebody(report);
    wait_for_ever();
}

static void
tells_its_group(const child_process_plan_t *plan, int report)
{
    sigprocmask(SIG_SETMASK, &plan->mask, NULL);
    say(report, getpgrp() == plan->fds[0] && getsid(0) == plan->fds[1] ? 'y' : 'n');
    wait_for_ever();
}

// ---- the rig ----

static void
start(rig_t *rig, command_fn *command)
{
    int link[2];
    int alive[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link), 0);
    assert_int_equal(pipe(alive), 0);
    // What the descriptors would be, a command that is none of ours learns here.
    child_process_plan_t plan = {
        .fds = {(int) getpgrp(), (int) getsid(0), -1},
        .session_terminal = -1,
        .user_terminal = -1,
    };
    sigemptyset(&plan.mask);
    pid_t guardian = fork();
    if (guardian == 0) {
        close(link[0]);
        close(alive[0]);
        guardian_run(&plan, link[1], command, alive[1]);
        _exit(98);
    }
    close(link[1]);
    close(alive[1]);
    *rig = (rig_t){.guardian = guardian, .link = link[0], .alive = alive[0]};
}

static int
reported(const rig_t *rig)
{
    guardian_message_t message;
    assert_int_equal(recv(rig->link, &message, sizeof message, 0), sizeof message);
    assert_int_equal(message.verb, GUARDIAN_REPORT_STATUS);
    return message.value;
}

static void
tell(const rig_t *rig, guardian_verb_t verb, int value)
{
    guardian_message_t message = {.verb = verb, .value = value};
    assert_int_equal(send(rig->link, &message, sizeof message, MSG_NOSIGNAL), sizeof message);
}

static void
hear(const rig_t *rig, char what)
{
    char said = 0;
    assert_int_equal(read(rig->alive, &said, 1), 1);
    assert_int_equal(said, what);
}

// Returns the guardian's exit status, once it and all that it started have ended.
static int
end_of(rig_t *rig)
{
    int status = 0;
    char none = 0;
    assert_int_equal(waitpid(rig->guardian, &status, 0), rig->guardian);
    assert_true(WIFEXITED(status));
    assert_int_equal(read(rig->alive, &none, 1), 0);
    close(rig->alive);
    if (rig->link >= 0)
        close(rig->link);
    return WEXITSTATUS(status);
}

// ---- tests ----

static void
the_end_is_reported_and_the_answer_waited_for(void **state)
{
    (void) state;
    rig_t rig;
    start(&rig, ends_at_once);
    int status = reported(&rig);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    // A number that may be another's by now is not signalled: it still answers.
    tell(&rig, GUARDIAN_SIGNAL, SIGKILL);
    assert_int_equal(waitpid(rig.guardian, NULL, WNOHANG), 0);
    tell(&rig, GUARDIAN_LEAVE, 0);
    assert_int_equal(end_of(&rig), 0);
}

static void
a_signal_reaches_the_command(void **state)
{
    (void) state;
    rig_t rig;
    start(&rig, leaves_somebody_and_stays);
    hear(&rig, 'l');
    tell(&rig, GUARDIAN_SIGNAL, SIGUSR1);
    int status = reported(&rig);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGUSR1);
    tell(&rig, GUARDIAN_STOP, SIGTERM);
    assert_int_equal(end_of(&rig), 0);
}

static void
a_stop_of_the_command_is_reported(void **state)
{
    (void) state;
    rig_t rig;
    start(&rig, leaves_somebody_and_stays);
    hear(&rig, 'l');
    tell(&rig, GUARDIAN_SIGNAL, SIGSTOP);
    assert_true(WIFSTOPPED(reported(&rig)));
    tell(&rig, GUARDIAN_SIGNAL, SIGCONT);
    tell(&rig, GUARDIAN_STOP, SIGTERM);
    assert_true(WIFSIGNALED(reported(&rig)));
    assert_int_equal(end_of(&rig), 0);
}

static void
told_to_stop_it_reports_when_nobody_is_left(void **state)
{
    (void) state;
    rig_t rig;
    char none = 0;
    start(&rig, leaves_somebody_and_stays);
    hear(&rig, 'l');
    tell(&rig, GUARDIAN_STOP, SIGTERM);
    int status = reported(&rig);
    assert_int_equal(read(rig.alive, &none, 1), 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(end_of(&rig), 0);
}

static void
told_to_stop_after_the_end_it_clears_up_too(void **state)
{
    (void) state;
    rig_t rig;
    start(&rig, leaves_somebody_and_ends);
    assert_true(WIFEXITED(reported(&rig)));
    hear(&rig, 'l');
    tell(&rig, GUARDIAN_STOP, SIGTERM);
    assert_int_equal(end_of(&rig), 0);
}

static void
without_its_bridge_it_clears_up(void **state)
{
    (void) state;
    rig_t rig;
    start(&rig, leaves_somebody_and_stays);
    hear(&rig, 'l');
    close(rig.link);
    rig.link = -1;
    assert_int_equal(end_of(&rig), 1);
}

static void
it_leaves_the_users_group_and_the_command_does_not(void **state)
{
    (void) state;
    rig_t rig;
    start(&rig, tells_its_group);
    hear(&rig, 'y');
    tell(&rig, GUARDIAN_SIGNAL, SIGUSR1);
    assert_true(WIFSIGNALED(reported(&rig)));
    assert_int_equal(getsid(rig.guardian), rig.guardian);
    assert_int_not_equal(getpgid(rig.guardian), getpgrp());
    tell(&rig, GUARDIAN_LEAVE, 0);
    assert_int_equal(end_of(&rig), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_is_reported_and_the_answer_waited_for),
        cmocka_unit_test(a_signal_reaches_the_command),
        cmocka_unit_test(a_stop_of_the_command_is_reported),
        cmocka_unit_test(told_to_stop_it_reports_when_nobody_is_left),
        cmocka_unit_test(told_to_stop_after_the_end_it_clears_up_too),
        cmocka_unit_test(without_its_bridge_it_clears_up),
        cmocka_unit_test(it_leaves_the_users_group_and_the_command_does_not),
    };
    return cmocka_run_group_tests_name("guardian", tests, NULL, NULL);
}
