// test_sse_scan - what the load client reads of a stream, however it is cut
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "sse_message.h"
#include "sse_scan.h"

enum { SEEN_BYTES = 4096, ENOUGH = 100 };

typedef struct world {
    sse_scan_t scan;
    char seen[SEEN_BYTES];    // what was told, a line each
    int events_left;          // after so many it asks to stop
} world_t;

static bool
on_head(void *arg, const sse_scan_t *scan)
{
    world_t *world = arg;
    size_t at = strlen(world->seen);
    snprintf(world->seen + at, SEEN_BYTES - at, "head %u\n", scan->status);
    return true;
}

static bool
on_event(void *arg, const sse_scan_t *scan)
{
    world_t *world = arg;
    size_t at = strlen(world->seen);
    snprintf(world->seen + at, SEEN_BYTES - at, "%s|%s|%.*s\n", scan->id, scan->type,
             (int) scan->data_bytes, scan->data);
    return --world->events_left > 0;
}

static const sse_scan_handler_t handler = {.on_head = on_head, .on_event = on_event};

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
                             "retry: 3000\nevent: stream.opened\ndata: {\"a\":1}\n\n"
                             ":\n:\nid: e-1\nevent: aider.x\ndata: {\"b\":2}\n\n"
                             "id: e-2\ndata: {}\n\n";
static const char all[] =
    "head 200\n|stream.opened|{\"a\":1}\ne-1|aider.x|{\"b\":2}\ne-2||{}\n";

static void
an_answer_is_read_the_same_wherever_it_is_cut(void **state)
{
    (void) state;
    for (size_t cut = 0; cut < sizeof answer - 1; cut++) {
        world_t world = {.events_left = ENOUGH};
        sse_scan_feed(&world.scan, answer, cut, &handler, &world);
        sse_scan_feed(&world.scan, answer + cut, sizeof answer - 1 - cut, &handler, &world);
        assert_string_equal(world.seen, all);
    }
    world_t world = {.events_left = ENOUGH};
    for (size_t at = 0; at < sizeof answer - 1; at++)
        sse_scan_feed(&world.scan, answer + at, 1, &handler, &world);
    assert_string_equal(world.seen, all);
}

static void
chunks_that_end_with_an_event_are_passed_over(void **state)
{
    (void) state;
    static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "17\r\nid: 1\ndata: {\"c\":3}\n\n\r\n"
                                  "10\r\nid: 2\ndata: {}\n\n\r\n";
    world_t world = {.events_left = ENOUGH};
    sse_scan_feed(&world.scan, chunked, sizeof chunked - 1, &handler, &world);
    assert_string_equal(world.seen, "head 200\n1||{\"c\":3}\n2||{}\n");
}

static void
what_is_too_long_is_cut(void **state)
{
    (void) state;
    world_t world = {.events_left = ENOUGH};
    char stream[1024];
    memset(stream, 'x', sizeof stream);
    static const char opening[] = "HTTP/1.1 503 No\r\n\r\nid: ";
    memcpy(stream, opening, sizeof opening - 1);
    static const char closing[] = "\ndata: short\n\n";
    memcpy(stream + sizeof stream - (sizeof closing - 1), closing, sizeof closing - 1);
    for (size_t cut = 0; cut < sizeof stream; cut += 37) {
        world = (world_t){.events_left = ENOUGH};
        sse_scan_feed(&world.scan, stream, cut, &handler, &world);
        sse_scan_feed(&world.scan, stream + cut, sizeof stream - cut, &handler, &world);
        assert_memory_equal(world.seen, "head 503\nxxx", 12);
        const char *type = strchr(world.seen, '|');
        assert_non_null(type);
        assert_in_range(type - world.seen, 60, 9 + SSE_SCAN_ID_SIZE);
        assert_string_equal(type, "||short\n");
    }
}

static void
nothing_is_read_any_more_once_the_handler_has_enough(void **state)
{
    (void) state;
    world_t world = {.events_left = 2};
    sse_scan_feed(&world.scan, answer, sizeof answer - 1, &handler, &world);
    assert_string_equal(world.seen,
                        "head 200\n|stream.opened|{\"a\":1}\ne-1|aider.x|{\"b\":2}\n");
}

static void
a_message_is_read_as_it_was_written_and_no_other(void **state)
{
    (void) state;
    const sse_message_t written = {.number = 42, .channel = 99999, .sent_us = 123456789012};
    char payload[SSE_MESSAGE_LEAST_BYTES + 1] = "";
    sse_message_payload(&written, payload, SSE_MESSAGE_LEAST_BYTES);
    assert_memory_equal(payload, "{\"message\":\"n=000000000042 s=99999 t=0000123456789012",
                        52);
    assert_string_equal(payload + SSE_MESSAGE_LEAST_BYTES - 19, "\",\"stage\":\"banner\"}");
    sse_message_t read;
    assert_int_equal(sse_message_read(&read, payload, SSE_SCAN_DATA_BYTES), 0);
    assert_int_equal(read.number, 42);
    assert_int_equal(read.channel, 99999);
    assert_int_equal(read.sent_us, 123456789012);
    assert_int_equal(sse_message_read(&read, payload, 50), -1);
    payload[20] = 'x';
    assert_int_equal(sse_message_read(&read, payload, SSE_SCAN_DATA_BYTES), -1);
    assert_int_equal(sse_message_read(&read, "{\"messages\":1}", 14), -1);
    char text[SSE_MESSAGE_LEAST_BYTES];
    sse_message_text(&written, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
    assert_memory_equal(text, "n=000000000042 s=99999 t=0000123456789012 ", 42);
}

static void
the_rest_of_a_message_is_words_that_differ_from_message_to_message(void **state)
{
    (void) state;
    enum { HEAD_BYTES = 42, BYTES = 300 };
    char texts[2][BYTES];
    for (uint64_t number = 0; number < 2; number++) {
        const sse_message_t written = {.number = number + 1};
        sse_message_text(&written, texts[number], BYTES);
        const char *rest = texts[number] + HEAD_BYTES;
        assert_int_equal(strspn(rest, "abcdefghijklmnopqrstuvwxyz "), BYTES - 1 - HEAD_BYTES);
        assert_non_null(strchr(rest, ' '));
    }
    assert_string_not_equal(texts[0] + HEAD_BYTES, texts[1] + HEAD_BYTES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_read_the_same_wherever_it_is_cut),
        cmocka_unit_test(chunks_that_end_with_an_event_are_passed_over),
        cmocka_unit_test(what_is_too_long_is_cut),
        cmocka_unit_test(nothing_is_read_any_more_once_the_handler_has_enough),
        cmocka_unit_test(a_message_is_read_as_it_was_written_and_no_other),
        cmocka_unit_test(the_rest_of_a_message_is_words_that_differ_from_message_to_message),
    };
    return cmocka_run_group_tests_name("sse_scan", tests, NULL, NULL);
}
