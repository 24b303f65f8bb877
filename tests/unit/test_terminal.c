// test_terminal - the user's terminal is as it was, and the one within as the user's
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"

// What a user sits at.
typedef struct rig {
    int screen;
    int fd;
    terminal_t *terminal;
} rig_t;

static int
set_up(void **state)
{
    static rig_t rig;
    rig.screen = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(rig.screen >= 0);
    assert_int_equal(grantpt(rig.screen), 0);
    assert_int_equal(unlockpt(rig.screen), 0);
    rig.fd = open(ptsname(rig.screen), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(rig.fd >= 0);
    rig.terminal = terminal_new(rig.fd);
    assert_non_null(rig.terminal);
    *state = &rig;
    return 0;
}

static int
tear_down(void **state)
{
    rig_t *rig = *state;
    terminal_destroy(&rig->terminal);
    close(rig->fd);
    close(rig->screen);
    return 0;
}

static struct termios
settings_of(int fd)
{
    struct termios settings;
    assert_int_equal(tcgetattr(fd, &settings), 0);
    return settings;
}

static void
change(int fd, tcflag_t clear, tcflag_t set, cc_t erase)
{
    struct termios settings = settings_of(fd);
    settings.c_lflag = (settings.c_lflag & ~clear) | set;
    settings.c_cc[VERASE] = erase;
    assert_int_equal(tcsetattr(fd, TCSANOW, &settings), 0);
}

static void
assert_same(const struct termios *left, const struct termios *right)
{
    assert_int_equal(left->c_iflag, right->c_iflag);
    assert_int_equal(left->c_oflag, right->c_oflag);
    assert_int_equal(left->c_lflag, right->c_lflag);
    assert_memory_equal(left->c_cc, right->c_cc, sizeof left->c_cc);
}

static void
what_is_no_terminal_is_refused(void **state)
{
    (void) state;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_null(terminal_new(nothing));
    assert_int_equal(errno, ENOTTY);
    close(nothing);
}

static void
raw_is_left_as_it_was_entered(void **state)
{
    rig_t *rig = *state;
    change(rig->fd, ECHOK, 0, 8);
    struct termios before = settings_of(rig->fd);
    terminal_set_raw(rig->terminal);
    struct termios raw = settings_of(rig->fd);
    assert_int_equal(raw.c_lflag & (ECHO | ICANON | ISIG), 0);
    assert_int_equal(raw.c_oflag & OPOST, 0);
    assert_same(terminal_settings(rig->terminal), &before);
    terminal_destroy(&rig->terminal);
    struct termios after = settings_of(rig->fd);
    assert_same(&after, &before);
}

static void
the_one_within_has_its_settings_and_size(void **state)
{
    rig_t *rig = *state;
    struct winsize size = {.ws_row = 31, .ws_col = 97};
    assert_int_equal(ioctl(rig->fd, TIOCSWINSZ, &size), 0);
    change(rig->fd, ECHOK, 0, 8);
    terminal_set_raw(rig->terminal);    // notes what the user has now
    terminal_restore(rig->terminal);
    int master = -1;
    int slave = -1;
    assert_int_equal(terminal_open_inner(rig->terminal, false, &master, &slave), 0);
    struct termios inner = settings_of(slave);
    struct termios outer = settings_of(rig->fd);
    assert_same(&inner, &outer);
    assert_true(fcntl(master, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(slave, F_GETFD) & FD_CLOEXEC);

    struct winsize within = {0};
    assert_int_equal(ioctl(slave, TIOCGWINSZ, &within), 0);
    assert_int_equal(within.ws_col, 97);
    size.ws_col = 120;
    assert_int_equal(ioctl(rig->fd, TIOCSWINSZ, &size), 0);
    terminal_pass_size(rig->terminal);
    assert_int_equal(ioctl(slave, TIOCGWINSZ, &within), 0);
    assert_int_equal(within.ws_col, 120);
    close(master);
    close(slave);
}

static void
a_screen_changes_nothing_that_is_written(void **state)
{
    rig_t *rig = *state;
    int master = -1;
    int slave = -1;
    assert_int_equal(terminal_open_inner(rig->terminal, true, &master, &slave), 0);
    assert_int_equal(write(slave, "a\nb", 3), 3);
    char shown[8] = "";
    assert_int_equal(read(master, shown, sizeof shown), 3);
    assert_string_equal(shown, "a\nb");
    uint8_t line[] = "a\r\nb";
    assert_int_equal(terminal_undo_newlines(rig->terminal, line, sizeof line - 1), 4);
    close(master);
    close(slave);
}

static void
what_the_command_sets_is_left_to_the_user(void **state)
{
    rig_t *rig = *state;
    int master = -1;
    int slave = -1;
    assert_int_equal(terminal_open_inner(rig->terminal, false, &master, &slave), 0);
    struct termios expected = settings_of(rig->fd);
    terminal_set_raw(rig->terminal);
    change(slave, ECHO, 0, 8);    // stty -echo erase ^H
    expected.c_lflag &= ~(tcflag_t) ECHO;
    expected.c_cc[VERASE] = 8;
    // Also when the command's side is gone by then.
    close(slave);
    close(master);
    terminal_leave_inner(rig->terminal);
    terminal_restore(rig->terminal);
    struct termios after = settings_of(rig->fd);
    assert_same(&after, &expected);
}

static void
what_a_shell_set_meanwhile_is_passed_in_unless_the_command_has_its_own(void **state)
{
    rig_t *rig = *state;
    int master = -1;
    int slave = -1;
    assert_int_equal(terminal_open_inner(rig->terminal, false, &master, &slave), 0);
    change(rig->fd, ECHO, 0, 8);
    terminal_set_raw(rig->terminal);
    terminal_renew_inner(rig->terminal);
    assert_int_equal(settings_of(slave).c_lflag & ECHO, 0);
    assert_int_equal(settings_of(slave).c_cc[VERASE], 8);

    change(slave, 0, ECHO, 127);    // the command's choice
    terminal_restore(rig->terminal);
    change(rig->fd, ECHO, 0, 23);
    terminal_set_raw(rig->terminal);
    terminal_renew_inner(rig->terminal);
    assert_int_equal(settings_of(slave).c_cc[VERASE], 127);
    close(master);
    close(slave);
}

static void
line_ends_that_another_terminal_makes_again_are_taken_back(void **state)
{
    rig_t *rig = *state;
    int master = -1;
    int slave = -1;
    assert_int_equal(terminal_open_inner(rig->terminal, false, &master, &slave), 0);
    uint8_t lines[] = "a\r\nb\r\r\nc\rd\n\r";
    size_t size = terminal_undo_newlines(rig->terminal, lines, sizeof lines - 1);
    assert_int_equal(size, strlen("a\nb\r\nc\rd\n\r"));
    assert_memory_equal(lines, "a\nb\r\nc\rd\n\r", size);
    close(master);
    close(slave);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_terminal_is_refused),
        cmocka_unit_test_setup_teardown(raw_is_left_as_it_was_entered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_one_within_has_its_settings_and_size, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_screen_changes_nothing_that_is_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_command_sets_is_left_to_the_user, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_a_shell_set_meanwhile_is_passed_in_unless_the_command_has_its_own, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            line_ends_that_another_terminal_makes_again_are_taken_back, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
