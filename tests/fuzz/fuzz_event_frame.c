// fuzz_event_frame - no payload can forge a field, an event or a comment
// SPDX-License-Identifier: MPL-2.0
//
// A stream with the input as the payload of one frame, between frames and a comment of ours, is
// read by a parser that follows the HTML standard (9.2.6) word by word: it must find these and
// nothing else, and what was JSON must be the same JSON. The input is tried as it is, repeated
// up to the longest payload there is, and as a text in a frame of our own. As a CloudEvent it
// is the data, the host and the session, and forges no attribute.
#include "cloud_event.h"
#include "event_frame.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/topic.h"

enum {
    EVENTS_MOST = 4,
    TEXT_BYTES = 1 << 20,
    PAYLOAD_BYTES_MOST = 64 * 1024,
    LONGEST_EVERY = 512,
    // Jansson reads no deeper than 2048, and an envelope is one more.
    BRACKETS_MOST = 2000,
    READS = JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
};

typedef struct event {
    const char *data;    // in the parser's
    size_t data_bytes;
    char type[80];
    char id[64];
} event_t;

typedef struct parser {
    event_t events[EVENTS_MOST];
    size_t count;
    size_t comments;
    size_t strange;    // fields that are not id, event, data or retry
    long retry_ms;
    char *data;           // of all events, one behind the other
    size_t data_from;     // where that of the next event begins
    size_t data_bytes;    // how long it is so far
    char type[80];
    char id[64];
} parser_t;

static void
take_text(char *out, size_t out_bytes, const char *value, size_t value_bytes)
{
    assert(value_bytes < out_bytes);
    memcpy(out, value, value_bytes);
    out[value_bytes] = '\0';
}

static void
dispatch(parser_t *self)
{
    if (self->data_bytes == 0) {
        self->type[0] = '\0';
        return;
    }
    assert(self->count < EVENTS_MOST);
    event_t *event = &self->events[self->count++];
    event->data_bytes = self->data_bytes - 1;    // without the last line feed
    event->data = self->data + self->data_from;
    memcpy(event->type, self->type, sizeof event->type);
    memcpy(event->id, self->id, sizeof event->id);
    self->data_from += self->data_bytes;
    self->data_bytes = 0;
    self->type[0] = '\0';
}

static void
take_field(parser_t *self, const char *name, size_t name_bytes, const char *value,
           size_t value_bytes)
{
    if (name_bytes == 5 && memcmp(name, "event", 5) == 0) {
        take_text(self->type, sizeof self->type, value, value_bytes);
    } else if (name_bytes == 4 && memcmp(name, "data", 4) == 0) {
        char *out = self->data + self->data_from + self->data_bytes;
        memcpy(out, value, value_bytes);
        out[value_bytes] = '\n';
        self->data_bytes += value_bytes + 1;
    } else if (name_bytes == 2 && memcmp(name, "id", 2) == 0) {
        if (!memchr(value, '\0', value_bytes))
            take_text(self->id, sizeof self->id, value, value_bytes);
    } else if (name_bytes == 5 && memcmp(name, "retry", 5) == 0) {
        char digits[24];
        take_text(digits, sizeof digits, value, value_bytes);
        assert(strspn(digits, "0123456789") == value_bytes);
        self->retry_ms = strtol(digits, NULL, 10);
    } else {
        self->strange++;
    }
}

static void
take_line(parser_t *self, const char *line, size_t bytes)
{
    if (bytes == 0) {
        dispatch(self);
        return;
    }
    const char *colon = memchr(line, ':', bytes);
    if (colon == line) {
        self->comments++;
        return;
    }
    size_t name_bytes = colon ? (size_t) (colon - line) : bytes;
    const char *value = colon ? colon + 1 : line + bytes;
    size_t value_bytes = (size_t) (line + bytes - value);
    if (value_bytes > 0 && value[0] == ' ') {
        value++;
        value_bytes--;
    }
    take_field(self, line, name_bytes, value, value_bytes);
}

static void
parse(parser_t *self, const char *text, size_t bytes)
{
    size_t from = 0;
    for (size_t at = 0; at < bytes; at++) {
        if (text[at] != '\n' && text[at] != '\r')
            continue;
        take_line(self, text + from, at - from);
        if (text[at] == '\r' && at + 1 < bytes && text[at + 1] == '\n')
            at++;
        from = at + 1;
    }
    assert(from == bytes);    // nothing is left without a line end
}

// Whoever the event is for reads the JSON that was published.
static void
check_json(const char *payload, size_t payload_bytes, const event_t *event)
{
    json_t *published = json_loadb(payload, payload_bytes, 0, NULL);
    if (!published)
        return;
    json_t *read = json_loadb(event->data, event->data_bytes, 0, NULL);
    assert(read && json_equal(published, read));
    json_decref(published);
    json_decref(read);
}

