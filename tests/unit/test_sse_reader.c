// test_sse_reader - what the stream parser makes of bytes, whole and in pieces
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sse_reader.h"

enum { LIMIT = 1024 };

typedef struct seen {
    char text[8 * LIMIT];    // each event as "id|type|data;"
    size_t events;
} seen_t;

static void
on_event(void *arg, const sse_event_t *event)
{
    seen_t *seen = arg;
    size_t used = strlen(seen->text);
    assert_int_equal(strlen(event->data), event->data_bytes);
    snprintf(seen->text + used, sizeof seen->text - used, "%s|%s|%s;", event->id, event->type,
             event->data);
    seen->events++;
}

static void
feed(sse_reader_t *reader, const char *text)
{
    sse_reader_feed(reader, text, strlen(text));
}

// Feed the text whole, then byte by byte to another reader: both must see the expected events.
static void
expect(const char *text, const char *expected)
{
    seen_t whole = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &whole);
    feed(reader, text);
    sse_reader_destroy(&reader);
    assert_string_equal(whole.text, expected);

    seen_t pieces = {"", 0};
    reader = sse_reader_new(LIMIT, on_event, &pieces);
    for (size_t i = 0; text[i]; i++)
        sse_reader_feed(reader, text + i, 1);
    sse_reader_destroy(&reader);
    assert_string_equal(pieces.text, expected);
}

static void
a_frame_of_the_mesh_becomes_one_event(void **state)
{
    (void) state;
    expect("id: 00c0ffee00c0ffee-42\nevent: aider.session_started\ndata: {\"a\":1}\n\n",
           "00c0ffee00c0ffee-42|aider.session_started|{\"a\":1};");
}

static void
lf_crlf_and_a_lone_cr_each_end_a_line(void **state)
{
    (void) state;
    expect("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\r\n\n", "|message|a;|message|b;"
                                                                 "|message|c;|message|d;");
}

static void
data_lines_are_joined_by_lf(void **state)
{
    (void) state;
    expect("data: a\ndata\ndata:b\n\n", "|message|a\n\nb;");
}

static void
only_one_space_after_the_colon_is_taken_off(void **state)
{
    (void) state;
    expect("data:  a\n\ndata:b \n\ndata: c:d\n\n", "|message| a;|message|b ;|message|c:d;");
}

static void
an_event_without_data_is_none_but_its_id_counts(void **state)
{
    (void) state;
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    feed(reader, "event: x\nid: 7\n\n");
    assert_int_equal(seen.events, 0);
    assert_string_equal(sse_reader_last_id(reader), "7");
    feed(reader, "data: y\n\n");
    assert_string_equal(seen.text, "|message|y;");
    assert_string_equal(sse_reader_last_id(reader), "7");
    sse_reader_destroy(&reader);
}

static void
an_empty_data_line_is_an_event_with_empty_data(void **state)
{
    (void) state;
    expect("data\n\ndata:\ndata:\n\n", "|message|;|message|\n;");
}

static void
comments_and_unknown_fields_are_passed_over(void **state)
{
    (void) state;
    expect(": hello\n:\nfoo: bar\nfoo\nDATA: no\ndata: a\n\n", "|message|a;");
}

static void
a_byte_order_mark_is_passed_over_only_at_the_start(void **state)
{
    (void) state;
    expect("\xEF\xBB\xBF"
           "data: a\n\n",
           "|message|a;");
    expect("\xEF\xBB"
           "data: a\ndata: b\n\n",
           "|message|b;");
    expect("data: a\n\n\xEF\xBB\xBF"
           "data: b\n\n",
           "|message|a;");
}

static void
an_id_holds_until_the_next_and_an_empty_one_takes_it_back(void **state)
{
    (void) state;
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    assert_string_equal(sse_reader_last_id(reader), "");
    feed(reader, "id: 1\ndata: a\n\ndata: b\n\n");
    assert_string_equal(sse_reader_last_id(reader), "1");
    feed(reader, "id\ndata: c\n\n");
    assert_string_equal(sse_reader_last_id(reader), "");
    sse_reader_destroy(&reader);
}

static void
an_id_counts_only_once_its_event_is_whole(void **state)
{
    (void) state;
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    feed(reader, "id: 1\ndata: a\n\nid: 2\ndata: b\n");
    assert_string_equal(sse_reader_last_id(reader), "1");
    sse_reader_reconnect(reader);
    feed(reader, "\ndata: c\n\n");
    assert_string_equal(seen.text, "1|message|a;|message|c;");
    assert_string_equal(sse_reader_last_id(reader), "1");
    sse_reader_destroy(&reader);
}

static void
an_id_with_a_nul_is_ignored(void **state)
{
    (void) state;
    static const char TEXT[] = "id: 1\ndata: a\n\nid: 2\0003\ndata: b\n\n";
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    sse_reader_feed(reader, TEXT, sizeof TEXT - 1);
    assert_string_equal(seen.text, "1|message|a;|message|b;");
    assert_string_equal(sse_reader_last_id(reader), "1");
    sse_reader_destroy(&reader);
}

