// stream_query - what a client asks for: path, query and Last-Event-ID, checked
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_STREAM_QUERY_H
#define SSE_STREAM_QUERY_H

#include <stdint.h>

#include "envelope.h"
#include "event_types.h"
#include "filter.h"
#include "resume.h"

enum {
    STREAM_QUERY_PROBLEM_BYTES = 1024,
    STREAM_QUERY_LAST_MOST = 100000,    // of last=N
    STREAM_QUERY_ID_BYTES = 128,        // a longer Last-Event-ID is no cursor
    STREAM_QUERY_PARAMETERS = 64,       // pairs in one query
    // Of one answer.
    STREAM_QUERY_LIMIT = 100,
    STREAM_QUERY_LIMIT_MOST = 1000,
    STREAM_QUERY_BYTES = 1024 * 1024,
    STREAM_QUERY_BYTES_LEAST = 1024,
    STREAM_QUERY_BYTES_MOST = 16 * 1024 * 1024,
    STREAM_QUERY_WAIT_S = 25,    // at most; proxies give up at 30 and more
};

// What happens to a client that reads so slowly that the ring has passed it.
typedef enum { STREAM_SLOW_DISCONNECT, STREAM_SLOW_DROP_OLDEST } stream_slow_t;

typedef enum { STREAM_FORMAT_UNSAID, STREAM_FORMAT_JSON, STREAM_FORMAT_NDJSON } stream_format_t;

// What only one answer (ENDPOINT_ONCE) is asked for.
typedef struct stream_query_once {
    uint32_t limit;    // events
    uint32_t max_bytes;
    int64_t wait_ms;    // for the first event; 0: not at all
    stream_format_t format;
} stream_query_once_t;

typedef struct stream_query {
    endpoint_t endpoint;
    filter_t *filter;    // sealed; owned
    resume_ask_t ask;    // asked_ms is left to the caller
    envelope_t envelope;
    stream_slow_t slow;          // of a stream
    stream_query_once_t once;    // of one answer
} stream_query_t;

// What the reader may be shown at all; no items: everything. Borrowed.
typedef struct stream_bounds {
    const mesh_scope_t *const *items;
    size_t count;
} stream_bounds_t;

typedef enum {
    STREAM_QUERY_OK,
    STREAM_QUERY_BAD,        // 400
    STREAM_QUERY_OUTSIDE,    // 403: it names a session or host beyond the bounds
} stream_query_outcome_t;

// Read the query string (what follows '?', still encoded; NULL or "" for none) of a request for
// an endpoint. last_event_id is the header's value, or NULL. now_us is Unix microseconds, for
// ages. What the query does not name is narrowed to the bounds without a word. On
// STREAM_QUERY_OK the caller ends *self with stream_query_clear; else problem has a sentence
// that names the parameter or value and what is allowed, as printable ASCII.
stream_query_outcome_t stream_query_parse(stream_query_t *self, endpoint_t endpoint,
                                          const char *query, const char *last_event_id,
                                          const stream_bounds_t *bounds, int64_t now_us,
                                          char problem[static STREAM_QUERY_PROBLEM_BYTES]);

void stream_query_clear(stream_query_t *self);

#endif