static void
check_event(const event_t *event, const char *payload, size_t bytes, bool with_id)
{
    assert(strcmp(event->type, "aider.fuzzed") == 0);
    assert(strcmp(event->id, with_id ? "0000000000000abc-7" : "") == 0);
    assert(event->data_bytes == bytes);
    for (size_t at = 0; at < bytes; at++) {
        bool same = event->data[at] == payload[at];
        bool ascii = (unsigned char) payload[at] < 0x80;
        bool line_end = payload[at] == '\r' || payload[at] == '\n' || payload[at] == '\0';
        assert(ascii ? (line_end ? event->data[at] == ' ' : same)
                     : (same || event->data[at] == '?'));
    }
    check_json(payload, bytes, event);
}

static void
check(const char *payload, size_t bytes, bool with_id)
{
    static const mesh_cursor_t cursor = {0xabc, 7};
    static const char sentinel[] = "{\"sentinel\":true}";
    static const char comment[] = EVENT_FRAME_COMMENT;
    const mesh_cursor_t *place = with_id ? &cursor : NULL;
    event_frame_layout_t first = event_frame_measure(place, "aider.fuzzed", bytes);
    event_frame_layout_t second =
        event_frame_measure(&cursor, "aider.sentinel", sizeof sentinel - 1);
    size_t total = first.frame_bytes + sizeof comment - 1 + second.frame_bytes;
    char *text = malloc(total);
    event_frame_write(text, place, "aider.fuzzed", payload, bytes);
    char *behind = text + first.frame_bytes;
    memcpy(behind, comment, sizeof comment - 1);
    event_frame_write(behind + sizeof comment - 1, &cursor, "aider.sentinel", sentinel,
                      sizeof sentinel - 1);

    parser_t parser = {.data = malloc(total + 2)};
    parse(&parser, text, total);
    assert(parser.comments == 1 && parser.strange == 0 && parser.retry_ms == 0);
    assert(parser.count == 2);
    check_event(&parser.events[0], payload, bytes, with_id);
    assert(strcmp(parser.events[1].type, "aider.sentinel") == 0);
    assert(parser.events[1].data_bytes == sizeof sentinel - 1);
    free(parser.data);
    free(text);
}

// What of a text, which is UTF-8, has room as whole characters.
static void
take_characters(char *out, size_t out_bytes, const char *text, size_t bytes)
{
    size_t used = bytes < out_bytes ? bytes : out_bytes - 1;
    while (used > 0 && used < bytes && ((unsigned char) text[used] & 0xC0) == 0x80)
        used--;
    memcpy(out, text, used);
    out[used] = '\0';
}

static size_t
brackets(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t at = 0; at < bytes; at++)
        count += text[at] == '[' || text[at] == '{';
    return count;
}

static void
check_member(const json_t *json, const char *member, const char *value)
{
    const char *read = json_string_value(json_object_get(json, member));
    assert(read && strcmp(read, value) == 0);
}

// The payload is the data, or, where it is no JSON, data is its text.
static void
check_data(const json_t *json, const char *payload, size_t bytes)
{
    const json_t *data = json_object_get(json, "data");
    json_t *published = json_loadb(payload, bytes, READS, NULL);
    check_member(json, "datacontenttype", published ? "application/json" : "text/plain");
    if (published) {
        assert(json_equal(data, published));
        json_decref(published);
        return;
    }
    assert(json_is_string(data) && json_string_length(data) == bytes);
    const char *text = json_string_value(data);
    for (size_t at = 0; at < bytes; at++)
        assert(text[at] == ((unsigned char) payload[at] < 0x20 ? ' ' : payload[at]));
}

