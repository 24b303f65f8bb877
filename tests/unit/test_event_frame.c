// test_event_frame - the bytes of a frame, whatever the payload holds
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "event_frame.h"

static const mesh_cursor_t cursor = {0xc0ffee, 42};

// The frame as a string, for the caller to free.
static char *
frame_of(const mesh_cursor_t *place, const char *payload, size_t payload_bytes)
{
    event_frame_layout_t layout = event_frame_measure(place, "aider.x", payload_bytes);
    char *frame = calloc(1, layout.frame_bytes + 1);
    event_frame_write(frame, place, "aider.x", payload, payload_bytes);
    assert_int_equal(frame[layout.frame_bytes], 0);
    return frame;
}

static void
a_frame_is_id_event_and_data_on_one_line(void **state)
{
    (void) state;
    char *frame = frame_of(&cursor, "{\"a\":1}", 7);
    assert_string_equal(frame, "id: 0000000000c0ffee-42\nevent: aider.x\ndata: {\"a\":1}\n\n");
    free(frame);
}

static void
an_event_without_a_place_has_no_id(void **state)
{
    (void) state;
    char *frame = frame_of(NULL, "{}", 2);
    assert_string_equal(frame, "event: aider.x\ndata: {}\n\n");
    free(frame);
}

static void
cr_lf_and_nul_in_a_payload_become_spaces(void **state)
{
    (void) state;
    static const char payload[] = "{\r\n\"a\":\n1\r}\0data: x\n\nid: 9\n";
    char *frame = frame_of(NULL, payload, sizeof payload - 1);
    assert_string_equal(frame, "event: aider.x\ndata: {  \"a\": 1 } data: x  id: 9 \n\n");
    free(frame);
}

static void
bytes_that_are_not_utf8_become_question_marks(void **state)
{
    (void) state;
    // A lone continuation, an overlong '/', a surrogate, one beyond U+10FFFF, one cut short.
    static const char payload[] = "\x80|\xC0\xAF|\xED\xA0\x80|\xF4\x90\x80\x80|\xE2\x82";
    char *frame = frame_of(NULL, payload, sizeof payload - 1);
    assert_string_equal(frame, "event: aider.x\ndata: ?|\?\?|\?\?\?|\?\?\?\?|\?\?\n\n");
    free(frame);
}

static void
text_of_any_script_and_the_unicode_line_ends_pass(void **state)
{
    (void) state;
    static const char payload[] = "\xC3\xA9\xE2\x80\xA8\xE2\x80\xA9\xF0\x9F\x98\x80\xC2\x85";
    char *frame = frame_of(NULL, payload, sizeof payload - 1);
    assert_non_null(strstr(frame, payload));
    free(frame);
}

static void
a_frame_of_our_own_has_retry_in_its_block(void **state)
{
    (void) state;
    json_t *json = json_pack("{s:s}", "verdict", "live");
    size_t bytes;
    char *frame = event_frame_control(3000, NULL, "stream.opened", json, &bytes);
    assert_string_equal(frame,
                        "retry: 3000\nevent: stream.opened\ndata: {\"verdict\":\"live\"}\n\n");
    assert_int_equal(bytes, strlen(frame));
    free(frame);
    json_decref(json);
}

static void
the_payload_is_found_where_measuring_said(void **state)
{
    (void) state;
    event_frame_layout_t layout = event_frame_measure(&cursor, "aider.x", 3);
    char *frame = frame_of(&cursor, "abc", 3);
    assert_memory_equal(frame + layout.payload_at, "abc\n\n", 5);
    assert_int_equal(layout.payload_at + 5, layout.frame_bytes);
    free(frame);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_id_event_and_data_on_one_line),
        cmocka_unit_test(an_event_without_a_place_has_no_id),
        cmocka_unit_test(cr_lf_and_nul_in_a_payload_become_spaces),
        cmocka_unit_test(bytes_that_are_not_utf8_become_question_marks),
        cmocka_unit_test(text_of_any_script_and_the_unicode_line_ends_pass),
        cmocka_unit_test(a_frame_of_our_own_has_retry_in_its_block),
        cmocka_unit_test(the_payload_is_found_where_measuring_said),
    };
    return cmocka_run_group_tests_name("event_frame", tests, NULL, NULL);
}
