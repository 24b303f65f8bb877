// test_topic - what topics promise
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "mesh/topic.h"

static void
assert_refused(const char *topic)
{
    mesh_topic_t parsed;
    if (mesh_topic_parse(&parsed, topic, strlen(topic)) == 0)
        fail_msg("\"%s\" was read", topic);
}

static void
a_topic_is_type_host_and_session(void **state)
{
    (void) state;
    char text[MESH_TOPIC_SIZE];
    size_t bytes = mesh_topic_format(text, "aider.session_started", "build-7", "s:1");
    assert_string_equal(text, "aider.session_started/build-7/s:1");
    assert_int_equal(bytes, strlen(text));
}

static void
an_event_of_no_session_ends_in_a_slash(void **state)
{
    (void) state;
    char text[MESH_TOPIC_SIZE];
    assert_int_equal(mesh_topic_format(text, "mesh.head", "h", NULL), strlen("mesh.head/h/"));
    assert_string_equal(text, "mesh.head/h/");
    assert_int_equal(mesh_topic_format(text, "mesh.head", "h", ""), strlen("mesh.head/h/"));
    mesh_topic_t topic;
    assert_int_equal(mesh_topic_parse(&topic, text, strlen(text)), 0);
    assert_string_equal(topic.session, "");
}

static void
bytes_that_would_be_ambiguous_are_escaped_and_come_back(void **state)
{
    (void) state;
    char text[MESH_TOPIC_SIZE];
    size_t bytes = mesh_topic_format(text, "a", "b\xc3\xbcro/1", "50% of\n%2F");
    assert_string_equal(text, "a/b%C3%BCro%2F1/50%25%20of%0A%252F");
    mesh_topic_t topic;
    assert_int_equal(mesh_topic_parse(&topic, text, bytes), 0);
    assert_string_equal(topic.host, "b\xc3\xbcro/1");
    assert_string_equal(topic.session, "50% of\n%2F");
}

static void
the_longest_parts_fit_and_one_byte_more_does_not(void **state)
{
    (void) state;
    char type[MESH_TYPE_SIZE + 1] = {0}, host[MESH_HOST_SIZE + 1] = {0};
    char session[MESH_SESSION_SIZE + 1] = {0};
    memset(type, 'a', MESH_TYPE_SIZE - 1);
    memset(host, '/', MESH_HOST_SIZE - 1);
    memset(session, '%', MESH_SESSION_SIZE - 1);
    char text[MESH_TOPIC_SIZE];
    size_t bytes = mesh_topic_format(text, type, host, session);
    assert_int_equal(bytes, MESH_TOPIC_SIZE - 1);
    mesh_topic_t topic;
    assert_int_equal(mesh_topic_parse(&topic, text, bytes), 0);
    assert_string_equal(topic.type, type);
    assert_string_equal(topic.host, host);
    assert_string_equal(topic.session, session);

    host[MESH_HOST_SIZE - 1] = 'h';
    assert_int_equal(mesh_topic_format(text, type, host, session), 0);
    host[MESH_HOST_SIZE - 1] = '\0';
    session[MESH_SESSION_SIZE - 1] = 's';
    assert_int_equal(mesh_topic_format(text, type, host, session), 0);
    session[MESH_SESSION_SIZE - 1] = '\0';
    type[MESH_TYPE_SIZE - 1] = 'a';
    assert_int_equal(mesh_topic_format(text, type, host, session), 0);
}

static void
a_type_is_lower_case_letters_digits_dots_and_underscores(void **state)
{
    (void) state;
    assert_true(mesh_topic_type_is_legal("a"));
    assert_true(mesh_topic_type_is_legal("aider.rate_limit_2"));
    static const char *const wrong[] = {"",    "1a",  ".a",  "_a",       "A",
                                        "a/b", "a b", "a-b", "a\xc3\xa9"};
    char text[MESH_TOPIC_SIZE];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(mesh_topic_type_is_legal(wrong[i]));
        assert_int_equal(mesh_topic_format(text, wrong[i], "h", "s"), 0);
    }
}

static void
an_event_without_a_host_has_no_topic(void **state)
{
    (void) state;
    char text[MESH_TOPIC_SIZE];
    assert_int_equal(mesh_topic_format(text, "a", "", "s"), 0);
    assert_refused("a//s");
}

// JSON repeats host and session, and JSON is UTF-8.
static void
a_name_that_is_not_utf_8_has_no_topic(void **state)
{
    (void) state;
    static const char *const wrong[] = {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80",
                                        "\xf4\x90\x80\x80"};
    char text[MESH_TOPIC_SIZE];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(mesh_topic_format(text, "a", wrong[i], "s"), 0);
        assert_int_equal(mesh_topic_format(text, "a", "h", wrong[i]), 0);
    }
    assert_refused("a/%FF/s");
    assert_refused("a/h/%ED%A0%80");
}

static void
every_topic_has_one_form_only(void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",        "a",       "a/h",          "a/h/s/t",   "A/h/s", "/h/s",
        "a/h/%2f", "a/h/%41", "a/h/%00",      "a/h/%4",    "a/h/%", "a/h/%GG",
        "a/h/x y", "a/h/%7E", "a/\xc3\xa9/s", "a/%25%2/s", "a/h/s/"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused(wrong[i]);
    mesh_topic_t topic;
    assert_int_equal(mesh_topic_parse(&topic, "a/h/s", strlen("a/h/s") + 1), -1);
    assert_int_equal(mesh_topic_parse(&topic, NULL, 0), -1);
}

// Of equal names, equal topics; of unequal ones, no topic is the beginning of another's type or
// host part.
static void
every_byte_comes_back_from_a_topic(void **state)
{
    (void) state;
    for (int byte = 1; byte < 0x80; byte++) {
        char name[] = {(char) byte, '\0'};
        char text[MESH_TOPIC_SIZE];
        size_t bytes = mesh_topic_format(text, "a", name, name);
        mesh_topic_t topic;
        assert_int_equal(mesh_topic_parse(&topic, text, bytes), 0);
        assert_string_equal(topic.host, name);
        assert_string_equal(topic.session, name);
        size_t slashes = 0;
        for (size_t i = 0; i < bytes; i++)
            slashes += text[i] == '/';
        assert_int_equal(slashes, 2);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_is_type_host_and_session),
        cmocka_unit_test(an_event_of_no_session_ends_in_a_slash),
        cmocka_unit_test(bytes_that_would_be_ambiguous_are_escaped_and_come_back),
        cmocka_unit_test(the_longest_parts_fit_and_one_byte_more_does_not),
        cmocka_unit_test(a_type_is_lower_case_letters_digits_dots_and_underscores),
        cmocka_unit_test(an_event_without_a_host_has_no_topic),
        cmocka_unit_test(a_name_that_is_not_utf_8_has_no_topic),
        cmocka_unit_test(every_topic_has_one_form_only),
        cmocka_unit_test(every_byte_comes_back_from_a_topic),
    };
    return cmocka_run_group_tests_name("topic", tests, NULL, NULL);
}
