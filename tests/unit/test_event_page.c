// test_event_page - an answer is JSON whatever the payloads are, and keeps to its limits
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "event_page.h"

static const mesh_cursor_t at_7 = {0xe9, 7};

static int
add(event_page_t *page, const mesh_cursor_t *cursor, const char *payload, size_t payload_bytes)
{
    filter_event_t event = {.type = "aider.error_occurred",
                            .host = "here",
                            .session = "s-1",
                            .payload = payload,
                            .payload_bytes = payload_bytes};
    return event_page_add(page, cursor, &event);
}

static json_t *
finish(event_page_t **page_p)
{
    size_t bytes;
    char *text = event_page_finish(*page_p, "exact", &at_7, &bytes);
    assert_int_equal(strlen(text), bytes);
    json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    free(text);
    event_page_destroy(page_p);
    return json;
}

static event_page_t *
page_of(size_t events, size_t bytes, bool ndjson)
{
    return event_page_new(
        &(event_page_limits_t){.events = events, .bytes = bytes, .ndjson = ndjson});
}

static void
an_empty_page_is_an_object_with_a_cursor(void **state)
{
    (void) state;
    event_page_t *page = page_of(10, 1000, false);
    json_t *json = finish(&page);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 0);
    assert_string_equal(json_string_value(json_object_get(json, "next_cursor")),
                        "00000000000000e9-7");
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    assert_null(json_object_get(json, "gap"));
    json_decref(json);
}

static void
an_event_has_what_a_frame_has_and_where_it_is_from(void **state)
{
    (void) state;
    event_page_t *page = page_of(10, 1000, false);
    assert_int_equal(add(page, &at_7, "{\"n\":1}", 7), 0);
    assert_int_equal(add(page, NULL, "{\"n\":2}", 7), 0);
    json_t *json = finish(&page);
    json_t *events = json_object_get(json, "events");
    json_t *expected =
        json_loads("[{\"id\": \"00000000000000e9-7\", \"type\": \"aider.error_occurred\","
                   "  \"host\": \"here\", \"session\": \"s-1\", \"data\": {\"n\": 1}},"
                   " {\"type\": \"aider.error_occurred\", \"host\": \"here\","
                   "  \"session\": \"s-1\", \"data\": {\"n\": 2}}]",
                   0, NULL);
    assert_true(json_equal(events, expected));
    json_decref(expected);
    json_decref(json);
}

static void
a_payload_that_is_no_json_cannot_break_the_answer(void **state)
{
    (void) state;
    static const struct {
        const char *payload;
        size_t bytes;
    } cases[] = {
        {"", 0},
        {"}],\"verdict\":\"live\"", 20},
        {"{\"a\":1} {\"b\":2}", 15},
        {"\"\\ud800\"", 8},
        {"[1,", 3},
        {"{\"a\":\"\xff\"}", 9},
        {"{\"a\":\"\0\"}", 9},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        event_page_t *page = page_of(10, 1000, false);
        assert_int_equal(add(page, &at_7, cases[at].payload, cases[at].bytes), 0);
        json_t *json = finish(&page);
        assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
        json_t *event = json_array_get(json_object_get(json, "events"), 0);
        assert_false(json_is_object(json_object_get(event, "data")));
        json_decref(json);
    }
}

static void
any_json_is_data_as_it_is(void **state)
{
    (void) state;
    static const char *const payloads[] = {"42", "null", " [1] ",
                                           "{\"n\":123456789012345678901234567890}",
                                           "{\"nul\":\"\\u0000\"}"};
    for (size_t at = 0; at < sizeof payloads / sizeof payloads[0]; at++) {
        event_page_t *page = page_of(10, 1000, false);
        assert_int_equal(add(page, &at_7, payloads[at], strlen(payloads[at])), 0);
        size_t bytes;
        char *text = event_page_finish(page, "exact", &at_7, &bytes);
        const char *data = strstr(text, ",\"data\":") + strlen(",\"data\":");
        assert_memory_equal(data, payloads[at], strlen(payloads[at]));
        assert_memory_equal(data + strlen(payloads[at]), "}],", 3);
        free(text);
        event_page_destroy(&page);
    }
}

