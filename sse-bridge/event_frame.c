// event_frame - the bytes of one Server-Sent Event
// SPDX-License-Identifier: MPL-2.0
#include "event_frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/topic.h"

static const char id_field[] = "id: ";
static const char event_field[] = "event: ";
static const char data_field[] = "data: ";

// The length of the UTF-8 sequence that text begins with, 0 when it is none. By the table of
// well-formed sequences in the Unicode standard: no overlong form, surrogate or number beyond
// U+10FFFF.
static size_t
utf8_sequence(const unsigned char *text, size_t bytes)
{
    unsigned char least = 0x80;
    unsigned char most = 0xBF;
    size_t length;
    if (text[0] >= 0xC2 && text[0] <= 0xDF)
        length = 2;
    else if (text[0] >= 0xE0 && text[0] <= 0xEF)
        length = 3;
    else if (text[0] >= 0xF0 && text[0] <= 0xF4)
        length = 4;
    else
        return text[0] < 0x80 ? 1 : 0;
    if (text[0] == 0xE0)
        least = 0xA0;
    else if (text[0] == 0xED)
        most = 0x9F;
    else if (text[0] == 0xF0)
        least = 0x90;
    else if (text[0] == 0xF4)
        most = 0x8F;
    if (length > bytes)
        return 0;
    for (size_t at = 1; at < length; at++) {
        if (text[at] < least || text[at] > most)
            return 0;
        least = 0x80;
        most = 0xBF;
    }
    return length;
}

static char *
write_payload(char *out, const char *payload, size_t payload_bytes)
{
    const unsigned char *text = (const unsigned char *) payload;
    size_t at = 0;
    while (at < payload_bytes) {
        if (text[at] < 0x80) {
            char byte = payload[at++];
            if (byte == '\r' || byte == '\n' || byte == '\0')
                byte = ' ';
            *out++ = byte;
            continue;
        }
        size_t length = utf8_sequence(text + at, payload_bytes - at);
        if (length == 0) {
            *out++ = '?';
            at++;
            continue;
        }
        memcpy(out, payload + at, length);
        out += length;
        at += length;
    }
    return out;
}

// Copy text without its NUL.
static char *
write_text(char *out, const char *text)
{
    while (*text)
        *out++ = *text++;
    return out;
}

event_frame_layout_t
event_frame_measure(const mesh_cursor_t *cursor, const char *type, size_t payload_bytes)
{
    size_t head = 0;
    if (cursor) {
        char text[MESH_CURSOR_SIZE];
        mesh_cursor_format(cursor, text);
        head += sizeof id_field - 1 + strlen(text) + 1;
    }
    head += sizeof event_field - 1 + strlen(type) + 1;
    head += sizeof data_field - 1;
    return (event_frame_layout_t){.frame_bytes = head + payload_bytes + 2, .payload_at = head};
}

char *
event_frame_write_head(char *out, const mesh_cursor_t *cursor, const char *type)
{
    assert(mesh_topic_type_is_legal(type));
    if (cursor) {
        char text[MESH_CURSOR_SIZE];
        mesh_cursor_format(cursor, text);
        out = write_text(out, id_field);
        out = write_text(out, text);
        *out++ = '\n';
    }
    out = write_text(out, event_field);
    out = write_text(out, type);
    *out++ = '\n';
    return write_text(out, data_field);
}

void
event_frame_write(char *out, const mesh_cursor_t *cursor, const char *type, const char *payload,
                  size_t payload_bytes)
{
    out = event_frame_write_head(out, cursor, type);
    out = write_payload(out, payload, payload_bytes);
    *out++ = '\n';
    *out = '\n';
}

size_t
event_frame_retry(char out[static EVENT_FRAME_RETRY_SIZE], int64_t retry_ms)
{
    out[0] = '\0';
    if (retry_ms >= 0)
        snprintf(out, EVENT_FRAME_RETRY_SIZE, "retry: %" PRId64 "\n", retry_ms);
    return strlen(out);
}

char *
event_frame_text(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
                 const char *payload, size_t payload_bytes, size_t *bytes)
{
    char retry[EVENT_FRAME_RETRY_SIZE];
    size_t retry_bytes = event_frame_retry(retry, retry_ms);

    event_frame_layout_t layout = event_frame_measure(cursor, type, payload_bytes);
    char *frame = malloc(retry_bytes + layout.frame_bytes + 1);
    assert(frame);
    memcpy(frame, retry, retry_bytes);
    event_frame_write(frame + retry_bytes, cursor, type, payload, payload_bytes);
    frame[retry_bytes + layout.frame_bytes] = '\0';
    *bytes = retry_bytes + layout.frame_bytes;
    return frame;
}

char *
event_frame_control(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
                    const json_t *payload, size_t *bytes)
{
    char *text = json_dumps(payload, JSON_COMPACT);
    assert(text);    // an object that we have made
    char *frame = event_frame_text(retry_ms, cursor, type, text, strlen(text), bytes);
    free(text);
    return frame;
}
