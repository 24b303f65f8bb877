// test_ndjson_event - one line of JSON that is an event
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "ndjson_event.h"

#include <stdio.h>
#include <string.h>

static void
expect_bytes(const char *line, size_t size, ndjson_event_outcome_t outcome, const char *type,
             const char *problem)
{
    ndjson_event_t event;
    ndjson_event_outcome_t result = ndjson_event_parse(line, size, &event);
    if (result != outcome)
        fail_msg("%s: %s", line, ndjson_event_name(result));
    assert_string_equal(event.type, type);
    assert_int_equal(event.payload != NULL, outcome == NDJSON_EVENT_OK);
    assert_int_equal(event.problem[0] == '\0',
                     outcome == NDJSON_EVENT_OK || outcome == NDJSON_EVENT_BLANK);
    if (problem && !strstr(event.problem, problem))
        fail_msg("%s: %s", line, event.problem);
    json_decref(event.payload);
}

static void
expect(const char *line, ndjson_event_outcome_t outcome, const char *type)
{
    expect_bytes(line, strlen(line), outcome, type, NULL);
}

static void
both_forms_are_read(void **state)
{
    (void) state;
    expect("{\"type\": \"aider.session_started\", \"data\": {}}", NDJSON_EVENT_OK,
           "aider.session_started");
    expect("{\"event\": \"rate_limit_detected\", \"data\": {\"attempt\": 1, "
           "\"will_retry\": false}}",
           NDJSON_EVENT_OK, "aider.rate_limit_detected");
    expect("{\"type\":\"ci.job_done\",\"data\":{\"ok\":true},\"more\":1}\r", NDJSON_EVENT_OK,
           "ci.job_done");
}

static void
the_payload_is_the_data_without_what_is_the_publishers(void **state)
{
    (void) state;
    ndjson_event_t event;
    const char *line = "{\"event\": \"error_occurred\", \"data\": {\"error_type\": "
                       "\"timeout\", \"seq\": 9, \"host\": \"h\", \"source\": 1}}";
    assert_int_equal(ndjson_event_parse(line, strlen(line), &event), NDJSON_EVENT_OK);
    assert_string_equal(json_string_value(json_object_get(event.payload, "error_type")),
                        "timeout");
    assert_int_equal(json_object_size(event.payload), 1);
    json_decref(event.payload);
}

static void
a_byte_order_mark_is_passed_over(void **state)
{
    (void) state;
    expect("\xef\xbb\xbf{\"type\": \"ci.a\", \"data\": {}}", NDJSON_EVENT_OK, "ci.a");
    expect("\xef\xbb\xbf", NDJSON_EVENT_BLANK, "");
    expect("\xef\xbb{\"type\": \"ci.a\", \"data\": {}}", NDJSON_EVENT_BAD_JSON, "");
}