static void
the_limits_are_kept_but_for_a_first_event_that_is_larger(void **state)
{
    (void) state;
    event_page_t *page = page_of(2, 100000, false);
    assert_int_equal(add(page, &at_7, "{}", 2), 0);
    assert_int_equal(add(page, &at_7, "{}", 2), 0);
    assert_int_equal(event_page_room(page), 0);
    assert_int_equal(add(page, &at_7, "{}", 2), -1);
    assert_int_equal(event_page_count(page), 2);
    event_page_destroy(&page);

    char large[3000];
    memset(large, ' ', sizeof large);
    large[0] = '{';
    large[1] = '}';
    page = page_of(10, 1024, false);
    assert_int_equal(add(page, &at_7, large, sizeof large), 0);
    assert_int_equal(add(page, &at_7, "{}", 2), -1);
    assert_int_equal(event_page_count(page), 1);
    event_page_destroy(&page);
}

static void
as_ndjson_each_line_is_an_object_and_the_last_has_the_cursor(void **state)
{
    (void) state;
    event_page_t *page = page_of(10, 1000, true);
    assert_int_equal(add(page, &at_7, "{\"n\":1}", 7), 0);
    assert_int_equal(add(page, &at_7, "{\"n\":2}", 7), 0);
    size_t bytes;
    char *text = event_page_finish(page, "live", &at_7, &bytes);
    event_page_destroy(&page);
    size_t lines = 0;
    json_t *last = NULL;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        json_decref(last);
        last = json_loads(line, 0, NULL);
        assert_true(json_is_object(last));
    }
    assert_int_equal(lines, 3);
    assert_string_equal(json_string_value(json_object_get(last, "next_cursor")),
                        "00000000000000e9-7");
    json_decref(last);
    free(text);
}

static void
several_gaps_are_told_as_one(void **state)
{
    (void) state;
    event_page_t *page = page_of(10, 1000, false);
    event_page_add_gap(page, json_pack("{s:s, s:s, s:s, s:i}", "reason", "removed", "from", "a",
                                       "to", "b", "at_most", 3));
    event_page_add_gap(page, json_pack("{s:s, s:s, s:s, s:i}", "reason", "trimmed", "from", "c",
                                       "to", "d", "at_most", 4));
    json_t *json = finish(&page);
    json_t *expected = json_pack("{s:s, s:s, s:s, s:i}", "reason", "trimmed", "from", "a", "to",
                                 "d", "at_most", 7);
    assert_true(json_equal(json_object_get(json, "gap"), expected));
    json_decref(expected);
    json_decref(json);
}

static void
an_event_that_is_text_already_keeps_to_the_same_limits(void **state)
{
    (void) state;
    for (int ndjson = 0; ndjson < 2; ndjson++) {
        event_page_t *page = page_of(10, 40, ndjson);
        assert_int_equal(event_page_add_text(page, "{\"id\":\"1\"}", 10), 0);
        assert_int_equal(event_page_add_text(page, "{\"id\":\"2\"}", 10), 0);
        assert_int_equal(event_page_add_text(page, "{\"id\":\"a longer one\"}", 21), -1);
        assert_int_equal(event_page_room(page), 0);
        assert_int_equal(event_page_add_text(page, "{}", 2), -1);
        size_t bytes;
        char *text = event_page_finish(page, "exact", &at_7, &bytes);
        assert_string_equal(
            text, ndjson ? "{\"id\":\"1\"}\n{\"id\":\"2\"}\n"
                           "{\"next_cursor\":\"00000000000000e9-7\",\"verdict\":\"exact\"}\n"
                         : "{\"events\":[{\"id\":\"1\"},{\"id\":\"2\"}],"
                           "\"next_cursor\":\"00000000000000e9-7\",\"verdict\":\"exact\"}\n");
        free(text);
        event_page_destroy(&page);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_page_is_an_object_with_a_cursor),
        cmocka_unit_test(an_event_has_what_a_frame_has_and_where_it_is_from),
        cmocka_unit_test(a_payload_that_is_no_json_cannot_break_the_answer),
        cmocka_unit_test(any_json_is_data_as_it_is),
        cmocka_unit_test(the_limits_are_kept_but_for_a_first_event_that_is_larger),
        cmocka_unit_test(as_ndjson_each_line_is_an_object_and_the_last_has_the_cursor),
        cmocka_unit_test(several_gaps_are_told_as_one),
        cmocka_unit_test(an_event_that_is_text_already_keeps_to_the_same_limits),
    };
    return cmocka_run_group_tests_name("event_page", tests, NULL, NULL);
}
