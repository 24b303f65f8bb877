// test_paths - what the directories of the mesh promise
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <czmq.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/paths.h"
#include "temp_dir.h"

// Each test has its own directory, and an environment that names no other.
typedef struct fixture {
    char *directory;
    mesh_settings_t *settings;
} fixture_t;

static int
set_up(void **state)
{
    fixture_t *fixture = calloc(1, sizeof *fixture);
    fixture->directory = temp_dir_new();
    fixture->settings = mesh_settings_new();
    (void) unsetenv("AIDER_MCP_COORDINATOR_DISCOVERY_FILE");
    (void) setenv("XDG_RUNTIME_DIR", fixture->directory, 1);
    (void) setenv("XDG_STATE_HOME", fixture->directory, 1);
    (void) setenv("HOME", fixture->directory, 1);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_t *fixture = *state;
    mesh_settings_destroy(&fixture->settings);
    temp_dir_destroy(&fixture->directory);
    free(fixture);
    return 0;
}

static void
assign(fixture_t *fixture, const char *key, const char *value)
{
    char *assignment = NULL, *error = NULL;
    assert_true(asprintf(&assignment, "%s=%s", key, value) > 0);
    assert_int_equal(mesh_settings_assign(fixture->settings, assignment, "--set", &error), 0);
    free(assignment);
}

static void
assert_path(char *path, const char *expected)
{
    assert_non_null(path);
    assert_string_equal(path, expected);
    free(path);
}

static void
assert_runtime_dir_refused(fixture_t *fixture, const char *part)
{
    char *error = NULL;
    assert_null(mesh_paths_runtime_dir(fixture->settings, &error));
    assert_non_null(error);
    if (!strstr(error, part))
        fail_msg("\"%s\" does not say \"%s\"", error, part);
    free(error);
}

static void
the_runtime_dir_is_made_for_its_owner_alone(void **state)
{
    fixture_t *fixture = *state;
    char *expected = temp_dir_file(fixture->directory, "aidermesh");
    char *error = NULL;
    mode_t kept = umask(0);
    assert_path(mesh_paths_runtime_dir(fixture->settings, &error), expected);
    (void) umask(kept);
    struct stat status;
    assert_int_equal(stat(expected, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    // And found the next time.
    assert_path(mesh_paths_runtime_dir(fixture->settings, &error), expected);
    free(expected);
}

static void
the_runtime_dir_is_the_setting_then_xdg_then_tmp(void **state)
{
    fixture_t *fixture = *state;
    char *error = NULL;
    char *expected = NULL;
    assert_true(asprintf(&expected, "/tmp/aidermesh-%lu", (unsigned long) geteuid()) > 0);
    // A relative XDG_RUNTIME_DIR is no answer, says the XDG specification.
    (void) setenv("XDG_RUNTIME_DIR", "relative", 1);
    char *path = mesh_paths_runtime_dir(fixture->settings, &error);
    if (path)
        assert_path(path, expected);
    else {
        // Somebody else's is in the way, which must have been refused by this name.
        assert_non_null(strstr(error, expected));
        free(error);
    }
    free(expected);

    expected = temp_dir_file(fixture->directory, "mine");
    char *with_slashes = temp_dir_file(fixture->directory, "mine//");
    assign(fixture, "mesh/runtime_dir", with_slashes);
    assert_path(mesh_paths_runtime_dir(fixture->settings, &error), expected);
    free(with_slashes);
    free(expected);
}

static void
a_runtime_dir_others_may_use_is_refused(void **state)
{
    fixture_t *fixture = *state;
    char *path = temp_dir_file(fixture->directory, "aidermesh");
    assert_int_equal(mkdir(path, 0700), 0);
    static const mode_t open_modes[] = {0750, 0701, 0777, 0720};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_int_equal(chmod(path, open_modes[i]), 0);
        assert_runtime_dir_refused(fixture, "others may use it (mode 07");
    }
    free(path);
}

static void
a_runtime_dir_that_is_a_link_is_refused_also_with_a_slash(void **state)
{
    fixture_t *fixture = *state;
    char *target = temp_dir_file(fixture->directory, "target");
    char *link_path = temp_dir_file(fixture->directory, "aidermesh");
    assert_int_equal(mkdir(target, 0700), 0);
    assert_int_equal(symlink(target, link_path), 0);
    assert_runtime_dir_refused(fixture, "it is a link or no directory");
    char *with_slash = temp_dir_file(fixture->directory, "aidermesh/");
    assign(fixture, "mesh/runtime_dir", with_slash);
    assert_runtime_dir_refused(fixture, "it is a link or no directory");
    free(with_slash);
    free(target);
    free(link_path);
}

static void
a_runtime_dir_that_is_a_file_is_refused(void **state)
{
    fixture_t *fixture = *state;
    char *path = temp_dir_file(fixture->directory, "aidermesh");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_runtime_dir_refused(fixture, "it is a link or no directory");
    free(path);
}

static void
a_runtime_dir_of_another_user_is_refused(void **state)
{
    fixture_t *fixture = *state;
    if (geteuid() == 0) {
        char *path = temp_dir_file(fixture->directory, "aidermesh");
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chown(path, 12345, (gid_t) -1), 0);
        assert_runtime_dir_refused(fixture, "it belongs to user 12345, not to 0");
        free(path);
    } else {
        // /proc/1 belongs to root, and may be opened by all.
        assign(fixture, "mesh/runtime_dir", "/proc/1");
        assert_runtime_dir_refused(fixture, "it belongs to user 0, not to ");
    }
}

