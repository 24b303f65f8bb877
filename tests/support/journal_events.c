// journal_events - batches of made-up events, for tests of the journal
// SPDX-License-Identifier: MPL-2.0
#include "journal_events.h"

#include <assert.h>
#include <czmq.h>

#include "mesh/topic.h"
#include "mesh/wire.h"

journal_batch_t *
journal_events_new(const mesh_uuid_t *source, const char *type, uint64_t first, size_t count)
{
    char topic[MESH_TOPIC_SIZE];
    uint8_t body[MESH_WIRE_HEADER_BYTES + 200] = {0};
    size_t topic_bytes = mesh_topic_format(topic, type, "h", "session");
    assert(topic_bytes > 0);
    journal_batch_t *self = zmalloc(sizeof *self);
    self->kind = JOURNAL_BATCH_EVENTS;
    self->count = count;
    self->entries = zmalloc((count + 1) * sizeof *self->entries);
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = first + i;
        mesh_header_t header = {
            .covers = 1, .source = *source, .seq = offset, .offset = offset, .epoch = 1};
        mesh_wire_encode(&header, sizeof body - MESH_WIRE_HEADER_BYTES, body);
        self->entries[i] = (journal_entry_t){
            .record = record_new(offset, topic, topic_bytes, body, sizeof body),
            .source = *source,
            .seq = offset,
            .recorded_us = (int64_t) offset,
            .family = mesh_family_of(type),
        };
    }
    return self;
}

void
journal_events_destroy(journal_batch_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        for (size_t i = 0; i < (*self_p)->count; i++)
            record_release(&(*self_p)->entries[i].record);
        free((*self_p)->entries);
        free(*self_p);
        *self_p = NULL;
    }
}
