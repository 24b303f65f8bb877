// test_erasures - when a session is forgotten, and what is said of who was reached
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "erasures.h"

enum { LIMIT = 2, DEADLINE_MS = 2000, LONG_AFTER_MS = 100 * DEADLINE_MS };

static int
setup(void **state)
{
    *state = erasures_new(LIMIT);
    return 0;
}

static int
teardown(void **state)
{
    erasures_t *self = *state;
    erasures_destroy(&self);
    assert_null(self);
    erasures_destroy(&self);
    return 0;
}

static erasure_t *
begin(erasures_t *self, const char *session, uint64_t id)
{
    zframe_t *caller = zframe_new("caller", 6);
    erasure_t *erasure =
        erasures_begin(self, session, id, caller, json_pack("{s:[]}", "hosts"), DEADLINE_MS);
    zframe_destroy(&caller);
    return erasure;
}

// The journal is done: so many events of the session were removed.
static void
remove_events(erasures_t *self, const char *session, uint64_t count)
{
    journal_forgotten_t what = journal_forgotten_new(session);
    for (uint64_t offset = 1; offset <= count; offset++)
        journal_forgotten_count(&what, "aider.session_progress", offset);
    json_t *cursors = json_pack("{s:s, s:s}", "first", "1-1", "last", "1-9");
    erasures_removed(self, &what, cursors);
    json_decref(cursors);
    journal_forgotten_clear(&what);
}

// What the one that is over says, as JSON with its members in order. The caller frees it.
static char *
take(erasures_t *self, int64_t now_ms, uint64_t id)
{
    erasure_t *erasure = erasures_take_over(self, now_ms);
    assert_non_null(erasure);
    assert_int_equal(erasure->id, id);
    assert_true(zframe_streq(erasure->caller, "caller"));
    char *text = json_dumps(erasure->report, JSON_COMPACT | JSON_SORT_KEYS);
    erasure_destroy(&erasure);
    assert_null(erasure);
    return text;
}

static void
without_publishers_it_is_over_when_the_journal_is_done(void **state)
{
    begin(*state, "s", 7);
    assert_null(erasures_take_over(*state, DEADLINE_MS + 1));
    remove_events(*state, "other", 1);
    assert_null(erasures_take_over(*state, DEADLINE_MS + 1));
    remove_events(*state, "s", 3);
    char *report = take(*state, 0, 7);
    assert_string_equal(report,
                        "{\"first\":\"1-1\",\"hosts\":[],\"last\":\"1-9\",\"reached\":[],"
                        "\"removed\":3,\"session_id\":\"s\","
                        "\"types\":{\"aider.session_progress\":3},\"unreached\":[]}");
    free(report);
    assert_null(erasures_take_over(*state, 0));
}

static void
who_was_told_is_waited_for_and_says_how_much_it_had(void **state)
{
    erasure_expect(begin(*state, "s", 7), "stdio-1", "build-7");
    remove_events(*state, "s", 0);
    assert_null(erasures_take_over(*state, DEADLINE_MS - 1));
    assert_true(erasures_answered(*state, "s", "stdio-1", 5));
    char *report = take(*state, DEADLINE_MS - 1, 7);
    assert_non_null(strstr(
        report,
        "\"reached\":[{\"host\":\"build-7\",\"removed\":5,\"transport_id\":\"stdio-1\"}]"));
    assert_non_null(strstr(report, "\"unreached\":[]"));
    free(report);
}

static void
an_answer_nobody_waits_for_changes_nothing(void **state)
{
    erasure_expect(begin(*state, "s", 7), "stdio-1", "build-7");
    remove_events(*state, "s", 0);
    assert_false(erasures_answered(*state, "other", "stdio-1", 1));
    assert_false(erasures_answered(*state, "s", "stdio-2", 1));
    assert_null(erasures_take_over(*state, 0));
    assert_true(erasures_answered(*state, "s", "stdio-1", 1));
    assert_false(erasures_answered(*state, "s", "stdio-1", 1));
    char *report = take(*state, 0, 7);
    free(report);
}

