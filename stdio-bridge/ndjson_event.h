// ndjson_event - one line of JSON that is an event somebody else made
// SPDX-License-Identifier: MPL-2.0
//
// Two forms are read: {"type": "...", "data": {...}} and the older {"event": "...", "data":
// {...}}. A type is one of the aider.* types of ours, also by its last part alone
// ("rate_limit_detected", as older programs write it), or a name of the sender's own in another
// family than aider, mesh and stream.
#ifndef NDJSON_EVENT_H
#define NDJSON_EVENT_H

#include <jansson.h>
#include <stddef.h>

enum { NDJSON_EVENT_TYPE_BYTES = 65 };    // 64 characters and the NUL

typedef enum {
    NDJSON_EVENT_OK,
    NDJSON_EVENT_BLANK,            // nothing on the line; not an error
    NDJSON_EVENT_BAD_JSON,         //
    NDJSON_EVENT_NOT_AN_OBJECT,    //
    NDJSON_EVENT_NO_TYPE,          // neither "type" nor "event", or not a string
    NDJSON_EVENT_BAD_TYPE,         // not 1 to 64 of a-z, 0-9, "_" and "."
    NDJSON_EVENT_UNKNOWN_TYPE,     // aider.* that is none of ours
    NDJSON_EVENT_RESERVED_TYPE,    // mesh.* or stream.*
    NDJSON_EVENT_BAD_DATA,         // no "data", or not an object
} ndjson_event_outcome_t;

// Read a line of size bytes. On OK the type is in type and the payload in *payload_p, which the
// caller owns; else *payload_p is NULL.
ndjson_event_outcome_t ndjson_event_parse(const char *line, size_t size,
                                          char type[static NDJSON_EVENT_TYPE_BYTES],
                                          json_t **payload_p);

// The outcome's name in logs and counters ("bad_json", …).
const char *ndjson_event_name(ndjson_event_outcome_t outcome);

// What is wrong, in a sentence.
const char *ndjson_event_explain(ndjson_event_outcome_t outcome);

#endif
