// event_pull_private - what the two files of event_pull share
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_EVENT_PULL_PRIVATE_H
#define SSE_EVENT_PULL_PRIVATE_H

#include "event_pull.h"

typedef enum {
    PHASE_DECIDE,    // where to begin is not known yet
    PHASE_SEEK,      // looking back for the last n events
    PHASE_PAST,      // in the journal, before what the ring holds
    PHASE_READ,
    PHASE_DONE,
} phase_t;

struct event_pull {
    filter_t *filter;      // owned
    event_page_t *page;    // owned
    resume_ask_t ask;
    resume_answer_t answer;
    bool unasked;          // for no place: no verdict on what is gone
    int64_t due_ms;        // when waiting ends
    int64_t verdict_ms;    // when waiting for the verdict ends
    phase_t phase;
    uint64_t serial;     // of the next entry to look at; in PHASE_SEEK the last one looked at
    uint32_t found;      // in PHASE_SEEK
    bool seeks_time;     // in PHASE_PAST: what was recorded before the time is passed over
    uint64_t told_to;    // in PHASE_PAST: that something is missing up to here was told
    mesh_cursor_t looked;    // what is up to here has been looked at
};

// event_pull.c

// Look at an event of the ring, or of a page of the past. Returns -1 when it does not fit any
// more.
int event_pull_take_event(event_pull_t *self, const event_pull_world_t *world,
                          const event_ring_t *ring, const event_ring_entry_t *entry,
                          int64_t *budget);

// Put the gap of the verdict into the answer, with the members of a stream's stream.gap.
void event_pull_tell_gap(event_pull_t *self, uint64_t epoch);

// As if the client asked now for what it has not been given.
void event_pull_ask_anew(event_pull_t *self);

// event_pull_past.c

// Whether what was removed from the ring is to be asked of the journal. Where no type that
// matches was removed, the ring alone has all there is.
bool event_pull_goes_back(const event_pull_t *self, const event_pull_world_t *world,
                          const resume_world_t *known);
void event_pull_begin_past(event_pull_t *self, const event_ring_t *ring);

// Read the pages that are there, until the ring has what follows.
void event_pull_read_past(event_pull_t *self, const event_pull_world_t *world, int64_t now_ms,
                          int64_t *budget);

#endif