static void
who_has_not_answered_in_time_is_unreached(void **state)
{
    erasure_t *erasure = begin(*state, "s", 7);
    erasure_expect(erasure, "stdio-1", "build-7");
    erasure_expect(erasure, "stdio-2", "build-8");
    remove_events(*state, "s", 0);
    assert_true(erasures_answered(*state, "s", "stdio-2", 0));
    assert_null(erasures_take_over(*state, DEADLINE_MS - 1));
    char *report = take(*state, DEADLINE_MS, 7);
    assert_non_null(
        strstr(report, "\"unreached\":[{\"host\":\"build-7\",\"transport_id\":\"stdio-1\"}]"));
    free(report);
}

static void
who_goes_is_unreached_and_not_waited_for(void **state)
{
    erasure_expect(begin(*state, "s", 7), "stdio-1", "build-7");
    erasures_gone(*state, "stdio-2");
    remove_events(*state, "s", 0);
    assert_null(erasures_take_over(*state, 0));
    erasures_gone(*state, "stdio-1");
    char *report = take(*state, 0, 7);
    assert_non_null(
        strstr(report, "\"unreached\":[{\"host\":\"build-7\",\"transport_id\":\"stdio-1\"}]"));
    free(report);
}

static void
publishers_are_not_enough_the_journal_is_waited_for_however_long(void **state)
{
    erasure_expect(begin(*state, "s", 7), "stdio-1", "build-7");
    assert_true(erasures_answered(*state, "s", "stdio-1", 1));
    assert_null(erasures_take_over(*state, LONG_AFTER_MS));
    remove_events(*state, "s", 1);
    char *report = take(*state, LONG_AFTER_MS, 7);
    free(report);
}

static void
what_cannot_be_noted_has_failed_at_once(void **state)
{
    erasure_expect(begin(*state, "s", 7), "stdio-1", "build-7");
    begin(*state, "other", 8);
    erasures_failed(*state, "s");
    erasure_t *erasure = erasures_take_over(*state, 0);
    assert_non_null(erasure);
    assert_int_equal(erasure->id, 7);
    assert_true(erasure->failed);
    erasure_destroy(&erasure);
    assert_null(erasures_take_over(*state, 0));
}

static void
two_who_ask_for_one_session_are_both_answered(void **state)
{
    erasure_expect(begin(*state, "s", 7), "stdio-1", "build-7");
    erasure_expect(begin(*state, "s", 8), "stdio-1", "build-7");
    assert_true(erasures_answered(*state, "s", "stdio-1", 4));
    remove_events(*state, "s", 2);
    char *first = take(*state, 0, 7), *second = take(*state, 0, 8);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void
past_the_limit_none_is_begun_until_one_is_over(void **state)
{
    assert_non_null(begin(*state, "a", 1));
    assert_non_null(begin(*state, "b", 2));
    assert_null(begin(*state, "c", 3));
    remove_events(*state, "a", 1);
    char *report = take(*state, 0, 1);
    free(report);
    assert_non_null(begin(*state, "c", 3));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_publishers_it_is_over_when_the_journal_is_done),
        TEST(who_was_told_is_waited_for_and_says_how_much_it_had),
        TEST(an_answer_nobody_waits_for_changes_nothing),
        TEST(who_has_not_answered_in_time_is_unreached),
        TEST(who_goes_is_unreached_and_not_waited_for),
        TEST(publishers_are_not_enough_the_journal_is_waited_for_however_long),
        TEST(what_cannot_be_noted_has_failed_at_once),
        TEST(two_who_ask_for_one_session_are_both_answered),
        TEST(past_the_limit_none_is_begun_until_one_is_over),
    };
    return cmocka_run_group_tests_name("erasures", tests, NULL, NULL);
}
