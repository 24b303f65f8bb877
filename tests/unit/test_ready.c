// test_ready - what the word to the supervisor promises
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mesh/ready.h"
#include "temp_dir.h"

// A supervisor's socket; name begins with '@' for an abstract one.
static int
bind_supervisor(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    assert_true(length < sizeof address.sun_path);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *) &address,
                          (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    return fd;
}

static void
assert_heard(int supervisor, const char *state_text)
{
    char text[64] = "";
    ssize_t got = recv(supervisor, text, sizeof text - 1, 0);
    assert_int_equal(got, strlen(state_text));
    assert_string_equal(text, state_text);
}

static void
the_state_reaches_a_socket_with_a_path(void **state)
{
    (void) state;
    char *directory = temp_dir_new();
    char *path = temp_dir_file(directory, "notify");
    int supervisor = bind_supervisor(path);
    (void) setenv("NOTIFY_SOCKET", path, 1);
    mesh_ready_notify("READY=1");
    mesh_ready_notify("STOPPING=1");
    assert_heard(supervisor, "READY=1");
    assert_heard(supervisor, "STOPPING=1");
    assert_int_equal(close(supervisor), 0);
    free(path);
    temp_dir_destroy(&directory);
}

static void
the_state_reaches_an_abstract_socket(void **state)
{
    (void) state;
    char name[64];
    (void) snprintf(name, sizeof name, "@aidermesh-test-%ld", (long) getpid());
    int supervisor = bind_supervisor(name);
    (void) setenv("NOTIFY_SOCKET", name, 1);
    mesh_ready_notify("READY=1");
    assert_heard(supervisor, "READY=1");
    assert_int_equal(close(supervisor), 0);
}

static void
a_supervisor_that_is_absent_wrong_or_deaf_is_no_error_and_no_wait(void **state)
{
    (void) state;
    char longest[300];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    (void) unsetenv("NOTIFY_SOCKET");
    mesh_ready_notify("READY=1");
    const char *const wrong[] = {"", "relative", "/none/here", "vsock:2:1", longest};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        (void) setenv("NOTIFY_SOCKET", wrong[i], 1);
        mesh_ready_notify("READY=1");
    }

    char name[64];
    (void) snprintf(name, sizeof name, "@aidermesh-deaf-%ld", (long) getpid());
    int supervisor = bind_supervisor(name);
    (void) setenv("NOTIFY_SOCKET", name, 1);
    // More than a socket's queue holds: the time limit of the test is the proof.
    for (int i = 0; i < 2000; i++)
        mesh_ready_notify("WATCHDOG=1");
    assert_heard(supervisor, "WATCHDOG=1");
    assert_int_equal(close(supervisor), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_reaches_a_socket_with_a_path),
        cmocka_unit_test(the_state_reaches_an_abstract_socket),
        cmocka_unit_test(a_supervisor_that_is_absent_wrong_or_deaf_is_no_error_and_no_wait),
    };
    return cmocka_run_group_tests_name("ready", tests, NULL, NULL);
}
