// test_topics - what a topic says is remembered, and never another's
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "topics.h"

static const topics_entry_t *
read_text(topics_t *topics, const char *text)
{
    return topics_read(topics, text, strlen(text));
}

static void
a_topic_says_the_same_each_time(void **state)
{
    (void) state;
    topics_t *topics = topics_new();
    for (int i = 0; i < 3; i++) {
        const topics_entry_t *entry = read_text(topics, "aider.session_progress/h/s%20x");
        assert_non_null(entry);
        assert_string_equal(entry->parts.type, "aider.session_progress");
        assert_string_equal(entry->parts.host, "h");
        assert_string_equal(entry->parts.session, "s x");
        assert_int_equal(entry->family, MESH_FAMILY_PROGRESS);
        assert_false(entry->reserved);
    }
    topics_destroy(&topics);
    assert_null(topics);
}

static void
far_more_topics_than_are_remembered_are_told_apart(void **state)
{
    (void) state;
    topics_t *topics = topics_new();
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 10000; i++) {
            char text[64], session[16];
            snprintf(session, sizeof session, "%d", i);
            snprintf(text, sizeof text, "mesh.health/h/%s", session);
            const topics_entry_t *entry = read_text(topics, text);
            assert_non_null(entry);
            assert_string_equal(entry->parts.session, session);
            assert_int_equal(entry->family, MESH_FAMILY_MESH);
        }
    }
    topics_destroy(&topics);
}

static void
a_long_one_is_read_too(void **state)
{
    (void) state;
    char text[256] = "aider.x/h/";
    topics_t *topics = topics_new();
    memset(text + strlen(text), 's', 128);
    for (int i = 0; i < 2; i++)
        assert_int_equal(strlen(read_text(topics, text)->parts.session), 128);
    topics_destroy(&topics);
}

static void
what_is_no_topic_is_none_each_time(void **state)
{
    (void) state;
    topics_t *topics = topics_new();
    for (int i = 0; i < 2; i++) {
        assert_null(topics_read(topics, "", 0));
        assert_null(read_text(topics, "aider.x"));
        assert_null(read_text(topics, "aider.x/h"));
        assert_null(read_text(topics, "Aider/h/s"));
        assert_null(topics_read(topics, "aider.x/h/s\0", 12));
    }
    assert_non_null(read_text(topics, "aider.x/h/"));
    topics_destroy(&topics);
}

static void
what_only_a_broker_or_a_bridge_may_say_is_reserved(void **state)
{
    (void) state;
    topics_t *topics = topics_new();
    assert_true(read_text(topics, "mesh.head/h/")->reserved);
    assert_true(read_text(topics, "stream.gap/h/")->reserved);
    assert_false(read_text(topics, "mesh.header/h/")->reserved);
    assert_false(read_text(topics, "streams/h/")->reserved);
    topics_destroy(&topics);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_says_the_same_each_time),
        cmocka_unit_test(far_more_topics_than_are_remembered_are_told_apart),
        cmocka_unit_test(a_long_one_is_read_too),
        cmocka_unit_test(what_is_no_topic_is_none_each_time),
        cmocka_unit_test(what_only_a_broker_or_a_bridge_may_say_is_reserved),
    };
    return cmocka_run_group_tests_name("topics", tests, NULL, NULL);
}
