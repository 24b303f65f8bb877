// event_frame - the bytes of one Server-Sent Event
// SPDX-License-Identifier: MPL-2.0
//
//     id: 00c0ffee00c0ffee-42 LF     absent when the event has no place in the order
//     event: aider.error_occurred LF
//     data: {"error_type":"auth"} LF
//     LF
//
// A payload is one line whatever it holds: CR, LF and NUL become spaces (in JSON they are white
// space between tokens, or not legal at all), and a byte that is not UTF-8 becomes '?'. So the
// length of a frame follows from the lengths of its parts, and no payload can start a field.
#ifndef SSE_EVENT_FRAME_H
#define SSE_EVENT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "mesh/cursor.h"

typedef struct event_frame_layout {
    size_t frame_bytes;
    size_t payload_at;    // where the payload begins in the frame
} event_frame_layout_t;

// How large the frame of an event is. cursor may be NULL. type is legal by mesh/topic.h or one
// of our own stream.* names (asserted when it is written).
event_frame_layout_t event_frame_measure(const mesh_cursor_t *cursor, const char *type,
                                         size_t payload_bytes);

// Write the frame that event_frame_measure has measured, without a NUL, to out.
void event_frame_write(char *out, const mesh_cursor_t *cursor, const char *type,
                       const char *payload, size_t payload_bytes);

// Write what goes before the payload; returns the place after it.
char *event_frame_write_head(char *out, const mesh_cursor_t *cursor, const char *type);

// Write the line that says when a client is to come back, or nothing where retry_ms is
// negative, with a NUL. Returns how many bytes that are, without the NUL.
enum { EVENT_FRAME_RETRY_SIZE = 48 };
size_t event_frame_retry(char out[static EVENT_FRAME_RETRY_SIZE], int64_t retry_ms);

// Make a frame of our own: a "retry:" line when retry_ms is not negative, then the event.
// Borrows payload. The caller frees the result; *bytes is its length, without the NUL that
// follows.
char *event_frame_control(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
                          const json_t *payload, size_t *bytes);

// The same of a payload that is JSON text already.
char *event_frame_text(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
                       const char *payload, size_t payload_bytes, size_t *bytes);

// A comment line. No blank line follows it: to some clients that would be an empty event.
#define EVENT_FRAME_COMMENT ":\n"

#endif
