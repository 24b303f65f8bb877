// sequencer - the next number of each source: taken, committed, or to be sent again
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and is told the time. The rules are section 5 of docs/PROTOCOL.md.
#ifndef BROKER_SEQUENCER_H
#define BROKER_SEQUENCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/wire.h"

typedef struct sequencer sequencer_t;

typedef enum {
    SEQUENCER_TAKE,      // the next one: take it
    SEQUENCER_IGNORE,    // seen already, or in flight behind a hole that was asked for
    SEQUENCER_RESEND,    // a hole: ask for *from on
} sequencer_outcome_t;

typedef enum {
    SEQUENCER_CLAIMED,
    SEQUENCER_HELD,         // another holder has the source
    SEQUENCER_FORGOTTEN,    // claimed, but we know less of it than was acknowledged
} sequencer_claim_t;

enum {
    SEQUENCER_RESEND_PAUSE_MS = 100,    // a hole is asked for again after this
    SEQUENCER_QUIET_MS = 20,            // a source silent for so long has nothing in flight
    SEQUENCER_ACK_EVERY = 100,          // events committed
    // A source that said no hello may be one that said it to the broker before this one, and
    // what was on its way arrives first: so long its holes are left for it to fill.
    SEQUENCER_STRANGER_MS = 5000,
};

// Remembers at most limit sources; a new one then takes the place, at once, of the one that
// nobody has held or heard of for the longest.
sequencer_t *sequencer_new(size_t limit);
void sequencer_destroy(sequencer_t **self_p);

// A source that was known before this start, with its last committed number; registered: a
// hello has named it.
void sequencer_restore(sequencer_t *self, const mesh_uuid_t *source, uint64_t seq,
                       bool registered);

// A registered program says what it holds of a source, and up to where it was told
// "committed". holder is its id, borrowed until sequencer_release. An unknown source begins at
// first. Unless HELD, *next is the number wanted next: the first one that is not committed.
sequencer_claim_t sequencer_claim(sequencer_t *self, const mesh_uuid_t *source,
                                  const void *holder, uint64_t first, uint64_t acknowledged,
                                  uint64_t *next);

// Another broker gives what it has of a source, beginning with first. Nobody holds the source
// by this, and whoever does is not disturbed. *next is the number wanted.
void sequencer_adopt(sequencer_t *self, const mesh_uuid_t *source, uint64_t first,
                     uint64_t *next);

// The program is gone: its sources are nobody's.
void sequencer_release(sequencer_t *self, const void *holder);

// An event has arrived. With SEQUENCER_RESEND *holder is whom to ask for *from on; NULL when
// nobody holds the source.
sequencer_outcome_t sequencer_offer(sequencer_t *self, const mesh_header_t *header,
                                    int64_t now_ms, const void **holder, uint64_t *from);

// An event that was taken is committed. Returns its holder when that should be told now, or
// NULL.
const void *sequencer_commit(sequencer_t *self, const mesh_uuid_t *source, uint64_t seq);

// The holder wants to know as soon as all that was taken is committed.
void sequencer_ask_ack(sequencer_t *self, const mesh_uuid_t *source);

// Nothing that was taken and not committed will be: all of it is wanted again. ask, where not
// NULL, is called for each held source of which something was in flight.
typedef void sequencer_ask_fn(void *arg, const void *holder, const mesh_uuid_t *source,
                              uint64_t from);
void sequencer_take_back(sequencer_t *self, sequencer_ask_fn *ask, void *arg);

// What was known before this start is worth nothing: forget what no hello has named since.
void sequencer_forget_restored(sequencer_t *self);

// A heartbeat says that the source has made numbers up to last. Returns the number to send
// again from, or 0 for none.
uint64_t sequencer_missing(sequencer_t *self, const mesh_uuid_t *source, uint64_t last,
                           int64_t now_ms);

// The last number of a source that was taken, and that is committed; 0 for none.
uint64_t sequencer_taken(const sequencer_t *self, const mesh_uuid_t *source);
uint64_t sequencer_committed(const sequencer_t *self, const mesh_uuid_t *source);

// Whether a hello has ever named the source: none of its numbers is left out.
bool sequencer_is_registered(const sequencer_t *self, const mesh_uuid_t *source);

// Who holds a source; NULL when nobody does.
const void *sequencer_holder(const sequencer_t *self, const mesh_uuid_t *source);

// Call visit for every source that a program holds. visit may ask, but change nothing.
typedef void sequencer_visit_fn(void *arg, const void *holder, const mesh_uuid_t *source);
void sequencer_visit_held(sequencer_t *self, sequencer_visit_fn *visit, void *arg);

// Numbers left out by sources that said no hello.
uint64_t sequencer_gaps(const sequencer_t *self);
size_t sequencer_size(const sequencer_t *self);

#endif
