// relay_register - sources that a hello has named: the journal is told
// SPDX-License-Identifier: MPL-2.0
#include "mesh/clock.h"
#include "relay_private.h"

uint64_t
relay_register(relay_t *self, const mesh_uuid_t *source)
{
    arrival_t *arrival = relay_next_arrival(self);
    relay_batch_t *batch = self->filling;
    zmq_msg_init(&arrival->topic);
    zmq_msg_init(&arrival->body);
    // What was taken of it is before this in the journal, or not in it and neither is this.
    batch->entries[batch->journal.count++] =
        (journal_entry_t){.registers = true,
                          .source = *source,
                          .seq = sequencer_taken(self->sequencer, source),
                          .recorded_us = mesh_clock_unix_us()};
    uint64_t number = self->ended + ++self->flight_events;
    relay_submit(self, batch->journal.count == RELAY_BATCH_LIMIT);
    return number;
}

uint64_t
relay_ended(const relay_t *self)
{
    return self->ended;
}

// sequencer_visit_fn
static void
register_again(void *arg, const void *holder, const mesh_uuid_t *source)
{
    (void) holder;
    (void) relay_register(arg, source);
}

void
relay_register_again(relay_t *self)
{
    sequencer_visit_held(self->sequencer, register_again, self);
}
