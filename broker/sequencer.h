// sequencer - the next number of each source: what is taken, what was seen, what must be sent
// SPDX-License-Identifier: MPL-2.0
//
// again
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

enum {
    SEQUENCER_RESEND_PAUSE_MS = 100,    // a hole is asked for again after this
    SEQUENCER_QUIET_MS = 20,            // a source silent for so long has nothing in flight
    SEQUENCER_ACK_EVERY = 100,          // events taken
    // A source that said no hello may be one that said it to the broker before this one, and
    // what was on its way arrives first: so long its holes are left for it to fill.
    SEQUENCER_STRANGER_MS = 5000,
};

// Remembers at most limit sources; a new one then takes the place of the one unheard for the
// longest that nobody holds.
sequencer_t *sequencer_new(size_t limit);
void sequencer_destroy(sequencer_t **self_p);

// A registered program says what it holds of a source. holder is its id, borrowed until
// sequencer_release. An unknown source begins at first. Returns 0 and the number wanted *next,
// or -1 when another holder has the source.
int sequencer_claim(sequencer_t *self, const mesh_uuid_t *source, const void *holder,
                    uint64_t first, uint64_t *next);

// Another broker gives what it has of a source, beginning with first. Nobody holds the source
// by this, and whoever does is not disturbed. *next is the number wanted.
void sequencer_adopt(sequencer_t *self, const mesh_uuid_t *source, uint64_t first,
                     uint64_t *next);

// The program is gone: its sources are nobody's.
void sequencer_release(sequencer_t *self, const void *holder);

// An event has arrived. With SEQUENCER_RESEND and when *ack_due comes back true, *holder is
// whom to tell, with SEQUENCER_RESEND *from the number.
sequencer_outcome_t sequencer_offer(sequencer_t *self, const mesh_header_t *header,
                                    int64_t now_ms, const void **holder, uint64_t *from,
                                    bool *ack_due);

// A heartbeat says that the source has made numbers up to last. Returns the number to send
// again from, or 0 for none.
uint64_t sequencer_missing(sequencer_t *self, const mesh_uuid_t *source, uint64_t last,
                           int64_t now_ms);

// The last number taken of a source; 0 for none.
uint64_t sequencer_taken(const sequencer_t *self, const mesh_uuid_t *source);

// Numbers left out by sources that said no hello.
uint64_t sequencer_gaps(const sequencer_t *self);
size_t sequencer_size(const sequencer_t *self);

#endif
