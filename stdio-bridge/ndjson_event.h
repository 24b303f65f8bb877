// ndjson_event - one line of JSON that is an event somebody else made
// SPDX-License-Identifier: MPL-2.0
//
// Two forms are read: {"type": "...", "data": {...}} and the older {"event": "...", "data":
// {...}}. A type is one of the aider.* types of ours, also by its last part alone
// ("rate_limit_detected", as older programs write it), or a name of the sender's own in another
// family than aider, mesh and stream. The data of ours must be as docs/events.schema.json says
// (event_rules.h); a byte order mark before the line is passed over.
#ifndef NDJSON_EVENT_H
#define NDJSON_EVENT_H

#include <jansson.h>
#include <stddef.h>

#include "event_rules.h"

enum {
    NDJSON_EVENT_TYPE_BYTES = 65,    // 64 characters and the NUL
    NDJSON_EVENT_PROBLEM_BYTES = EVENT_RULES_PROBLEM_BYTES,
};

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
    NDJSON_EVENT_BAD_MEMBER,       // a member of it is not as the schema says
} ndjson_event_outcome_t;

// One line, read.
typedef struct ndjson_event {
    char type[NDJSON_EVENT_TYPE_BYTES];    // "" when it is none
    char
        problem[NDJSON_EVENT_PROBLEM_BYTES];    // what is wrong, in a sentence; "" when nothing
    json_t *payload;                            // owned by the caller; NULL when it is none
} ndjson_event_t;

// Read a line of size bytes. Whatever it said, the payload has no source, seq and host, which
// the publisher gives, and no late, which the broker's clock tells.
ndjson_event_outcome_t ndjson_event_parse(const char *line, size_t size, ndjson_event_t *event);

// The outcome's name in tests and counters ("bad_json", …).
const char *ndjson_event_name(ndjson_event_outcome_t outcome);

#endif
