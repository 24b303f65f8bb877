// test_session_list - the sessions as the API shows them
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_list.h"

static const api_parameter_t known[] = {
    {"state", "running|ended"}, {"host", NULL}, {"cursor", NULL}};
static const access_grant_t everything = {.token_id = ""};

static uint64_t offset;

static void
note(session_list_t *list, const char *topic, const char *payload)
{
    offset++;
    const mesh_event_t event = {
        .header = {.epoch = 0xe9, .offset = offset, .timestamp_us = 1000000 * (int64_t) offset},
        .topic = topic,
        .topic_bytes = strlen(topic),
        .payload = payload,
        .payload_bytes = strlen(payload),
    };
    session_list_note(list, &event);
}

static session_list_t *
three_sessions(void)
{
    offset = 0;
    session_list_t *list = session_list_new(3);
    note(list, "aider.session_started/h1/a", "{\"model\":\"m\",\"labels\":{\"k\":\"v\"}}");
    note(list, "aider.session_started/h2/b", "{}");
    note(list, "aider.session_progress/h1/c%20d", "not looked at");
    note(list, "aider.session_completed/h1/a", "{\"success\":true,\"outcome\":\"ok\"}");
    note(list, "mesh.health/h1/", "{}");
    return list;
}

static api_query_t
query_of(const char *name, const char *value)
{
    api_query_t query;
    char *error = NULL;
    api_query_begin(&query, known, 3, &everything);
    if (name)
        assert_int_equal(api_query_take(&query, name, value, &error), 0);
    return query;
}

// The ids on a page, one after the other.
static void
assert_page(session_list_t *list, const api_query_t *query, const char *ids)
{
    char text[64] = "";
    size_t bytes = 0;
    json_t *page = session_list_page(list, query);
    size_t index;
    const json_t *row;
    json_array_foreach(json_object_get(page, "sessions"), index, row)
    {
        const char *id = json_string_value(json_object_get(row, "session_id"));
        bytes += (size_t) snprintf(text + bytes, sizeof text - bytes, "%s ", id);
        assert_in_range(bytes, 1, sizeof text - 1);
    }
    assert_string_equal(text, ids);
    json_decref(page);
}

static void
the_one_that_began_last_comes_first_and_filters_hold(void **state)
{
    (void) state;
    session_list_t *list = three_sessions();
    api_query_t query = query_of(NULL, NULL);
    assert_page(list, &query, "c d b a ");
    query = query_of("state", "ended");
    assert_page(list, &query, "a ");
    query = query_of("host", "h2");
    assert_page(list, &query, "b ");
    session_list_destroy(&list);
}

static void
one_shows_what_its_start_and_end_told(void **state)
{
    (void) state;
    session_list_t *list = three_sessions();
    const api_query_t query = query_of(NULL, NULL);
    json_t *one = session_list_one(list, "a", &query);
    json_t *wanted =
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s}, s:b, s:s, s:f, s:f, s:s, s:i, s:s}",
                  "session_id", "a", "host", "h1", "state", "ended", "model", "m", "labels",
                  "k", "v", "success", 1, "outcome", "ok", "started_at", 1.0, "last_event_at",
                  4.0, "last_event", "aider.session_completed", "events_seen", 2, "cursor",
                  json_string_value(json_object_get(one, "cursor")));
    assert_true(json_equal(one, wanted));
    assert_non_null(strstr(json_string_value(json_object_get(one, "cursor")), "-4"));
    json_decref(wanted);
    json_decref(one);
    assert_null(session_list_one(list, "z", &query));
    session_list_destroy(&list);
}

static void
pages_follow_each_other_also_when_sessions_begin_in_between(void **state)
{
    (void) state;
    session_list_t *list = three_sessions();
    api_query_t query = query_of("limit", "2");
    json_t *page = session_list_page(list, &query);
    char cursor[32];
    (void) snprintf(cursor, sizeof cursor, "%s",
                    json_string_value(json_object_get(page, "next_cursor")));
    json_decref(page);
    assert_page(list, &query, "c d b ");
    note(list, "aider.session_started/h1/b2", "{}");    // the list is full: a goes, which ended
    query = query_of("cursor", cursor);
    assert_page(list, &query, "");
    query = query_of(NULL, NULL);
    assert_page(list, &query, "b2 c d b ");
    assert_int_equal(session_list_size(list), 3);
    note(list, "aider.session_started/h1/b3", "{}");    // none has ended: the oldest goes
    assert_page(list, &query, "b3 b2 c d ");
    session_list_destroy(&list);
}

