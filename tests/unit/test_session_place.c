// test_session_place - where a session runs
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "session_place.h"
#include "temp_dir.h"

static void
put(const char *dir, const char *name, const char *text)
{
    char *path = temp_dir_file(dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void) fputs(text, file);
    (void) fclose(file);
    free(path);
}

static char *
make_dir(const char *dir, const char *name)
{
    char *path = temp_dir_file(dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

static void
expect(const char *working_dir, const char *repo, const char *branch)
{
    json_t *members = session_place_members(working_dir);
    const char *found_repo = json_string_value(json_object_get(members, "repo"));
    const char *found_branch = json_string_value(json_object_get(members, "branch"));
    assert_string_equal(found_repo ? found_repo : "", repo);
    assert_string_equal(found_branch ? found_branch : "", branch);
    assert_string_equal(json_string_value(json_object_get(members, "working_dir")),
                        working_dir);
    assert_non_null(json_string_value(json_object_get(members, "user")));
    json_decref(members);
}

static void
the_repository_is_found_from_below(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *top = make_dir(dir, "project");
    char *git = make_dir(top, ".git");
    char *below = make_dir(top, "src");
    put(git, "HEAD", "ref: refs/heads/feature/one\n");
    expect(below, "project", "feature/one");
    expect(top, "project", "feature/one");
    put(git, "HEAD", "0123456789012345678901234567890123456789\n");
    expect(top, "project", "");
    free(below);
    free(git);
    free(top);
    temp_dir_destroy(&dir);
}

static void
a_working_tree_may_point_to_its_repository(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *top = make_dir(dir, "tree");
    char *git = make_dir(dir, "elsewhere");
    put(git, "HEAD", "ref: refs/heads/side\n");
    put(top, ".git", "gitdir: ../elsewhere\n");
    expect(top, "tree", "side");
    free(git);
    free(top);
    temp_dir_destroy(&dir);
}

static void
outside_a_repository_there_is_none(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    expect(dir, "", "");
    temp_dir_destroy(&dir);
}

static void
only_a_reference_to_a_branch_names_one(void **state)
{
    (void) state;
    assert_null(session_place_branch_of("ref: refs/heads/"));
    assert_null(session_place_branch_of("ref: refs/tags/v1"));
    assert_null(session_place_branch_of(""));
    char *branch = session_place_branch_of("ref: refs/heads/main");
    assert_string_equal(branch, "main");
    free(branch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_repository_is_found_from_below),
        cmocka_unit_test(a_working_tree_may_point_to_its_repository),
        cmocka_unit_test(outside_a_repository_there_is_none),
        cmocka_unit_test(only_a_reference_to_a_branch_names_one),
    };
    return cmocka_run_group_tests_name("session_place", tests, NULL, NULL);
}