static void
a_runtime_dir_that_is_relative_or_cannot_be_made_is_refused(void **state)
{
    fixture_t *fixture = *state;
    assign(fixture, "mesh/runtime_dir", "here");
    assert_runtime_dir_refused(fixture, "the runtime directory \"here\" cannot be used "
                                        "(mesh/runtime_dir): it is not an absolute path");
    assign(fixture, "mesh/runtime_dir", "/proc/none/here");
    assert_runtime_dir_refused(fixture, "cannot make it: ");
}

static void
the_longest_runtime_dir_still_holds_every_socket(void **state)
{
    fixture_t *fixture = *state;
    char path[128] = "";
    size_t used = (size_t) (stpcpy(stpcpy(path, fixture->directory), "/") - path);
    memset(path + used, 'd', 97 - used);
    assign(fixture, "mesh/runtime_dir", path);
    char *error = NULL;
    assert_path(mesh_paths_runtime_dir(fixture->settings, &error), path);
    static const char *const names[] = {"publish", "subscribe", "control"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        zsock_t *socket = zsock_new(ZMQ_PULL);
        assert_int_equal(zsock_bind(socket, "ipc://%s/%s", path, names[i]), 0);
        zsock_destroy(&socket);
    }
    path[97] = 'd';
    assign(fixture, "mesh/runtime_dir", path);
    assert_runtime_dir_refused(fixture, "is too long for the name of a socket in it "
                                        "(mesh/runtime_dir), allowed: at most 97 bytes");
}

static void
the_state_dir_is_the_setting_then_xdg_then_home(void **state)
{
    fixture_t *fixture = *state;
    char *error = NULL;
    char *expected = temp_dir_file(fixture->directory, "aidermesh");
    assert_path(mesh_paths_state_dir(fixture->settings, &error), expected);
    free(expected);

    (void) unsetenv("XDG_STATE_HOME");
    expected = temp_dir_file(fixture->directory, ".local/state/aidermesh");
    assert_path(mesh_paths_state_dir(fixture->settings, &error), expected);
    struct stat status;
    assert_int_equal(stat(expected, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    free(expected);

    expected = temp_dir_file(fixture->directory, "a/b/c");
    assign(fixture, "mesh/state_dir", expected);
    assert_path(mesh_paths_state_dir(fixture->settings, &error), expected);
    assert_int_equal(chmod(expected, 0755), 0);
    assert_null(mesh_paths_state_dir(fixture->settings, &error));
    assert_non_null(strstr(error, "the state directory "));
    assert_non_null(strstr(error, "others may use it (mode 0755)"));
    free(error);
    free(expected);
}

static void
the_discovery_file_is_the_predecessors_variable_then_the_setting(void **state)
{
    fixture_t *fixture = *state;
    char *error = NULL;
    char *expected = temp_dir_file(fixture->directory, "aidermesh/coordinator_registry.json");
    assert_path(mesh_paths_discovery_file(fixture->settings, &error), expected);
    free(expected);
    assign(fixture, "mesh/discovery_file", "/x/found.json");
    assert_path(mesh_paths_discovery_file(fixture->settings, &error), "/x/found.json");
    (void) setenv("AIDER_MCP_COORDINATOR_DISCOVERY_FILE", "/y/found.json", 1);
    assert_path(mesh_paths_discovery_file(fixture->settings, &error), "/y/found.json");
}

static void
the_host_is_the_setting_then_the_kernels_name(void **state)
{
    fixture_t *fixture = *state;
    char kernels[256];
    assert_int_equal(gethostname(kernels, sizeof kernels), 0);
    assert_path(mesh_paths_host(fixture->settings), kernels);
    assign(fixture, "mesh/host", "build-7");
    assert_path(mesh_paths_host(fixture->settings), "build-7");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_runtime_dir_is_made_for_its_owner_alone),
        TEST(the_runtime_dir_is_the_setting_then_xdg_then_tmp),
        TEST(a_runtime_dir_others_may_use_is_refused),
        TEST(a_runtime_dir_that_is_a_link_is_refused_also_with_a_slash),
        TEST(a_runtime_dir_that_is_a_file_is_refused),
        TEST(a_runtime_dir_of_another_user_is_refused),
        TEST(a_runtime_dir_that_is_relative_or_cannot_be_made_is_refused),
        TEST(the_longest_runtime_dir_still_holds_every_socket),
        TEST(the_state_dir_is_the_setting_then_xdg_then_home),
        TEST(the_discovery_file_is_the_predecessors_variable_then_the_setting),
        TEST(the_host_is_the_setting_then_the_kernels_name),
    };
    return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
