// test_sessions - what a late joiner is shown first
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "sessions.h"

enum { LOG_SIZE = 1024 };

static uint64_t offset;

static void
note(sessions_t *sessions, const char *type, const char *session)
{
    mesh_topic_t topic;
    snprintf(topic.type, sizeof topic.type, "%s", type);
    snprintf(topic.host, sizeof topic.host, "h");
    snprintf(topic.session, sizeof topic.session, "%s", session);
    record_t *record = record_new(++offset, session, strlen(session), type, strlen(type));
    sessions_note(sessions, &topic, record);
    record_release(&record);
}

typedef struct shown {
    char log[LOG_SIZE];
    int most;
} shown_t;

static bool
on_record(void *arg, record_t *record)
{
    shown_t *self = arg;
    if (self->most-- == 0)
        return false;
    size_t used = strlen(self->log);
    snprintf(self->log + used, LOG_SIZE - used, "%.*s:%.*s@%u ", (int) record->topic_bytes,
             (const char *) record_topic(record), (int) record->body_bytes,
             (const char *) record_body(record), (unsigned) record->offset);
    return true;
}

static void
assert_shown(sessions_t *sessions, const char *after, int most, const char *expected,
             const char *last, bool more)
{
    shown_t shown = {.most = most};
    bool is_more;
    assert_string_equal(sessions_visit(sessions, after, on_record, &shown, &is_more), last);
    assert_string_equal(shown.log, expected);
    assert_int_equal(is_more, more);
}

static int
setup(void **state)
{
    (void) state;
    offset = 0;
    return 0;
}

static void
the_newest_event_of_each_type_is_shown_by_session_and_offset(void **state)
{
    (void) state;
    sessions_t *sessions = sessions_new(10);
    note(sessions, "b", "two");
    note(sessions, "a", "one");
    note(sessions, "b", "one");
    note(sessions, "a", "one");
    assert_shown(sessions, "", 99, "one:b@3 one:a@4 two:b@1 ", "two", false);
    sessions_destroy(&sessions);
    assert_null(sessions);
}

static void
an_event_of_no_session_is_not_kept(void **state)
{
    (void) state;
    sessions_t *sessions = sessions_new(10);
    note(sessions, "mesh.health", "");
    assert_int_equal(sessions_size(sessions), 0);
    assert_shown(sessions, "", 99, "", "", false);
    sessions_destroy(&sessions);
}

static void
a_visit_goes_on_after_the_last_session_it_showed_whole(void **state)
{
    (void) state;
    sessions_t *sessions = sessions_new(10);
    note(sessions, "a", "s1");
    note(sessions, "a", "s2");
    note(sessions, "b", "s2");
    note(sessions, "a", "s3");
    assert_shown(sessions, "", 2, "s1:a@1 s2:a@2 ", "s1", true);
    assert_shown(sessions, "s1", 2, "s2:a@2 s2:b@3 ", "s2", true);
    assert_shown(sessions, "s2", 2, "s3:a@4 ", "s3", false);
    assert_shown(sessions, "s3", 2, "", "", false);
    sessions_destroy(&sessions);
}

static void
past_the_limit_completed_sessions_go_first(void **state)
{
    (void) state;
    sessions_t *sessions = sessions_new(3);
    note(sessions, "a", "quiet");
    note(sessions, "aider.session_completed", "done");
    note(sessions, "a", "busy");
    note(sessions, "a", "new1");
    assert_shown(sessions, "", 99, "busy:a@3 new1:a@4 quiet:a@1 ", "quiet", false);
    // Then the one that was quiet for the longest.
    note(sessions, "b", "quiet");
    note(sessions, "a", "new2");
    assert_shown(sessions, "", 99, "new1:a@4 new2:a@6 quiet:a@1 quiet:b@5 ", "quiet", false);
    assert_int_equal(sessions_size(sessions), 3);
    sessions_destroy(&sessions);
}

static void
of_completed_sessions_the_first_completed_goes_first(void **state)
{
    (void) state;
    sessions_t *sessions = sessions_new(2);
    note(sessions, "aider.session_completed", "first");
    note(sessions, "aider.session_completed", "second");
    // What comes after completion changes nothing about that.
    note(sessions, "aider.session_completed", "first");
    note(sessions, "a", "third");
    assert_shown(sessions, "", 99, "second:aider.session_completed@2 third:a@4 ", "third",
                 false);
    sessions_destroy(&sessions);
}

static void
a_session_has_so_many_types_and_no_more(void **state)
{
    (void) state;
    sessions_t *sessions = sessions_new(2);
    for (int i = 0; i < SESSIONS_TYPES_LIMIT + 5; i++) {
        char type[16];
        snprintf(type, sizeof type, "t%d", i);
        note(sessions, type, "s");
    }
    shown_t shown = {.most = 99};
    bool more;
    (void) sessions_visit(sessions, "", on_record, &shown, &more);
    assert_int_equal(shown.most, 99 - SESSIONS_TYPES_LIMIT);
    sessions_destroy(&sessions);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_newest_event_of_each_type_is_shown_by_session_and_offset,
                               setup),
        cmocka_unit_test_setup(an_event_of_no_session_is_not_kept, setup),
        cmocka_unit_test_setup(a_visit_goes_on_after_the_last_session_it_showed_whole, setup),
        cmocka_unit_test_setup(past_the_limit_completed_sessions_go_first, setup),
        cmocka_unit_test_setup(of_completed_sessions_the_first_completed_goes_first, setup),
        cmocka_unit_test_setup(a_session_has_so_many_types_and_no_more, setup),
    };
    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
