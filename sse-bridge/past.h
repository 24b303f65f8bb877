// past - pages of the broker's journal, from before what the ring holds
// SPDX-License-Identifier: MPL-2.0
//
// Who reads the past names a place and is given the page that follows it, or has it asked for:
// each page once, one at a time, in the order in which they were wanted. Pages are kept for
// others who read the same, at most PAST_PAGES; the one not read for the longest goes first. A
// page holds its events as a ring does. Knows no sockets. Times are CLOCK_MONOTONIC
// milliseconds.
#ifndef SSE_PAST_H
#define SSE_PAST_H

#include <stdbool.h>

#include <czmq.h>
#include <jansson.h>

#include "event_ring.h"
#include "mesh/cursor.h"
#include "mesh/family.h"
#include "page_matches.h"

typedef struct past past_t;

enum {
    PAST_PAGES = 16,     // of at most 1 MiB as they come
    PAST_WANTED = 64,    // places that wait to be asked for; who finds no room wants it again
    PAST_PAUSE_MS = 100,    // after a refusal
};

typedef struct past_page {
    uint64_t epoch;
    uint64_t after;    // what follows this offset ...
    uint64_t to;       // ... up to this one is in the page, but for what was removed
    uint64_t removed[MESH_FAMILIES];    // the highest offset of each family that was
    bool more;
    event_ring_t *ring;         // owned; the events
    page_matches_t *matches;    // owned; which of them match, for all who read them
    uint64_t used;              // when it was last read, in a count of readings
} past_page_t;

typedef struct past_owner {
    // Ask the broker for what follows; the answer is given to past_take or past_fail, later.
    void (*ask)(void *arg, const mesh_cursor_t *after);
    // Who waits for a page is to look again.
    void (*news)(void *arg);
} past_owner_t;

// owner and arg are borrowed.
past_t *past_new(const past_owner_t *owner, void *arg);
void past_destroy(past_t **self_p);

// The page that holds what follows a place, until the next call of any function here; NULL
// when it has still to come: news tells.
const past_page_t *past_read(past_t *self, const mesh_cursor_t *after, int64_t now_ms);

// The broker's answer: "events" (body and frames are borrowed), or another, or none. What is
// not as the protocol says is an answer that failed: returns -1.
int past_take(past_t *self, const json_t *body, zmsg_t *frames, int64_t now_ms);
void past_fail(past_t *self, int64_t now_ms);

// Ask again what was refused, once its pause is over.
void past_tick(past_t *self, int64_t now_ms);

// What is kept is good no more: a session was forgotten, or the epoch is another. An answer
// that is under way is not kept.
void past_clear(past_t *self);

size_t past_pages(const past_t *self);

// Pages that were asked for.
uint64_t past_asked(const past_t *self);

#endif
