// fuzz_event_frame - no payload can forge a field, an event or a comment
// SPDX-License-Identifier: MPL-2.0
//
// The stream of two frames, one with the input as its payload, is read by a parser that follows
// the HTML standard (9.2.6) word by word: it must find these two events and nothing else.
#include "event_frame.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MOST = 4, TEXT_BYTES = 1 << 20 };

typedef struct event {
    char *data;
    size_t data_bytes;
    char type[80];
    char id[64];
} event_t;

typedef struct parser {
    event_t events[EVENTS_MOST];
    size_t count;
    size_t comments;
    size_t strange;    // fields that are not id, event or data
    char *data;        // the data buffer
    size_t data_bytes;
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
    event->data = malloc(event->data_bytes + 1);
    memcpy(event->data, self->data, event->data_bytes);
    memcpy(event->type, self->type, sizeof event->type);
    memcpy(event->id, self->id, sizeof event->id);
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
        memcpy(self->data + self->data_bytes, value, value_bytes);
        self->data_bytes += value_bytes;
        self->data[self->data_bytes++] = '\n';
    } else if (name_bytes == 2 && memcmp(name, "id", 2) == 0) {
        if (!memchr(value, '\0', value_bytes))
            take_text(self->id, sizeof self->id, value, value_bytes);
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

static void
check(const uint8_t *input, size_t bytes, bool with_id)
{
    static const mesh_cursor_t cursor = {0xabc, 7};
    static const char sentinel[] = "{\"sentinel\":true}";
    const char *payload = (const char *) input;
    const mesh_cursor_t *place = with_id ? &cursor : NULL;
    event_frame_layout_t first = event_frame_measure(place, "aider.fuzzed", bytes);
    event_frame_layout_t second =
        event_frame_measure(&cursor, "aider.sentinel", sizeof sentinel - 1);
    size_t total = first.frame_bytes + second.frame_bytes;
    char *text = malloc(total);
    event_frame_write(text, place, "aider.fuzzed", payload, bytes);
    event_frame_write(text + first.frame_bytes, &cursor, "aider.sentinel", sentinel,
                      sizeof sentinel - 1);

    parser_t parser = {.data = malloc(total + 2)};
    parse(&parser, text, total);
    assert(parser.comments == 0 && parser.strange == 0);
    assert(parser.count == 2);
    const event_t *event = &parser.events[0];
    assert(strcmp(event->type, "aider.fuzzed") == 0);
    assert(strcmp(event->id, with_id ? "0000000000000abc-7" : "") == 0);
    assert(event->data_bytes == bytes);
    for (size_t at = 0; at < bytes; at++) {
        bool same = event->data[at] == payload[at];
        bool ascii = input[at] < 0x80;
        bool line_end = input[at] == '\r' || input[at] == '\n' || input[at] == '\0';
        assert(ascii ? (line_end ? event->data[at] == ' ' : same)
                     : (same || event->data[at] == '?'));
    }
    assert(strcmp(parser.events[1].type, "aider.sentinel") == 0);
    assert(parser.events[1].data_bytes == sizeof sentinel - 1);
    for (size_t at = 0; at < parser.count; at++)
        free(parser.events[at].data);
    free(parser.data);
    free(text);
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
    check(data, size, true);
    check(data, size, false);
    check_utf8(data, size);
    return 0;
}
