// past_reader - one reader's way through the pages of the past, to where the ring goes on
// SPDX-License-Identifier: MPL-2.0
//
// Decides where in the journal a reader begins, which events of a page are next, what is told
// to be missing, and when the ring has all that follows. Who reads takes from a page what it
// can and says how far it came; the next page is asked for only then. So a reader costs no
// memory but this, however far it goes back. Knows no sockets.
#ifndef SSE_PAST_READER_H
#define SSE_PAST_READER_H

#include "event_ring.h"
#include "filter.h"
#include "past.h"
#include "resume.h"
#include "session_table.h"

typedef enum {
    PAST_READER_COUNTS,    // backwards, a portion at a time: where the last n begin
    PAST_READER_HALVES,    // what lies between: where a time begins
    PAST_READER_GOES,      // forwards
} past_reader_phase_t;

typedef struct past_reader {
    past_reader_phase_t phase;
    mesh_cursor_t looked;    // what is up to here has been looked at
    uint64_t told_to;        // that something is missing up to here was told
    uint64_t low;            // while it looks for its beginning: not before this ...
    uint64_t high;           // ... and not after this
    uint32_t wanted;         // of the last n: how many are still to be found before high
    uint32_t found;          // ... and were, in this portion
    uint32_t skip;           // matches to pass over before the first that counts
    bool seeks_time;         // what was recorded before since_us is passed over
    int64_t since_us;
} past_reader_t;

// What is known. All borrowed.
typedef struct past_reader_world {
    const event_ring_t *ring;
    const session_table_t *sessions;
    const filter_t *filter;
    // The page of the journal that follows a place; NULL when it has still to come.
    const past_page_t *(*page)(void *arg, const mesh_cursor_t *after);
    void *arg;
} past_reader_world_t;

typedef enum {
    PAST_READER_WAITS,    // the next page has still to come
    PAST_READER_MORE,     // the budget is used up: step again soon
    PAST_READER_PAGE,     // a page has what follows `looked`
    PAST_READER_RING,     // the ring has all that follows: past_reader_serial
    PAST_READER_LOST,     // the journal's past is no more: the ring is of another epoch
} past_reader_outcome_t;

// Whether what the ring has no more is to be asked of the journal. Where nothing that may match
// was removed from it, the ring alone has all there is. Not of RESUME_START_LAST: whoever has
// counted what the ring has knows.
bool past_reader_goes_back(const resume_answer_t *answer, const resume_ask_t *ask,
                           const resume_world_t *known);

// Begin where the answer says; of RESUME_START_LAST, with `wanted` matches before the ring.
void past_reader_begin(past_reader_t *self, const resume_answer_t *answer,
                       const resume_ask_t *ask, const event_ring_t *ring, uint32_t wanted);

// Begin after a place, of which all is told.
void past_reader_begin_at(past_reader_t *self, const mesh_cursor_t *looked, uint64_t told_to);

// What is next. *budget (evaluations, see stream_group.h) is reduced. On PAST_READER_PAGE
// *page_p is set, valid until the next call with the same world.
past_reader_outcome_t past_reader_step(past_reader_t *self, const past_reader_world_t *world,
                                       int64_t *budget, const past_page_t **page_p);

// The verdict, now that it is known where the reader begins: with the page that has it, or NULL
// where the ring does.
resume_answer_t past_reader_answer(past_reader_t *self, const resume_answer_t *before,
                                   const resume_ask_t *ask, const resume_world_t *known,
                                   const past_page_t *page, const filter_t *filter);

// Whether something that may match is gone from after `looked`, and was not told: then it is
// told by the caller, who has what is up to *from; *to is the last that is gone.
bool past_reader_missing(past_reader_t *self, const past_page_t *page, const filter_t *filter,
                         uint64_t *from, uint64_t *to);

// The place just before what follows `looked` in a page.
uint64_t past_reader_next_place(const past_reader_t *self, const past_page_t *page);

// Find up to `most` entries of the page that match and are next. Returns how many; *to is how
// far the reader comes with all of them.
size_t past_reader_collect(const past_reader_t *self, const past_reader_world_t *world,
                           const past_page_t *page, uint64_t serials[], size_t most,
                           int64_t *budget, uint64_t *to);

// All up to an offset was taken.
void past_reader_took(past_reader_t *self, uint64_t offset);

// After PAST_READER_RING: where in the ring it goes on.
uint64_t past_reader_serial(const past_reader_t *self, const event_ring_t *ring);

// The place after which the ring has all there is.
uint64_t past_reader_ring_place(const event_ring_t *ring);

#endif
