// event_pull_private - what the two files of event_pull share
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_EVENT_PULL_PRIVATE_H
#define SSE_EVENT_PULL_PRIVATE_H

#include "event_pull.h"
#include "past_reader.h"

typedef enum {
    PHASE_DECIDE,    // where to begin is not known yet
    PHASE_SEEK,      // looking back in the ring for the last n events
    PHASE_PAST,      // in the journal, before what the ring holds
    PHASE_READ,
    PHASE_DONE,
} phase_t;

struct event_pull {
    filter_t *filter;      // owned
    event_page_t *page;    // owned
    resume_ask_t ask;
    resume_answer_t answer;
    envelope_t envelope;
    bool unasked;          // for no place: no verdict on what is gone
    bool opened;           // the verdict stands, and what it misses is told
    int64_t due_ms;        // when waiting ends
    int64_t verdict_ms;    // when waiting for the verdict, or for a page, ends
    phase_t phase;
    uint64_t serial;    // of the next entry to look at; in PHASE_SEEK the last one looked at
    uint32_t found;     // in PHASE_SEEK
    mesh_cursor_t looked;    // what is up to here has been looked at; in PHASE_PAST past knows
    past_reader_t past;
    bool behind;           // when the last step ended there was more to read ...
    uint64_t forgotten;    // ... of which so much is forgotten
};

// event_pull.c

// Have the verdict stand, and put what it says is missing into the answer.
void event_pull_open(event_pull_t *self, const resume_answer_t *answer, uint64_t epoch);

// Say in the answer that what lies between two places is missing.
void event_pull_tell(event_pull_t *self, const char *reason, const mesh_cursor_t *from,
                     const mesh_cursor_t *to, uint64_t at_most);

// Put an entry's event into the answer. Returns -1 when it does not fit any more.
int event_pull_take(event_pull_t *self, const event_ring_t *ring,
                    const event_ring_entry_t *entry, const filter_event_t *event);

// Read the ring from a serial on.
void event_pull_read_from(event_pull_t *self, const event_ring_t *ring, uint64_t serial);

// What the answer has by now is the answer.
void event_pull_end(event_pull_t *self);

// event_pull_past.c

// Begin in the journal; where the last n are asked for with `wanted` of them before the ring.
void event_pull_begin_past(event_pull_t *self, const event_ring_t *ring, uint32_t wanted);

// Go on there with what the ring has no more of.
void event_pull_return_to_past(event_pull_t *self);

// Read the pages that are there, until the ring has what follows.
void event_pull_read_past(event_pull_t *self, const event_pull_world_t *world, int64_t now_ms,
                          int64_t *budget);

#endif
