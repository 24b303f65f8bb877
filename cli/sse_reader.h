// sse_reader - text/event-stream, read piece by piece as it arrives
// SPDX-License-Identifier: MPL-2.0
//
// Reads as the HTML standard says ("Interpreting an event stream"): a line ends at LF, CRLF or
// a lone CR, one leading byte order mark is passed over, an event without data is none, and
// what the end of a connection cuts in two is forgotten. Knows no sockets and no clock.
#ifndef CLI_SSE_READER_H
#define CLI_SSE_READER_H

#include <stddef.h>
#include <stdint.h>

typedef struct sse_reader sse_reader_t;

// The longest id and event name that are kept; a longer one makes the event too large.
enum { SSE_READER_NAME_LIMIT = 255 };

// One event. All borrowed for the call.
typedef struct sse_event {
    const char *id;      // of this event itself; "" when it brought none
    const char *type;    // "message" when the stream named none
    const char *data;    // its lines joined by LF, NUL-terminated
    size_t data_bytes;
} sse_event_t;

typedef void sse_reader_fn(void *arg, const sse_event_t *event);

// Create a reader that gives each event to handler. limit_bytes (at least
// SSE_READER_NAME_LIMIT) bounds one line and the data of one event; an event past it is skipped
// whole and counted. The caller ends the reader with
// sse_reader_destroy.
sse_reader_t *sse_reader_new(size_t limit_bytes, sse_reader_fn *handler, void *arg);
void sse_reader_destroy(sse_reader_t **self_p);

// Read the next bytes of the stream; whole events are given to the handler within the call.
void sse_reader_feed(sse_reader_t *self, const char *bytes, size_t size);

// A new connection follows: forget the event that the last one left unfinished. What
// sse_reader_last_id and sse_reader_retry_ms say stays.
void sse_reader_reconnect(sse_reader_t *self);

// What Last-Event-ID has to say in the next request; "" before the first id. Borrowed, valid
// until the next feed.
const char *sse_reader_last_id(const sse_reader_t *self);

// How long the server asked to wait before the next connection; -1 when it did not.
int64_t sse_reader_retry_ms(const sse_reader_t *self);

// Events skipped because they passed a limit, or had a NUL in their name.
uint64_t sse_reader_skipped(const sse_reader_t *self);

#endif