static void
check_cloud_event(const cloud_event_t *event, const event_t *read)
{
    json_t *json = json_loadb(read->data, read->data_bytes, READS, NULL);
    assert(json);
    bool has_session = event->session[0] != '\0';
    assert(json_object_size(json) == (has_session ? 11U : 10U));
    check_member(json, "specversion", "1.0");
    check_member(json, "id", "17");
    check_member(json, "type", "aider.fuzzed");
    check_member(json, "cursor", "0000000000000abc-7");
    if (has_session)
        check_member(json, "subject", event->session);
    const char *source = json_string_value(json_object_get(json, "source"));
    assert(source && strncmp(source, "//", 2) == 0);
    // A URI has no character that would end its authority before our slash.
    size_t authority = strspn(
        source + 2, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%");
    assert(strcmp(source + 2 + authority, "/00000000-0000-0000-0000-000000000000") == 0);
    check_data(json, event->payload, event->payload_bytes);
    json_decref(json);
}

// The payload as the ring has it, in the other envelope.
static void
check_cloud(const char *input, size_t bytes)
{
    static const mesh_cursor_t cursor = {0xabc, 7};
    static const char comment[] = EVENT_FRAME_COMMENT;
    event_frame_layout_t plain = event_frame_measure(NULL, "aider.fuzzed", bytes);
    char *frame = malloc(plain.frame_bytes);
    event_frame_write(frame, NULL, "aider.fuzzed", input, bytes);
    const char *payload = frame + plain.payload_at;
    char host[MESH_HOST_SIZE], session[MESH_SESSION_SIZE];
    take_characters(host, sizeof host, payload, bytes);
    take_characters(session, sizeof session, payload, bytes);
    const cloud_event_t event = {.cursor = &cursor,
                                 .type = "aider.fuzzed",
                                 .host = host,
                                 .session = session,
                                 .seq = 17,
                                 .timestamp_us = 1,
                                 .recorded_us = 1,
                                 .payload = payload,
                                 .payload_bytes = bytes};
    cloud_event_layout_t layout;
    cloud_event_measure(&layout, &event);
    size_t total = layout.frame_bytes + sizeof comment - 1;
    char *text = malloc(total);
    cloud_event_write(text, &layout);
    memcpy(text + layout.frame_bytes, comment, sizeof comment - 1);
    parser_t parser = {.data = malloc(total + 2)};
    parse(&parser, text, total);
    assert(parser.comments == 1 && parser.strange == 0 && parser.retry_ms == 0);
    assert(parser.count == 1);
    assert(strcmp(parser.events[0].type, "aider.fuzzed") == 0);
    assert(strcmp(parser.events[0].id, "0000000000000abc-7") == 0);
    assert(parser.events[0].data_bytes == layout.text_bytes);
    if (brackets(payload, bytes) <= BRACKETS_MOST)
        check_cloud_event(&event, &parser.events[0]);
    free(parser.data);
    free(text);
    free(frame);
}

// As long as a payload can be, of the input again and again.
static void
check_longest(const uint8_t *input, size_t bytes)
{
    unsigned sum = 0;
    for (size_t at = 0; at < bytes; at++)
        sum = sum * 31 + input[at];
    // It takes the time of hundreds of others, so one input of many has it.
    if (bytes == 0 || bytes > PAYLOAD_BYTES_MOST || sum % LONGEST_EVERY != 0)
        return;
    char *payload = malloc(PAYLOAD_BYTES_MOST);
    for (size_t at = 0; at < PAYLOAD_BYTES_MOST; at++)
        payload[at] = (char) input[at % bytes];
    check(payload, PAYLOAD_BYTES_MOST, true);
    check_cloud(payload, PAYLOAD_BYTES_MOST);
    free(payload);
}

// A frame of our own has retry before it, and texts that may come from outside, as a detail
// that quotes what was asked for.
static void
check_own(const uint8_t *input, size_t bytes)
{
    json_t *text = json_stringn((const char *) input, bytes);
    if (!text)
        return;    // no UTF-8, of which no JSON is made
    json_t *payload = json_pack("{s:o}", "detail", text);
    size_t frame_bytes;
    char *frame = event_frame_control(2500, NULL, "stream.closing", payload, &frame_bytes);
    parser_t parser = {.data = malloc(frame_bytes + 2)};
    parse(&parser, frame, frame_bytes);
    assert(parser.comments == 0 && parser.strange == 0 && parser.retry_ms == 2500);
    assert(parser.count == 1 && strcmp(parser.events[0].type, "stream.closing") == 0);
    json_t *read =
        json_loadb(parser.events[0].data, parser.events[0].data_bytes, JSON_ALLOW_NUL, NULL);
    assert(read && json_equal(read, payload));
    json_decref(read);
    json_decref(payload);
    free(parser.data);
    free(frame);
}

// What is in the frame is UTF-8: jansson, which checks that, takes it as the text of a string.
static void
check_utf8(const uint8_t *input, size_t bytes)
{
    event_frame_layout_t layout = event_frame_measure(NULL, "aider.fuzzed", bytes);
    char *frame = malloc(layout.frame_bytes);
    event_frame_write(frame, NULL, "aider.fuzzed", (const char *) input, bytes);
    json_t *json = json_stringn(frame, layout.frame_bytes);
    assert(json);
    json_decref(json);
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > TEXT_BYTES)
        return 0;
    check((const char *) data, size, true);
    check((const char *) data, size, false);
    check_cloud((const char *) data, size);
    check_longest(data, size);
    check_own(data, size);
    check_utf8(data, size);
    return 0;
}
