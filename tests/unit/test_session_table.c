// test_session_table - labels and ends of sessions, within a bound
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "session_table.h"

static void
note(session_table_t *table, const char *session, const char *type, const char *payload,
     int64_t now_ms)
{
    session_table_note(table, session, type, payload, strlen(payload), now_ms);
}

static void
a_session_has_ended_some_time_after_its_completion(void **state)
{
    (void) state;
    session_table_t *table = session_table_new(10);
    assert_false(session_table_ended(table, "s", 0, 1000));
    note(table, "s", "aider.session_started", "{}", 0);
    assert_false(session_table_ended(table, "s", 0, 1000));
    note(table, "s", "aider.session_completed", "{}", 1000);
    assert_false(session_table_ended(table, "s", 30000, 30999));
    assert_true(session_table_ended(table, "s", 30000, 31000));
    assert_int_equal(session_table_running(table), 0);
    session_table_destroy(&table);
}

static void
what_begins_again_has_not_ended(void **state)
{
    (void) state;
    session_table_t *table = session_table_new(10);
    note(table, "s", "aider.session_completed", "{}", 0);
    note(table, "s", "aider.session_progress", "{}", 1);
    assert_true(session_table_ended(table, "s", 0, 2));
    note(table, "s", "aider.session_started", "{}", 3);
    assert_false(session_table_ended(table, "s", 0, 4));
    assert_int_equal(session_table_running(table), 1);
    session_table_destroy(&table);
}

static void
a_second_completion_counts_from_anew(void **state)
{
    (void) state;
    session_table_t *table = session_table_new(10);
    note(table, "s", "aider.session_completed", "{\"outcome\":\"lost\"}", 0);
    note(table, "s", "aider.session_completed", "{\"outcome\":\"ok\"}", 20000);
    assert_false(session_table_ended(table, "s", 30000, 40000));
    assert_true(session_table_ended(table, "s", 30000, 50000));
    session_table_destroy(&table);
}

static void
labels_come_from_the_start_of_the_session(void **state)
{
    (void) state;
    session_table_t *table = session_table_new(10);
    note(table, "s", "aider.session_started", "{\"labels\":{\"team\":\"web\"}}", 0);
    note(table, "s", "aider.session_progress", "{\"labels\":{\"team\":\"other\"}}", 0);
    const json_t *labels = session_table_labels(table, "s");
    assert_string_equal(json_string_value(json_object_get(labels, "team")), "web");
    note(table, "t", "aider.session_started", "{\"labels\":[\"team\"]}", 0);
    assert_null(session_table_labels(table, "t"));
    note(table, "u", "aider.session_started", "nothing legal", 0);
    assert_null(session_table_labels(table, "u"));
    assert_null(session_table_labels(table, "never-heard-of"));
    session_table_destroy(&table);
}

static void
the_oldest_finished_go_first_then_the_oldest(void **state)
{
    (void) state;
    session_table_t *table = session_table_new(3);
    note(table, "a", "aider.session_started", "{\"labels\":{}}", 0);
    note(table, "b", "aider.session_started", "{\"labels\":{}}", 0);
    note(table, "c", "aider.session_started", "{\"labels\":{}}", 0);
    note(table, "c", "aider.session_completed", "{}", 0);
    note(table, "b", "aider.session_completed", "{}", 0);
    note(table, "d", "aider.session_started", "{\"labels\":{}}", 0);
    assert_null(session_table_labels(table, "c"));
    assert_non_null(session_table_labels(table, "b"));
    note(table, "e", "aider.session_started", "{\"labels\":{}}", 0);
    assert_null(session_table_labels(table, "b"));
    note(table, "f", "aider.session_started", "{\"labels\":{}}", 0);
    assert_null(session_table_labels(table, "a"));
    assert_non_null(session_table_labels(table, "d"));
    assert_int_equal(session_table_size(table), 3);
    session_table_destroy(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_has_ended_some_time_after_its_completion),
        cmocka_unit_test(what_begins_again_has_not_ended),
        cmocka_unit_test(a_second_completion_counts_from_anew),
        cmocka_unit_test(labels_come_from_the_start_of_the_session),
        cmocka_unit_test(the_oldest_finished_go_first_then_the_oldest),
    };
    return cmocka_run_group_tests_name("session_table", tests, NULL, NULL);
}
