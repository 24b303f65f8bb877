// test_cloud_event - what a CloudEvent says, whatever the event holds
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "cloud_event.h"
#include "mesh/topic.h"

static const mesh_cursor_t cursor = {0xc0ffee, 42};

// An event of which everything is known.
static cloud_event_t
event_of(const char *payload)
{
    return (cloud_event_t){.cursor = &cursor,
                           .type = "aider.x",
                           .host = "build-7",
                           .session = "s-1",
                           .source = {{0x01, 0x90, [15] = 0x0F}},
                           .seq = 17,
                           .timestamp_us = 1770091506000007,
                           .recorded_us = 1770091506001000,
                           .payload = payload,
                           .payload_bytes = strlen(payload)};
}

// The frame as a string, for the caller to free.
static char *
frame_of(const cloud_event_t *event)
{
    cloud_event_layout_t layout;
    cloud_event_measure(&layout, event);
    char *frame = malloc(layout.frame_bytes + 1);
    memset(frame, '#', layout.frame_bytes + 1);
    cloud_event_write(frame, &layout);
    assert_int_equal(frame[layout.frame_bytes], '#');
    frame[layout.frame_bytes] = '\0';
    assert_int_equal(strlen(frame), layout.frame_bytes);
    assert_memory_equal(frame + layout.text_at - 6, "data: ", 6);
    assert_memory_equal(frame + layout.text_at + layout.text_bytes, "\n\n", 3);
    return frame;
}

static json_t *
json_of(const cloud_event_t *event)
{
    char *frame = frame_of(event);
    json_t *json = json_loads(strstr(frame, "data: ") + 6, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    free(frame);
    return json;
}

static void
assert_member(const json_t *json, const char *member, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(json, member)), value);
}

static void
an_event_has_its_identity_its_place_and_its_payload_to_the_byte(void **state)
{
    (void) state;
    const cloud_event_t event = event_of("{ \"a\" : 1.50 }");
    char *frame = frame_of(&event);
    assert_string_equal(
        frame, "id: 0000000000c0ffee-42\nevent: aider.x\ndata: {\"specversion\":\"1.0\","
               "\"id\":\"17\",\"source\":\"//build-7/01900000-0000-0000-0000-00000000000f\","
               "\"type\":\"aider.x\",\"subject\":\"s-1\","
               "\"time\":\"2026-02-03T04:05:06.000007Z\","
               "\"datacontenttype\":\"application/json\","
               "\"sequence\":\"00000000000000000017\","
               "\"recordedtime\":\"2026-02-03T04:05:06.001000Z\","
               "\"cursor\":\"0000000000c0ffee-42\",\"data\":{ \"a\" : 1.50 }}\n\n");
    free(frame);
}

static void
what_is_not_known_is_absent(void **state)
{
    (void) state;
    // The end of what RFC 3339 can say, beyond it, and a clock that was never set.
    static const int64_t times[] = {0, -1, INT64_MIN, INT64_MAX, 253402300800000000};
    for (size_t at = 0; at < sizeof times / sizeof times[0]; at++) {
        cloud_event_t event = event_of("{}");
        event.cursor = NULL;
        event.session = "";
        event.timestamp_us = times[at];
        event.recorded_us = times[at];
        json_t *json = json_of(&event);
        assert_int_equal(json_object_size(json), 7);
        assert_null(json_object_get(json, "time"));
        assert_null(json_object_get(json, "recordedtime"));
        assert_null(json_object_get(json, "subject"));
        assert_null(json_object_get(json, "cursor"));
        json_decref(json);
    }
    cloud_event_t event = event_of("{}");
    event.timestamp_us = 253402300799999999;
    json_t *json = json_of(&event);
    assert_member(json, "time", "9999-12-31T23:59:59.999999Z");
    json_decref(json);
}

static void
names_are_lower_case_letters_and_digits_and_values_are_text(void **state)
{
    (void) state;
    const cloud_event_t event = event_of("{}");
    json_t *json = json_of(&event);
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value)
    {
        assert_in_range(strlen(name), 1, 20);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789"), strlen(name));
        if (strcmp(name, "data") != 0)
            assert_in_range(json_string_length(value), 1, 100);
    }
    json_decref(json);
}

static void
a_payload_that_is_no_json_is_text_and_forges_no_attribute(void **state)
{
    (void) state;
    static const struct {
        const char *payload;
        const char *data;
    } cases[] = {
        {"{\"a\":1},\"source\":\"forged\"", "{\"a\":1},\"source\":\"forged\""},
        {"{}}, {\"id\":\"forged\"", "{}}, {\"id\":\"forged\""},
        {"", ""},
        {"hello \"you\" \\ there", "hello \"you\" \\ there"},
        {"tab\tbell\aescape\x1b", "tab bell escape "},
        {"{\"lone\":\"\\ud800\"}", "{\"lone\":\"\\ud800\"}"},
        {"[1,2", "[1,2"},
        {"\xE2\x80\xA8", "\xE2\x80\xA8"},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        const cloud_event_t event = event_of(cases[at].payload);
        json_t *json = json_of(&event);
        assert_int_equal(json_object_size(json), 11);
        assert_member(json, "id", "17");
        assert_member(json, "source", "//build-7/01900000-0000-0000-0000-00000000000f");
        assert_member(json, "datacontenttype", "text/plain");
        assert_member(json, "data", cases[at].data);
        json_decref(json);
    }
}