static void
a_session_that_is_forgotten_is_gone(void **state)
{
    (void) state;
    session_list_t *list = three_sessions();
    const api_query_t query = query_of(NULL, NULL);
    note(list, "mesh.session_forgotten/h/", "{\"session_id\":\"b\",\"removed\":1}");
    note(list, "mesh.session_forgotten/h/", "{\"session_id\":7}");
    note(list, "mesh.session_forgotten/h/", "[");
    assert_page(list, &query, "c d a ");
    session_list_destroy(&list);
}

static void
scopes_hide_what_they_do_not_include(void **state)
{
    (void) state;
    session_list_t *list = three_sessions();
    char *error = NULL;
    mesh_scope_t *scope = mesh_scope_parse("api;host=h2", &error);
    const access_grant_t grant = {.scopes = {scope}, .scope_count = 1};
    api_query_t query;
    api_query_begin(&query, known, 3, &grant);
    assert_page(list, &query, "b ");
    assert_null(session_list_one(list, "a", &query));
    mesh_scope_destroy(&scope);
    session_list_destroy(&list);
}

// That of the live sessions these are told, and how many are left out.
static void
assert_live(session_list_t *list, size_t most, size_t most_bytes, const char *ids,
            size_t expected_left_out)
{
    filter_t *filter = filter_new();
    filter_seal(filter);
    size_t bytes, left_out;
    char *text = session_list_live(list, filter, most, most_bytes, &bytes, &left_out);
    assert_int_equal(bytes, strlen(text));
    assert_true(bytes <= most_bytes || strcmp(text, "[]") == 0);
    json_t *rows = json_loads(text, 0, NULL);
    char found[64] = "";
    size_t found_bytes = 0;
    size_t index;
    const json_t *row;
    api_query_t query = query_of(NULL, NULL);
    json_array_foreach(rows, index, row)
    {
        const char *id = json_string_value(json_object_get(row, "session_id"));
        json_t *one = session_list_one(list, id, &query);
        assert_true(json_equal(one, row));
        json_decref(one);
        found_bytes +=
            (size_t) snprintf(found + found_bytes, sizeof found - found_bytes, "%s ", id);
        assert_in_range(found_bytes, 1, sizeof found - 1);
    }
    assert_string_equal(found, ids);
    assert_int_equal(left_out, expected_left_out);
    json_decref(rows);
    free(text);
    filter_destroy(&filter);
}

static void
the_live_ones_are_told_as_the_api_shows_them_as_they_are_now(void **state)
{
    (void) state;
    session_list_t *list = three_sessions();
    assert_live(list, 10, 10000, "c d b ", 0);
    // What was made text once is made anew when something has happened.
    note(list, "aider.waiting_for_input/h2/b", "{}");
    assert_live(list, 10, 10000, "c d b ", 0);
    note(list, "aider.session_completed/h2/b", "{}");
    assert_live(list, 10, 10000, "c d ", 0);
    note(list, "aider.session_started/h1/a", "{\"name\":\"again\"}");
    assert_live(list, 10, 10000, "c d a ", 0);
    session_list_destroy(&list);
}

static void
live_ones_that_have_no_room_are_counted(void **state)
{
    (void) state;
    session_list_t *list = session_list_new(10);
    note(list, "aider.session_started/h1/a", "{}");
    note(list, "aider.session_started/h1/b", "{\"name\":\"a name that goes on and on\"}");
    note(list, "aider.session_started/h1/c", "{}");
    assert_live(list, 2, 10000, "c b ", 1);
    assert_live(list, 0, 10000, "", 3);
    assert_live(list, 10, 0, "", 3);
    // One that fits behind one that does not would make a list with a hole.
    filter_t *filter = filter_new();
    filter_seal(filter);
    size_t two_bytes, left_out;
    free(session_list_live(list, filter, 2, 10000, &two_bytes, &left_out));
    filter_destroy(&filter);
    assert_live(list, 10, two_bytes, "c b ", 1);
    assert_live(list, 10, two_bytes - 1, "c ", 2);
    session_list_destroy(&list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_that_began_last_comes_first_and_filters_hold),
        cmocka_unit_test(one_shows_what_its_start_and_end_told),
        cmocka_unit_test(pages_follow_each_other_also_when_sessions_begin_in_between),
        cmocka_unit_test(a_session_that_is_forgotten_is_gone),
        cmocka_unit_test(scopes_hide_what_they_do_not_include),
        cmocka_unit_test(the_live_ones_are_told_as_the_api_shows_them_as_they_are_now),
        cmocka_unit_test(live_ones_that_have_no_room_are_counted),
    };
    return cmocka_run_group_tests_name("session_list", tests, NULL, NULL);
}
