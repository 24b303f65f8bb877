// test_token - what the token file promises
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesh/secret_file.h"
#include "mesh/token.h"
#include "temp_dir.h"

typedef struct fixture {
    char *directory;
    char *path;    // of the token file
    mesh_settings_t *settings;
} fixture_t;

static int
set_up(void **state)
{
    fixture_t *fixture = calloc(1, sizeof *fixture);
    char *assignment = NULL, *error = NULL;
    fixture->directory = temp_dir_new();
    fixture->path = temp_dir_file(fixture->directory, "token");
    fixture->settings = mesh_settings_new();
    assert_true(asprintf(&assignment, "mesh/state_dir=%s", fixture->directory) > 0);
    assert_int_equal(mesh_settings_assign(fixture->settings, assignment, "--set", &error), 0);
    free(assignment);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_t *fixture = *state;
    mesh_settings_destroy(&fixture->settings);
    free(fixture->path);
    temp_dir_destroy(&fixture->directory);
    free(fixture);
    return 0;
}

static void
write_token_file(const fixture_t *fixture, const char *bytes, size_t size_bytes, mode_t mode)
{
    (void) unlink(fixture->path);
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size_bytes), size_bytes);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void
assert_refused(fixture_t *fixture, const char *part)
{
    char *error = NULL;
    assert_null(mesh_token_load_or_make(fixture->settings, &error));
    assert_non_null(error);
    if (!strstr(error, part))
        fail_msg("\"%s\" does not say \"%s\"", error, part);
    free(error);
}

static int
count_files(const char *directory)
{
    int count = 0;
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;)
        count += entry->d_name[0] != '.';
    assert_int_equal(closedir(entries), 0);
    return count;
}