static void
any_json_is_data_as_it_is(void **state)
{
    (void) state;
    static const char *const payloads[] = {"42",
                                           "\"text\"",
                                           "null",
                                           "[1,[2]]",
                                           " {} ",
                                           "123456789012345678901234567890",
                                           "{\"nul\":\"\\u0000\"}"};
    for (size_t at = 0; at < sizeof payloads / sizeof payloads[0]; at++) {
        const cloud_event_t event = event_of(payloads[at]);
        char *frame = frame_of(&event);
        const char *data = strstr(frame, "\"data\":") + strlen("\"data\":");
        assert_memory_equal(data, payloads[at], strlen(payloads[at]));
        assert_string_equal(data + strlen(payloads[at]), "}\n\n");
        assert_non_null(strstr(frame, "\"application/json\""));
        free(frame);
    }
}

static void
the_longest_host_is_the_authority_of_a_uri_and_the_longest_session_a_subject(void **state)
{
    (void) state;
    char host[MESH_HOST_SIZE], session[MESH_SESSION_SIZE];
    memset(host, ':', sizeof host - 1);
    memset(session, '\x01', sizeof session - 1);
    host[sizeof host - 1] = '\0';
    session[sizeof session - 1] = '\0';
    char type[MESH_TYPE_SIZE];
    memset(type, 'a', sizeof type - 1);
    type[sizeof type - 1] = '\0';
    cloud_event_t event = event_of("{}");
    event.host = host;
    event.session = session;
    event.type = type;
    event.seq = UINT64_MAX;
    event.cursor = &(mesh_cursor_t){UINT64_MAX, UINT64_MAX};
    json_t *json = json_of(&event);
    assert_member(json, "subject", session);
    assert_member(json, "type", type);
    assert_member(json, "sequence", "18446744073709551615");
    const char *source = json_string_value(json_object_get(json, "source"));
    assert_int_equal(strspn(source + 2, "%3A"), 3 * (sizeof host - 1));
    json_decref(json);
    event.host = "m\xC3\xBCnchen/x \"y\"";
    json = json_of(&event);
    assert_member(json, "source",
                  "//m%C3%BCnchen%2Fx%20%22y%22/01900000-0000-0000-0000-00000000000f");
    json_decref(json);
}

static void
a_frame_of_our_own_has_an_id_of_its_own_and_retry_in_its_block(void **state)
{
    (void) state;
    json_t *payload = json_pack("{s:s}", "verdict", "live");
    char *ids[2];
    for (int at = 0; at < 2; at++) {
        size_t bytes;
        char *frame = cloud_event_control(3000, at == 0 ? NULL : &cursor, "stream.opened",
                                          payload, &bytes);
        assert_int_equal(bytes, strlen(frame));
        const char *begin = at == 0 ? "retry: 3000\nevent: stream.opened\ndata: {"
                                    : "retry: 3000\nid: 0000000000c0ffee-42\nevent: ";
        assert_memory_equal(frame, begin, strlen(begin));
        json_t *json = json_loads(strstr(frame, "data: ") + 6, 0, NULL);
        assert_int_equal(json_object_size(json), at == 0 ? 6 : 7);
        assert_member(json, "source", CLOUD_EVENT_OWN_SOURCE);
        assert_member(json, "type", "stream.opened");
        assert_true(json_equal(json_object_get(json, "data"), payload));
        ids[at] = strdup(json_string_value(json_object_get(json, "id")));
        json_decref(json);
        free(frame);
    }
    assert_string_not_equal(ids[0], ids[1]);
    free(ids[0]);
    free(ids[1]);
    json_decref(payload);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_its_identity_its_place_and_its_payload_to_the_byte),
        cmocka_unit_test(what_is_not_known_is_absent),
        cmocka_unit_test(names_are_lower_case_letters_and_digits_and_values_are_text),
        cmocka_unit_test(a_payload_that_is_no_json_is_text_and_forges_no_attribute),
        cmocka_unit_test(any_json_is_data_as_it_is),
        cmocka_unit_test(
            the_longest_host_is_the_authority_of_a_uri_and_the_longest_session_a_subject),
        cmocka_unit_test(a_frame_of_our_own_has_an_id_of_its_own_and_retry_in_its_block),
    };
    return cmocka_run_group_tests_name("cloud_event", tests, NULL, NULL);
}
