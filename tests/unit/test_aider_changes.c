// test_aider_changes - what is told of the files and commits of a session
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>

#include "aider_changes.h"

static json_t *
told(const aider_changes_t *changes)
{
    json_t *payload = json_object();
    aider_changes_set(changes, payload);
    return payload;
}

static void
expect_summary(const aider_changes_t *changes, const char *text, size_t files)
{
    json_t *payload = told(changes);
    assert_true(json_is_true(json_object_get(payload, "changes_detected")));
    const json_t *summary = json_object_get(payload, "changes_summary");
    assert_string_equal(json_string_value(json_object_get(summary, "summary")), text);
    assert_int_equal(json_array_size(json_object_get(summary, "files")), files);
    json_decref(payload);
}

static void
a_session_that_edits_nothing_has_no_summary(void **state)
{
    (void) state;
    aider_changes_t changes = {0};
    aider_changes_commit(&changes);    // of what was there before it
    json_t *payload = told(&changes);
    assert_true(json_is_false(json_object_get(payload, "changes_detected")));
    assert_null(json_object_get(payload, "changes_summary"));
    json_decref(payload);
    aider_changes_clear(&changes);
}

static void
a_file_edited_twice_is_one_file(void **state)
{
    (void) state;
    aider_changes_t changes = {0};
    aider_changes_edit(&changes, "a.py");
    aider_changes_edit(&changes, "a.py");
    expect_summary(&changes, "1 file edited, 0 commits", 1);
    aider_changes_edit(&changes, "ä.py");
    aider_changes_commit(&changes);
    expect_summary(&changes, "2 files edited, 1 commit", 2);
    json_t *payload = told(&changes);
    const json_t *files = json_object_get(json_object_get(payload, "changes_summary"), "files");
    const json_t *second = json_array_get(files, 1);
    assert_string_equal(json_string_value(json_object_get(second, "name")), "ä.py");
    assert_string_equal(json_string_value(json_object_get(second, "operation")), "edited");
    json_decref(payload);
    aider_changes_clear(&changes);
}

static void
a_name_that_is_no_text_is_an_edit_without_a_name(void **state)
{
    (void) state;
    aider_changes_t changes = {0};
    aider_changes_edit(&changes, "\xff.py");
    expect_summary(&changes, "more than 0 files edited, 0 commits", 0);
    aider_changes_clear(&changes);
}

static void
fifty_files_are_named(void **state)
{
    (void) state;
    aider_changes_t changes = {0};
    for (int i = 0; i < 2 * AIDER_CHANGES_FILES_MOST; i++) {
        char path[32];
        (void) snprintf(path, sizeof path, "%d.py", i);
        aider_changes_edit(&changes, path);
        if (i == AIDER_CHANGES_FILES_MOST - 1)
            expect_summary(&changes, "50 files edited, 0 commits", AIDER_CHANGES_FILES_MOST);
    }
    expect_summary(&changes, "more than 50 files edited, 0 commits", AIDER_CHANGES_FILES_MOST);
    aider_changes_clear(&changes);
    assert_null(changes.files);
    assert_false(changes.edited);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_that_edits_nothing_has_no_summary),
        cmocka_unit_test(a_file_edited_twice_is_one_file),
        cmocka_unit_test(a_name_that_is_no_text_is_an_edit_without_a_name),
        cmocka_unit_test(fifty_files_are_named),
    };
    return cmocka_run_group_tests_name("aider_changes", tests, NULL, NULL);
}
