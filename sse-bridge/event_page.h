// event_page - one answer of GET /api/v1/events: the events in it, and how they are written
// SPDX-License-Identifier: MPL-2.0
//
// As JSON: {"events": [event, ...], "next_cursor": cursor, "verdict": verdict, "gap": gap}. As
// NDJSON: an event a line, then a line with the other members. An event is {"id": cursor,
// "type": type, "host": host, "session": session, "data": payload}; one without a place in the
// order has no id, one of no session no session. A payload that is no JSON is a string. In the
// other envelope each event is a CloudEvent (cloud_event.h).
#ifndef SSE_EVENT_PAGE_H
#define SSE_EVENT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "filter.h"
#include "mesh/cursor.h"

typedef struct event_page event_page_t;

typedef struct event_page_limits {
    size_t events;    // at least 1
    size_t bytes;     // of the events as text; one event is taken however long it is
    bool ndjson;
} event_page_limits_t;

event_page_t *event_page_new(const event_page_limits_t *limits);
void event_page_destroy(event_page_t **self_p);

// Add an event. cursor is NULL for one without a place. Returns 0, or -1 when the page is full:
// then the event is not in it, and belongs into the next one.
int event_page_add(event_page_t *self, const mesh_cursor_t *cursor,
                   const filter_event_t *event);

// The same with the event as JSON on one line, in whatever envelope (copied).
int event_page_add_text(event_page_t *self, const char *text, size_t bytes);

// Say that events are missing: {"reason", "from", "to", "at_most"} as in a stream.gap. Steals
// gap. Where there are several, the page tells of all from the first's beginning to the last's
// end.
void event_page_add_gap(event_page_t *self, json_t *gap);

size_t event_page_count(const event_page_t *self);
bool event_page_has_gap(const event_page_t *self);

// How many more events are taken, if they are not too long.
size_t event_page_room(const event_page_t *self);

// The whole text, which the caller frees, with a NUL that *bytes does not count. Called once.
char *event_page_finish(event_page_t *self, const char *verdict, const mesh_cursor_t *next,
                        size_t *bytes);

#endif
