// test_wires - what is opened is what was decided, and what goes in at one end comes out
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wires.h"

static const wires_plan_t no_plan = {.tap = NULL};

// Relaying takes over descriptors 0, 1 and 2, so each test has a process of its own; its exit
// status is the number of the first thing that was not as expected, 0 for none.
typedef int relaying_fn(void);

enum { STATUS_OF_FAILED_SET_UP = 90 };

// In a process whose stdin, stdout and stderr are pipes. What it writes to stdout goes to out,
// cut off at size.
static int
in_a_process(relaying_fn *fn, const char *stdin_text, char *out, size_t size)
{
    int pipes[3][2];
    for (int fd = 0; fd < 3; fd++)
        assert_int_equal(pipe2(pipes[fd], O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        for (int fd = 0; fd < 3; fd++)
            if (dup2(pipes[fd][fd == 0 ? 0 : 1], fd) < 0)
                _exit(STATUS_OF_FAILED_SET_UP);
        for (int fd = 0; fd < 3; fd++) {
            close(pipes[fd][0]);
            close(pipes[fd][1]);
        }
        _exit(fn());
    }
    for (int fd = 0; fd < 3; fd++)
        close(pipes[fd][fd == 0 ? 0 : 1]);
    size_t given = strlen(stdin_text);
    assert_int_equal(write(pipes[0][1], stdin_text, given), given);
    close(pipes[0][1]);
    size_t got = 0;
    ssize_t more = 0;
    while (got < size - 1 && (more = read(pipes[1][0], out + got, size - 1 - got)) > 0)
        got += (size_t) more;
    out[got] = '\0';
    close(pipes[1][0]);
    close(pipes[2][0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

// The relay's loop, until nothing more comes of the output.
static void
relay_output(wires_t *wires)
{
    while (!wires_are_done(wires)) {
        struct pollfd polls[WIRES_COPIES * COPY_POLLS];
        for (int i = 0; i < WIRES_COPIES * COPY_POLLS; i++)
            polls[i] = (struct pollfd){.fd = -1};
        for (int fd = 0; fd < WIRES_COPIES; fd++)
            if (wires->copies[fd])
                copy_prepare(wires->copies[fd], polls + (ptrdiff_t) fd * COPY_POLLS);
        (void) poll(polls, sizeof polls / sizeof *polls, -1);
        for (int fd = 0; fd < WIRES_COPIES; fd++)
            if (wires->copies[fd])
                copy_proceed(wires->copies[fd], polls + (ptrdiff_t) fd * COPY_POLLS);
    }
}

static int
look_at_what_is_opened(void)
{
    const wiring_t wiring = {.of = {WIRING_INHERIT, WIRING_PIPE, WIRING_CLOSED}};
    child_process_plan_t start;
    wires_t wires;
    if (wires_open(&wires, &wiring, &no_plan, &start) < 0)
        return 1;
    if (start.fds[0] != 0 || start.fds[1] < 3 || start.fds[2] != -1)
        return 2;
    if (wires.copies[0] || !wires.copies[1] || wires.copies[2] || wires.terminal || wires.gate)
        return 3;
    if (start.session_terminal != -1 || start.user_terminal != -1)
        return 4;
    // The command's end blocks, as a pipe that a shell makes does.
    if (fcntl(start.fds[1], F_GETFL) & O_NONBLOCK)
        return 5;
    wires_abandon(&wires);
    // The user's are still there, for who takes over this process.
    return fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 || wires.copies[1] ? 6 : 0;
}

static void
only_what_is_watched_is_replaced(void **state)
{
    (void) state;
    char out[8];
    assert_int_equal(in_a_process(look_at_what_is_opened, "", out, sizeof out), 0);
}

static int
look_at_stderr_as_stdout(void)
{
    const wiring_t wiring = {.of = {WIRING_INHERIT, WIRING_PIPE, WIRING_AS_STDOUT}};
    child_process_plan_t start;
    wires_t wires;
    if (wires_open(&wires, &wiring, &no_plan, &start) < 0)
        return 1;
    if (start.fds[2] != start.fds[1] || wires.copies[2])
        return 2;
    wires_let_go(&wires, &start, NULL, 0);
    if (fcntl(start.fds[1], F_GETFD) >= 0)
        return 3;    // the command's end is the command's only
    wires_close(&wires);
    return 0;
}

static void
stderr_where_stdout_goes_shares_its_pipe(void **state)
{
    (void) state;
    char out[8];
    assert_int_equal(in_a_process(look_at_stderr_as_stdout, "", out, sizeof out), 0);
}

static int
relay_what_a_command_writes(void)
{
    const wiring_t wiring = {.of = {WIRING_PIPE, WIRING_PIPE, WIRING_PIPE}};
    child_process_plan_t start;
    wires_t wires;
    if (wires_open(&wires, &wiring, &no_plan, &start) < 0)
        return 1;
    pid_t command = fork();
    if (command == 0) {
        for (int fd = 0; fd < 3; fd++)
            if (dup2(start.fds[fd], fd) < 0)
                _exit(1);
        wires_let_go(&wires, &start, NULL, 0);
        (void) close_range(3, ~0U, 0);
        char block[16];
        ssize_t size = 0;
        while ((size = read(0, block, sizeof block)) > 0)
            if (write(1, block, (size_t) size) != size)
                _exit(2);
        _exit(0);
    }
    wires_let_go(&wires, &start, NULL, 0);
    relay_output(&wires);
    int status = 0;
    if (waitpid(command, &status, 0) != command || status != 0)
        return 2;
    if (wires_are_left_open(&wires) || wires_lost_output(&wires))
        return 3;
    wires_close(&wires);
    return 0;
}

static void
bytes_go_both_ways_and_so_do_the_ends(void **state)
{
    (void) state;
    char out[64];
    assert_int_equal(
        in_a_process(relay_what_a_command_writes, "what is said\n\377", out, sizeof out), 0);
    assert_string_equal(out, "what is said\n\377");
}

static int
relay_what_a_command_leaves_open(void)
{
    const wiring_t wiring = {.of = {WIRING_INHERIT, WIRING_PIPE, WIRING_PIPE}};
    child_process_plan_t start;
    wires_t wires;
    if (wires_open(&wires, &wiring, &no_plan, &start) < 0)
        return 1;
    // Held by what the command has started; its stderr ends with the command.
    int left = fcntl(start.fds[1], F_DUPFD_CLOEXEC, 3);
    wires_let_go(&wires, &start, NULL, 0);
    if (write(left, "now ", 4) != 4)
        return 2;
    copy_finish(wires.copies[1]);
    copy_finish(wires.copies[2]);
    if (!wires_are_done(&wires) || !wires_are_left_open(&wires))
        return 3;
    wires_resume(&wires);
    if (wires.copies[2] || wires_are_done(&wires))
        return 4;
    if (write(left, "later", 5) != 5)
        return 5;
    close(left);
    relay_output(&wires);
    wires_close(&wires);
    return 0;
}

static void
what_comes_after_the_command_comes_too(void **state)
{
    (void) state;
    char out[64];
    assert_int_equal(in_a_process(relay_what_a_command_leaves_open, "", out, sizeof out), 0);
    assert_string_equal(out, "now later");
}

static int
open_for_an_mcp_server(void)
{
    wiring_t wiring = {.of = {WIRING_PIPE, WIRING_PIPE, WIRING_PIPE}};
    const wires_plan_t diverts = {.diverts_noise = true};
    child_process_plan_t start;
    wires_t wires;
    if (wires_open(&wires, &wiring, &diverts, &start) < 0 || !wires.gate)
        return 1;
    wires_abandon(&wires);
    if (wires.gate)
        return 2;
    // There is nowhere else for noise to go.
    wiring.of[2] = WIRING_AS_STDOUT;
    if (wires_open(&wires, &wiring, &diverts, &start) < 0 || wires.gate)
        return 3;
    wires_abandon(&wires);
    return 0;
}

static void
noise_is_diverted_where_stderr_is_another_place(void **state)
{
    (void) state;
    char out[8];
    assert_int_equal(in_a_process(open_for_an_mcp_server, "", out, sizeof out), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_watched_is_replaced),
        cmocka_unit_test(stderr_where_stdout_goes_shares_its_pipe),
        cmocka_unit_test(bytes_go_both_ways_and_so_do_the_ends),
        cmocka_unit_test(what_comes_after_the_command_comes_too),
        cmocka_unit_test(noise_is_diverted_where_stderr_is_another_place),
    };
    return cmocka_run_group_tests_name("wires", tests, NULL, NULL);
}
