// test_supervisor - programs are started, heard, stopped in reverse, and named when they end
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesh/programs.h"
#include "supervisor.h"
#include "temp_dir.h"

enum { DEADLINE_MS = 60 * 1000, GRACE_MS = 200 };

// What the handler was told, as "ready a;ended b 0;".
typedef struct told {
    zloop_t *loop;
    supervisor_t *supervisor;
    char text[512];
    const char *until;    // ends the loop once text ends with it
    bool late;
} told_t;

static void
tell(told_t *told, const char *line)
{
    strncat(told->text, line, sizeof told->text - strlen(told->text) - 1);
}

static void
on_ready(void *arg, const char *name)
{
    told_t *told = arg;
    char line[64];
    snprintf(line, sizeof line, "ready %s;", name);
    tell(told, line);
}

static void
on_ended(void *arg, const char *name, int status)
{
    told_t *told = arg;
    char line[64];
    snprintf(line, sizeof line, "ended %s %d;", name,
             WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    tell(told, line);
}

static const supervisor_handler_t HANDLER = {on_ready, on_ended};

static int
on_look(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    told_t *told = arg;
    size_t size = strlen(told->text);
    size_t wanted = strlen(told->until);
    return size >= wanted && strcmp(told->text + size - wanted, told->until) == 0 ? -1 : 0;
}

static int
on_late(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    told_t *told = arg;
    told->late = true;
    return -1;
}

// Run the loop until the handler was told what ends with until.
static void
run_until(told_t *told, const char *until)
{
    told->until = until;
    int look = zloop_timer(told->loop, 2, 0, on_look, told);
    int late = zloop_timer(told->loop, DEADLINE_MS, 1, on_late, told);
    zloop_start(told->loop);
    zloop_timer_end(told->loop, look);
    zloop_timer_end(told->loop, late);
    if (told->late)
        fail_msg("waited in vain for \"%s\", was told \"%s\"", until, told->text);
}

static int
set_up(void **state)
{
    told_t *told = zmalloc(sizeof *told);
    told->loop = zloop_new();
    told->supervisor = supervisor_new(told->loop, &HANDLER, told);
    assert_non_null(told->supervisor);
    *state = told;
    return 0;
}

static int
tear_down(void **state)
{
    told_t *told = *state;
    supervisor_destroy(&told->supervisor);
    zloop_destroy(&told->loop);
    free(told);
    return 0;
}

static void
start_shell(told_t *told, const char *name, const char *script)
{
    char *copy = strdup(script);
    char sh[] = "sh", c[] = "-c";
    char *arguments[] = {sh, c, copy, NULL};
    assert_int_equal(supervisor_start(told->supervisor, name, "/bin/sh", arguments), 0);
    free(copy);
}

static void
the_end_of_a_program_is_told_with_its_status(void **state)
{
    told_t *told = *state;
    start_shell(told, "three", "exit 3");
    run_until(told, "ended three 3;");
    start_shell(told, "killed", "kill -9 $$");
    run_until(told, "ended killed -9;");
    assert_int_equal(supervisor_running(told->supervisor), 0);
}

// A stand-in for a program that says READY=1: a shell cannot send a datagram, so the test
// process itself is the program, forked by the supervisor through this file.
static void
ready_is_told_only_of_the_program_that_says_it(void **state)
{
    told_t *told = *state;
    char ready[] = "--say-ready", unready[] = "--say-other";
    char *self = mesh_programs_self();
    char *first[] = {self, unready, NULL};
    char *second[] = {self, ready, NULL};
    assert_int_equal(supervisor_start(told->supervisor, "quiet", self, first), 0);
    assert_int_equal(supervisor_start(told->supervisor, "loud", self, second), 0);
    run_until(told, "ready loud;");
    assert_true(supervisor_is_ready(told->supervisor, "loud"));
    assert_false(supervisor_is_ready(told->supervisor, "quiet"));
    assert_false(supervisor_is_ready(told->supervisor, "nobody"));
    supervisor_stop(told->supervisor, DEADLINE_MS);
    run_until(told, "ended quiet -15;");
    assert_string_equal(told->text, "ready loud;ended loud -15;ended quiet -15;");
    free(self);
}

static void
stopping_goes_in_reverse_one_after_the_other(void **state)
{
    told_t *told = *state;
    start_shell(told, "a", "exec sleep 60");
    start_shell(told, "b", "exec sleep 60");
    start_shell(told, "c", "exec sleep 60");
    supervisor_stop(told->supervisor, DEADLINE_MS);
    run_until(told, "ended a -15;");
    assert_string_equal(told->text, "ended c -15;ended b -15;ended a -15;");
}

static void
a_program_that_does_not_end_in_time_is_killed(void **state)
{
    told_t *told = *state;
    char *dir = temp_dir_new();
    char *trapped = temp_dir_file(dir, "trapped");
    char *script = NULL;
    assert_true(
        asprintf(&script, "trap '' TERM; : >'%s'; while :; do sleep 0.05; done", trapped) > 0);
    start_shell(told, "deaf", script);
    int64_t deadline = zclock_mono() + DEADLINE_MS;
    while (access(trapped, F_OK) != 0 && zclock_mono() < deadline)
        zclock_sleep(2);

    int64_t asked = zclock_mono();
    supervisor_stop(told->supervisor, GRACE_MS);
    run_until(told, "ended deaf -9;");
    assert_true(zclock_mono() - asked >= GRACE_MS - 10);

    free(script);
    free(trapped);
    temp_dir_destroy(&dir);
}

static void
a_program_that_is_not_there_is_an_error_not_a_program(void **state)
{
    told_t *told = *state;
    char name[] = "x";
    char *arguments[] = {name, NULL};
    errno = 0;
    assert_int_equal(
        supervisor_start(told->supervisor, "none", "/nonexistent/program", arguments), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(supervisor_running(told->supervisor), 0);
}

// Whether what is read from the pipe comes to its end within the deadline: nobody holds the
// writing side any more.
static bool
ends_in_time(int fd)
{
    int64_t deadline = zclock_mono() + DEADLINE_MS;
    while (zclock_mono() < deadline) {
        zmq_pollitem_t item = {.fd = fd, .events = ZMQ_POLLIN};
        char byte;
        if (zmq_poll(&item, 1, 100) > 0 && read(fd, &byte, 1) == 0)
            return true;
    }
    return false;
}

static void
programs_die_with_the_process_that_started_them(void **state)
{
    (void) state;
    int held[2];
    assert_int_equal(pipe(held), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        zloop_t *loop = zloop_new();
        supervisor_t *supervisor = supervisor_new(loop, &HANDLER, NULL);
        char sleep_name[] = "sleep", minute[] = "60";
        char *arguments[] = {sleep_name, minute, NULL};
        supervisor_start(supervisor, "held", "sleep", arguments);
        kill(getpid(), SIGKILL);
    }
    close(held[1]);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    // The sleeping program holds the pipe's other end for as long as it lives.
    assert_true(ends_in_time(held[0]));
    close(held[0]);
}

static void
the_words_name_status_and_signal(void **state)
{
    (void) state;
    char text[SUPERVISOR_ENDING_SIZE];
    assert_string_equal(supervisor_describe(3 << 8, text), "ended with status 3");
    assert_string_equal(supervisor_describe(SIGKILL, text), "was killed by signal 9 (Killed)");
}

// The program's part of ready_is_told_only_of_the_program_that_says_it.
static int
say(const char *note)
{
    const char *address = getenv("NOTIFY_SOCKET");
    if (!address || address[0] != '@')
        return 1;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t size = strlen(address);
    memcpy(to.sun_path + 1, address + 1, size - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t to_size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + size);
    if (sendto(fd, note, strlen(note), 0, (struct sockaddr *) &to, to_size) == -1)
        return 1;
    pause();
    return 0;
}

int
main(int argc, char *argv[])
{
    if (argc == 2)
        return say(strcmp(argv[1], "--say-ready") == 0 ? "STATUS=fine\nREADY=1\n"
                                                       : "STATUS=READY=1\nREADY=10\n");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_end_of_a_program_is_told_with_its_status, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ready_is_told_only_of_the_program_that_says_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(stopping_goes_in_reverse_one_after_the_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_program_that_does_not_end_in_time_is_killed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_program_that_is_not_there_is_an_error_not_a_program,
                                        set_up, tear_down),
        cmocka_unit_test(programs_die_with_the_process_that_started_them),
        cmocka_unit_test(the_words_name_status_and_signal),
    };
    return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
