// cloud_event - an event as CloudEvents 1.0 structured JSON, and the frame that carries it
// SPDX-License-Identifier: MPL-2.0
//
//     {"specversion":"1.0","id":"17","source":"//build-7/0190d9e8-…","type":"aider.x",
//      "subject":"session","time":"2026-02-03T04:05:06.000007Z",
//      "datacontenttype":"application/json","sequence":"00000000000000000017",
//      "recordedtime":"2026-02-03T04:05:06.001000Z","cursor":"00c0ffee00c0ffee-42",
//      "data":{…}}
//
// source and id are the event's identity in the mesh, so whoever drops a source and id that it
// has had has every event once. What is unknown is absent. A payload that is no JSON as a whole
// is data of type text/plain, so that nothing in a payload can become an attribute.
#ifndef SSE_CLOUD_EVENT_H
#define SSE_CLOUD_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "mesh/cursor.h"
#include "mesh/uuid.h"

enum {
    // All but the data: the longest host has each byte as %XX, the longest session as \u00XX.
    CLOUD_EVENT_HEAD_BYTES = 2048,
};

// The source of what the sse-bridge itself tells a client.
#define CLOUD_EVENT_OWN_SOURCE "urn:aidermesh:sse-bridge"

// All pointers are borrowed.
typedef struct cloud_event {
    const mesh_cursor_t *cursor;    // NULL where it has no place in the order
    const char *type;               // legal by mesh/topic.h, or one of our own stream.*
    const char *host;               // as the others: of mesh/topic.h
    const char *session;            // "" for none
    mesh_uuid_t source;             // with seq 0, an event of our own: what makes its id unique
    uint64_t seq;
    int64_t timestamp_us;    // Unix microseconds; where it is no time of RFC 3339: unknown
    int64_t recorded_us;     // the same
    const char *payload;     // as a frame holds it: UTF-8 without CR, LF and NUL; ours is JSON
    size_t payload_bytes;
} cloud_event_t;

typedef struct cloud_event_layout {
    const cloud_event_t *event;    // borrowed
    char head[CLOUD_EVENT_HEAD_BYTES];
    size_t head_bytes;
    bool is_json;
    size_t text_bytes;     // of the JSON
    size_t text_at;        // where it begins in the frame
    size_t frame_bytes;    // of the frame
} cloud_event_layout_t;

// How large the frame of an event is. The event must stay until it is written.
void cloud_event_measure(cloud_event_layout_t *layout, const cloud_event_t *event);

// Write the frame that was measured, without a NUL, to out.
void cloud_event_write(char *out, const cloud_event_layout_t *layout);

// Make a frame of our own, as event_frame_control and event_frame_text do.
char *cloud_event_control(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
                          const json_t *payload, size_t *bytes);
char *cloud_event_text(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
                       const char *payload, size_t payload_bytes, size_t *bytes);

#endif
