// test_aider_files - where a session writes, by AIDER's own rules
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "aider_files.h"

#include <stdlib.h>
#include <string.h>

// A system of a few files and variables, for one test.
typedef struct place {
    const char *entries[16];      // path, content, path, content, …, NULL
    const char *variables[16];    // name, value, …, NULL
} place_t;

static const char *
look_up(const char *const *pairs, const char *name)
{
    for (; *pairs; pairs += 2) {
        if (!strcmp(pairs[0], name))
            return pairs[1];
    }
    return NULL;
}

static const char *
place_env(void *arg, const char *name)
{
    const place_t *place = arg;
    return look_up(place->variables, name);
}

static char *
place_read(void *arg, const char *path, size_t limit_bytes)
{
    const place_t *place = arg;
    const char *text = look_up(place->entries, path);
    return text ? strndup(text, limit_bytes) : NULL;
}

static bool
place_exists(void *arg, const char *path)
{
    const place_t *place = arg;
    return look_up(place->entries, path) != NULL;
}

static aider_files_t *
find(place_t *place, const char *const *argv)
{
    return aider_files_find(&(aider_files_source_t){.argv = argv,
                                                    .working_dir = "/home/u/repo/sub",
                                                    .env = place_env,
                                                    .read = place_read,
                                                    .exists = place_exists,
                                                    .arg = place});
}

static const char *const PLAIN[] = {"aider", NULL};

static void
by_default_the_history_is_at_the_repository_s_top(void **state)
{
    (void) state;
    place_t place = {.entries = {"/home/u/repo/.git", ""}};
    aider_files_t *files = find(&place, PLAIN);
    assert_string_equal(files->git_root, "/home/u/repo");
    assert_string_equal(files->chat_history, "/home/u/repo/.aider.chat.history.md");
    assert_null(files->analytics_log);
    assert_null(files->model);
    aider_files_destroy(&files);
    assert_null(files);
}

static void
without_a_repository_it_is_in_the_working_directory(void **state)
{
    (void) state;
    place_t place = {.entries = {"/home/u/repo/.git", ""}};
    static const char *const ARGV[] = {"aider", "--no-git", NULL};
    aider_files_t *files = find(&place, ARGV);
    assert_null(files->git_root);
    assert_string_equal(files->chat_history, "/home/u/repo/sub/.aider.chat.history.md");
    aider_files_destroy(&files);
}

static void
the_command_line_beats_all(void **state)
{
    (void) state;
    place_t place = {.entries = {"/home/u/repo/.git", "", "/home/u/repo/.env",
                                 "AIDER_CHAT_HISTORY_FILE=/env/h\nAIDER_MODEL=env\n"},
                     .variables = {"AIDER_ANALYTICS_LOG", "log"}};
    static const char *const ARGV[] = {"aider", "--chat-history-file", "h.md", "--model=m",
                                       NULL};
    aider_files_t *files = find(&place, ARGV);
    assert_string_equal(files->chat_history, "/home/u/repo/sub/h.md");
    assert_string_equal(files->analytics_log, "/home/u/repo/sub/log");
    assert_string_equal(files->model, "m");
    aider_files_destroy(&files);
}

static void
an_env_file_beats_the_environment_and_the_nearest_one_wins(void **state)
{
    (void) state;
    place_t place = {
        .entries = {"/home/u/repo/.git", "", "/home/u/.env", "AIDER_MODEL=home\n",
                    "/home/u/repo/.env",
                    "# AIDER_MODEL=no\nexport AIDER_MODEL = 'repo # 1' # comment\n"},
        .variables = {"HOME", "/home/u", "AIDER_MODEL", "process"}};
    aider_files_t *files = find(&place, PLAIN);
    assert_string_equal(files->model, "repo # 1");
    aider_files_destroy(&files);
}

static void
the_environment_beats_the_configuration(void **state)
{
    (void) state;
    place_t place = {.entries = {"/home/u/.aider.conf.yml",
                                 "model: home\nanalytics-log: /var/log/a # here\n",
                                 "/home/u/repo/sub/.aider.conf.yml",
                                 "model: \"near\"\n  message: inner\n"},
                     .variables = {"HOME", "/home/u"}};
    aider_files_t *files = find(&place, PLAIN);
    assert_string_equal(files->model, "near");
    assert_string_equal(files->analytics_log, "/var/log/a");
    assert_null(files->message);
    aider_files_destroy(&files);
    place.variables[2] = "AIDER_MODEL";
    place.variables[3] = "process";
    files = find(&place, PLAIN);
    assert_string_equal(files->model, "process");
    aider_files_destroy(&files);
}

static void
files_named_on_the_command_line_are_read(void **state)
{
    (void) state;
    place_t place = {.entries = {"/etc/a.env", "AIDER_CHAT_HISTORY_FILE=x.md\n",
                                 "/home/u/repo/sub/my.yml", "analytics-log: l\n"}};
    static const char *const ARGV[] = {"aider",    "--env-file", "/etc/a.env",
                                       "--config", "my.yml",     NULL};
    aider_files_t *files = find(&place, ARGV);
    assert_string_equal(files->chat_history, "/home/u/repo/sub/x.md");
    assert_string_equal(files->analytics_log, "/home/u/repo/sub/l");
    aider_files_destroy(&files);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_the_history_is_at_the_repository_s_top),
        cmocka_unit_test(without_a_repository_it_is_in_the_working_directory),
        cmocka_unit_test(the_command_line_beats_all),
        cmocka_unit_test(an_env_file_beats_the_environment_and_the_nearest_one_wins),
        cmocka_unit_test(the_environment_beats_the_configuration),
        cmocka_unit_test(files_named_on_the_command_line_are_read),
    };
    return cmocka_run_group_tests_name("aider_files", tests, NULL, NULL);
}