static void
the_first_start_makes_a_token_that_later_ones_find(void **state)
{
    fixture_t *fixture = *state;
    char *error = NULL;
    char *made = mesh_token_load_or_make(fixture->settings, &error);
    assert_non_null(made);
    assert_int_equal(strlen(made), 2 * MESH_SECRET_RANDOM_BYTES);
    assert_int_equal(strspn(made, "0123456789abcdef"), strlen(made));
    struct stat status;
    assert_int_equal(lstat(fixture->path, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(count_files(fixture->directory), 1);

    char *found = mesh_token_load_or_make(fixture->settings, &error);
    assert_string_equal(found, made);
    free(found);
    found = mesh_token_load(fixture->settings, &error);
    assert_string_equal(found, made);
    free(found);

    assert_int_equal(unlink(fixture->path), 0);
    found = mesh_token_load_or_make(fixture->settings, &error);
    assert_string_not_equal(found, made);
    free(found);
    free(made);
}

static void
load_makes_nothing_and_says_who_does(void **state)
{
    fixture_t *fixture = *state;
    char *error = NULL;
    assert_null(mesh_token_load(fixture->settings, &error));
    assert_non_null(strstr(error, "there is no token yet"));
    assert_non_null(strstr(error, fixture->path));
    free(error);
    assert_int_equal(count_files(fixture->directory), 0);
}

static void
processes_that_start_at_once_agree_on_one_token(void **state)
{
    fixture_t *fixture = *state;
    enum { PROCESSES = 8, ROUNDS = 20, TOKEN_BYTES = 2 * MESH_SECRET_RANDOM_BYTES };
    for (int round = 0; round < ROUNDS; round++) {
        int go[2], answers[2];
        (void) unlink(fixture->path);
        assert_int_equal(pipe2(go, O_CLOEXEC), 0);
        assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
        for (int i = 0; i < PROCESSES; i++) {
            pid_t child = fork();
            assert_true(child >= 0);
            if (child > 0)
                continue;
            char *error = NULL, byte;
            (void) close(go[1]);
            // All wait for the end of the pipe, so that they leave together.
            (void) !read(go[0], &byte, 1);
            char *token = mesh_token_load_or_make(fixture->settings, &error);
            bool said = token && write(answers[1], token, TOKEN_BYTES) == TOKEN_BYTES;
            free(token);
            _exit(said ? 0 : 1);
        }
        (void) close(go[0]);
        (void) close(go[1]);
        (void) close(answers[1]);
        for (int i = 0; i < PROCESSES; i++) {
            int status = -1;
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
        }
        char first[TOKEN_BYTES], next[TOKEN_BYTES];
        assert_int_equal(read(answers[0], first, TOKEN_BYTES), TOKEN_BYTES);
        for (int i = 1; i < PROCESSES; i++) {
            assert_int_equal(read(answers[0], next, TOKEN_BYTES), TOKEN_BYTES);
            assert_memory_equal(first, next, TOKEN_BYTES);
        }
        (void) close(answers[0]);
        assert_int_equal(count_files(fixture->directory), 1);
    }
}

static void
a_token_file_others_may_read_is_refused(void **state)
{
    fixture_t *fixture = *state;
    static const char token[] = "0123456789abcdef0123456789abcdef\n";
    write_token_file(fixture, token, sizeof token - 1, 0640);
    assert_refused(fixture, "others may use it (mode 0640); allowed is 0600");
    write_token_file(fixture, token, sizeof token - 1, 0604);
    assert_refused(fixture, "others may use it (mode 0604)");
    write_token_file(fixture, token, sizeof token - 1, 0400);
    char *error = NULL;
    char *found = mesh_token_load(fixture->settings, &error);
    assert_string_equal(found, "0123456789abcdef0123456789abcdef");
    free(found);
}

static void
a_token_file_that_is_a_link_a_fifo_or_a_directory_is_refused(void **state)
{
    fixture_t *fixture = *state;
    char *target = temp_dir_file(fixture->directory, "target");
    assert_int_equal(symlink(target, fixture->path), 0);
    assert_refused(fixture, "it is a link");
    assert_int_equal(access(target, F_OK), -1);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_refused(fixture, "it is not a regular file");
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    assert_refused(fixture, "it is not a regular file");
    free(target);
}

static void
a_token_is_one_line_of_16_to_256_printable_characters(void **state)
{
    fixture_t *fixture = *state;
    char longest[300];
    memset(longest, 'x', sizeof longest);
    static const struct {
        const char *bytes;
        size_t size;
    } wrong[] = {
        {"", 0},
        {"\n", 1},
        {"0123456789abcde\n", 16},
        {"0123456789abcdef\n\n", 18},
        {"0123456789abcdef\n0123456789abcdef\n", 34},
        {"0123456789 abcdef\n", 18},
        {"0123456789\tabcdef\n", 18},
        {"0123456789abcdef\r\n", 18},
        {"0123456789abcd\xc3\xa4\n", 17},
        {"0123456789abcdef\0 and more\n", 27},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_token_file(fixture, wrong[i].bytes, wrong[i].size, 0600);
        assert_refused(fixture, "allowed is one line of 16 to 256 printable characters");
    }
    write_token_file(fixture, longest, 257, 0600);
    assert_refused(fixture, "allowed is one line of 16 to 256 printable characters");
    write_token_file(fixture, longest, 300, 0600);
    assert_refused(fixture, "allowed is one line of 16 to 256 printable characters");

    char *error = NULL;
    longest[256] = '\n';
    write_token_file(fixture, longest, 257, 0600);
    char *found = mesh_token_load(fixture->settings, &error);
    assert_non_null(found);
    assert_int_equal(strlen(found), 256);
    free(found);
    write_token_file(fixture, "0123456789abcdef", 16, 0600);
    found = mesh_token_load(fixture->settings, &error);
    assert_string_equal(found, "0123456789abcdef");
    free(found);
}

static void
a_token_from_the_settings_is_used_and_no_file_is_made(void **state)
{
    fixture_t *fixture = *state;
    char *error = NULL;
    assert_int_equal(mesh_settings_assign(fixture->settings,
                                          "http/token_value=from-the-settings", "--set",
                                          &error),
                     0);
    char *token = mesh_token_load_or_make(fixture->settings, &error);
    assert_string_equal(token, "from-the-settings");
    free(token);
    assert_int_equal(count_files(fixture->directory), 0);
    assert_int_equal(
        mesh_settings_assign(fixture->settings, "http/token_value=too-short", "--set", &error),
        0);
    assert_null(mesh_token_load(fixture->settings, &error));
    assert_null(strstr(error, "too-short"));
    assert_non_null(strstr(error, "http/token_value (--set) cannot be used"));
    free(error);
}

static void
only_the_whole_token_is_equal(void **state)
{
    (void) state;
    assert_true(mesh_token_equal("0123456789abcdef", "0123456789abcdef"));
    assert_false(mesh_token_equal("0123456789abcdef", "0123456789abcdeF"));
    assert_false(mesh_token_equal("0123456789abcdef", "x123456789abcdef"));
    assert_false(mesh_token_equal("0123456789abcdef", "0123456789abcde"));
    assert_false(mesh_token_equal("0123456789abcdef", ""));
    // Repeated, the bytes agree at every place that is compared.
    assert_false(mesh_token_equal("0123456789abcdef", "0123456789abcdef0123456789abcdef"));
    assert_false(mesh_token_equal("", ""));
    assert_false(mesh_token_equal("", "x"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_start_makes_a_token_that_later_ones_find),
        TEST(load_makes_nothing_and_says_who_does),
        TEST(processes_that_start_at_once_agree_on_one_token),
        TEST(a_token_file_others_may_read_is_refused),
        TEST(a_token_file_that_is_a_link_a_fifo_or_a_directory_is_refused),
        TEST(a_token_is_one_line_of_16_to_256_printable_characters),
        TEST(a_token_from_the_settings_is_used_and_no_file_is_made),
        cmocka_unit_test(only_the_whole_token_is_equal),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