static void
what_json_does_not_say_well_is_refused_by_name(void **state)
{
    (void) state;
    static const struct {
        const char *line;
        const char *problem;
    } lines[] = {
        {"{\"type\": \"ci.a\", \"data\": {\"a\": \"\xff\"}}", "not UTF-8"},
        {"{\"type\": \"ci.a\", \"data\": {\"a\": \"\\u0000\"}}", "U+0000"},
        {"{\"type\": \"ci.a\", \"data\": {\"a\": 1, \"a\": 2}}", "two members"},
        {"{\"type\": \"ci.a\", \"data\": {\"a\": 9223372036854775808}}", "too large"},
        {"{\"type\": \"ci.a\", \"data\": {\"a\": 1e999}}", "too large"},
        {"{\"type\": \"ci.a\", \"data\": {\"a\": NaN}}", "not JSON"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect_bytes(lines[i].line, strlen(lines[i].line), NDJSON_EVENT_BAD_JSON, "",
                     lines[i].problem);
    static const char with_nul[] = "{\"type\": \"ci.a\", \"data\": {}}\0{}";
    expect_bytes(with_nul, sizeof with_nul - 1, NDJSON_EVENT_BAD_JSON, "", "not JSON");
    expect_bytes("\0", 1, NDJSON_EVENT_BAD_JSON, "", "not JSON");
    static char deep[8192];
    memset(deep, '[', sizeof deep);
    expect_bytes(deep, sizeof deep, NDJSON_EVENT_BAD_JSON, "", "too deep");
}

static void
data_that_the_schema_refuses_is_refused(void **state)
{
    (void) state;
    static const char line[] =
        "{\"type\": \"session_progress\", \"data\": {\"stage\": \"thinking\"}}";
    expect_bytes(line, strlen(line), NDJSON_EVENT_BAD_MEMBER, "",
                 "\"stage\" is \"thinking\", allowed: banner, file_added");
    expect("{\"type\": \"ci.a\", \"data\": {\"a\": null}}", NDJSON_EVENT_BAD_MEMBER, "");
}

static void
what_is_no_event_is_refused_by_name(void **state)
{
    (void) state;
    expect("", NDJSON_EVENT_BLANK, "");
    expect("  \t\r", NDJSON_EVENT_BLANK, "");
    expect("{\"type\": \"a\"", NDJSON_EVENT_BAD_JSON, "");
    expect("{\"type\": \"a\", \"type\": \"b\", \"data\": {}}", NDJSON_EVENT_BAD_JSON, "");
    expect("{\"type\": \"a\", \"data\": {}} x", NDJSON_EVENT_BAD_JSON, "");
    expect("[1]", NDJSON_EVENT_NOT_AN_OBJECT, "");
    expect("7", NDJSON_EVENT_NOT_AN_OBJECT, "");
    expect("{\"data\": {}}", NDJSON_EVENT_NO_TYPE, "");
    expect("{\"type\": 7, \"data\": {}}", NDJSON_EVENT_NO_TYPE, "");
    expect("{\"type\": \"\", \"data\": {}}", NDJSON_EVENT_BAD_TYPE, "");
    expect("{\"type\": \"A B\", \"data\": {}}", NDJSON_EVENT_BAD_TYPE, "");
    expect("{\"type\": \"a..b\", \"data\": {}}", NDJSON_EVENT_BAD_TYPE, "");
    expect("{\"type\": \".a\", \"data\": {}}", NDJSON_EVENT_BAD_TYPE, "");
    expect("{\"type\": \"7a\", \"data\": {}}", NDJSON_EVENT_BAD_TYPE, "");
    expect("{\"type\": \"aider.nothing\", \"data\": {}}", NDJSON_EVENT_UNKNOWN_TYPE, "");
    expect("{\"type\": \"mesh.head\", \"data\": {}}", NDJSON_EVENT_RESERVED_TYPE, "");
    expect("{\"type\": \"stream.gap\", \"data\": {}}", NDJSON_EVENT_RESERVED_TYPE, "");
    expect("{\"type\": \"a.b\"}", NDJSON_EVENT_BAD_DATA, "");
    expect("{\"type\": \"a.b\", \"data\": []}", NDJSON_EVENT_BAD_DATA, "");
}

static void
a_type_has_at_most_64_characters(void **state)
{
    (void) state;
    char line[128];
    char name[66];
    memset(name, 'a', sizeof name);
    name[64] = '\0';
    snprintf(line, sizeof line, "{\"type\": \"%s\", \"data\": {}}", name);
    expect(line, NDJSON_EVENT_OK, name);
    name[64] = 'a';
    name[65] = '\0';
    snprintf(line, sizeof line, "{\"type\": \"%s\", \"data\": {}}", name);
    expect(line, NDJSON_EVENT_BAD_TYPE, "");
}

static void
each_outcome_has_a_name(void **state)
{
    (void) state;
    for (int i = NDJSON_EVENT_OK; i <= NDJSON_EVENT_BAD_MEMBER; i++)
        assert_true(strlen(ndjson_event_name((ndjson_event_outcome_t) i)) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(the_payload_is_the_data_without_what_is_the_publishers),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(what_json_does_not_say_well_is_refused_by_name),
        cmocka_unit_test(data_that_the_schema_refuses_is_refused),
        cmocka_unit_test(what_is_no_event_is_refused_by_name),
        cmocka_unit_test(a_type_has_at_most_64_characters),
        cmocka_unit_test(each_outcome_has_a_name),
    };
    return cmocka_run_group_tests_name("ndjson_event", tests, NULL, NULL);
}
