// test_ndjson_event - one line of JSON that is an event
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "ndjson_event.h"

#include <stdio.h>
#include <string.h>

static void
expect(const char *line, ndjson_event_outcome_t outcome, const char *type)
{
    char have[NDJSON_EVENT_TYPE_BYTES];
    json_t *payload;
    ndjson_event_outcome_t result = ndjson_event_parse(line, strlen(line), have, &payload);
    if (result != outcome)
        fail_msg("%s: %s", line, ndjson_event_name(result));
    assert_string_equal(have, type);
    assert_int_equal(payload != NULL, outcome == NDJSON_EVENT_OK);
    json_decref(payload);
}

static void
both_forms_are_read(void **state)
{
    (void) state;
    expect("{\"type\": \"aider.session_started\", \"data\": {}}", NDJSON_EVENT_OK,
           "aider.session_started");
    expect("{\"event\": \"rate_limit_detected\", \"data\": {\"attempt\": 1}}", NDJSON_EVENT_OK,
           "aider.rate_limit_detected");
    expect("{\"type\":\"ci.job_done\",\"data\":{\"ok\":true},\"more\":1}\r", NDJSON_EVENT_OK,
           "ci.job_done");
}

static void
the_payload_is_the_data(void **state)
{
    (void) state;
    char type[NDJSON_EVENT_TYPE_BYTES];
    json_t *payload;
    const char *line =
        "{\"event\": \"error_occurred\", \"data\": {\"error_type\": \"timeout\"}}";
    assert_int_equal(ndjson_event_parse(line, strlen(line), type, &payload), NDJSON_EVENT_OK);
    assert_string_equal(json_string_value(json_object_get(payload, "error_type")), "timeout");
    json_decref(payload);
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
each_outcome_has_a_name_and_a_sentence(void **state)
{
    (void) state;
    for (int i = NDJSON_EVENT_OK; i <= NDJSON_EVENT_BAD_DATA; i++) {
        assert_true(strlen(ndjson_event_name((ndjson_event_outcome_t) i)) > 0);
        assert_true(strlen(ndjson_event_explain((ndjson_event_outcome_t) i)) > 10);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(the_payload_is_the_data),
        cmocka_unit_test(what_is_no_event_is_refused_by_name),
        cmocka_unit_test(a_type_has_at_most_64_characters),
        cmocka_unit_test(each_outcome_has_a_name_and_a_sentence),
    };
    return cmocka_run_group_tests_name("ndjson_event", tests, NULL, NULL);
}