static void
retry_is_taken_only_from_digits_and_has_an_end(void **state)
{
    (void) state;
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    assert_int_equal(sse_reader_retry_ms(reader), -1);
    feed(reader, "retry: 2500\n");
    assert_int_equal(sse_reader_retry_ms(reader), 2500);
    feed(reader, "retry: 3s\nretry:\nretry: -1\n");
    assert_int_equal(sse_reader_retry_ms(reader), 2500);
    feed(reader, "retry: 99999999999999999999999999999999\n");
    assert_true(sse_reader_retry_ms(reader) == INT64_C(365) * 24 * 3600 * 1000);
    sse_reader_destroy(&reader);
}

// "data: " and count bytes of 'x', fed in pieces of piece bytes; no line end.
static void
feed_long_line(sse_reader_t *reader, const char *field, size_t count, size_t piece)
{
    feed(reader, field);
    char *bytes = malloc(piece);
    assert_non_null(bytes);
    memset(bytes, 'x', piece);
    for (size_t fed = 0; fed < count; fed += piece)
        sse_reader_feed(reader, bytes, piece);
    free(bytes);
}

static void
an_event_past_the_limit_is_skipped_whole_and_counted(void **state)
{
    (void) state;
    static const size_t PIECES[] = {1, 7, LIMIT, LIMIT + 1, 4 * (size_t) LIMIT};
    for (size_t i = 0; i < sizeof PIECES / sizeof PIECES[0]; i++) {
        seen_t seen = {"", 0};
        sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
        feed(reader, "id: 5\n");
        feed_long_line(reader, "data: ", 2 * (size_t) LIMIT, PIECES[i]);
        feed(reader, "\ndata: more of it\n\nid: 6\ndata: next\n\n");
        assert_string_equal(seen.text, "6|message|next;");
        assert_int_equal(sse_reader_skipped(reader), 1);
        sse_reader_destroy(&reader);
    }
}

static void
many_short_data_lines_are_limited_too(void **state)
{
    (void) state;
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    for (int i = 0; i < 2 * LIMIT; i++)
        feed(reader, "data\n");
    feed(reader, "\ndata: next\n\n");
    assert_string_equal(seen.text, "|message|next;");
    assert_int_equal(sse_reader_skipped(reader), 1);
    sse_reader_destroy(&reader);
}

static void
a_place_is_reached_even_when_the_event_there_is_skipped(void **state)
{
    (void) state;
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    feed(reader, "id: 5\n");
    feed_long_line(reader, "data: ", 2 * (size_t) LIMIT, 100);
    feed(reader, "\n\n");
    assert_string_equal(sse_reader_last_id(reader), "5");
    sse_reader_destroy(&reader);
}

static void
a_line_cut_by_the_limit_gives_no_half_an_id(void **state)
{
    (void) state;
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    feed_long_line(reader, "id: abc", 2 * (size_t) LIMIT, 2 * (size_t) LIMIT);
    feed(reader, "\ndata: x\n\n");
    assert_string_equal(sse_reader_last_id(reader), "");
    assert_int_equal(sse_reader_skipped(reader), 1);
    sse_reader_destroy(&reader);
}

static void
a_name_longer_than_ours_is_refused(void **state)
{
    (void) state;
    seen_t seen = {"", 0};
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &seen);
    feed_long_line(reader, "event: ", SSE_READER_NAME_LIMIT + 1, 1);
    feed(reader, "\ndata: x\n\n");
    feed_long_line(reader, "event: ", SSE_READER_NAME_LIMIT, 1);
    feed(reader, "\ndata: y\n\n");
    assert_int_equal(seen.events, 1);
    assert_int_equal(sse_reader_skipped(reader), 1);
    sse_reader_destroy(&reader);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_of_the_mesh_becomes_one_event),
        cmocka_unit_test(lf_crlf_and_a_lone_cr_each_end_a_line),
        cmocka_unit_test(data_lines_are_joined_by_lf),
        cmocka_unit_test(only_one_space_after_the_colon_is_taken_off),
        cmocka_unit_test(an_event_without_data_is_none_but_its_id_counts),
        cmocka_unit_test(an_empty_data_line_is_an_event_with_empty_data),
        cmocka_unit_test(comments_and_unknown_fields_are_passed_over),
        cmocka_unit_test(a_byte_order_mark_is_passed_over_only_at_the_start),
        cmocka_unit_test(an_id_holds_until_the_next_and_an_empty_one_takes_it_back),
        cmocka_unit_test(an_id_counts_only_once_its_event_is_whole),
        cmocka_unit_test(an_id_with_a_nul_is_ignored),
        cmocka_unit_test(retry_is_taken_only_from_digits_and_has_an_end),
        cmocka_unit_test(an_event_past_the_limit_is_skipped_whole_and_counted),
        cmocka_unit_test(many_short_data_lines_are_limited_too),
        cmocka_unit_test(a_place_is_reached_even_when_the_event_there_is_skipped),
        cmocka_unit_test(a_line_cut_by_the_limit_gives_no_half_an_id),
        cmocka_unit_test(a_name_longer_than_ours_is_refused),
    };
    return cmocka_run_group_tests_name("sse_reader", tests, NULL, NULL);
}
