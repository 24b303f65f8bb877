// journal_run - events that follow one another, kept as one row of the journal
// SPDX-License-Identifier: MPL-2.0
//
// Each event, little-endian:
//
//  0                 4                 8        10       11       12                16
//  +-----------------------------------+--------+--------+--------+-----------------+
//  |offset                             |topic   |family  |0       |body             |
//  |                                   |length  |        |        |length           |
//  +-----------------------------------+--------+--------+--------+-----------------+
//  |topic, then body                                                                |
#include "journal_run.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"

enum {
    AT_OFFSET = 0,
    AT_TOPIC_BYTES = 8,
    AT_FAMILY = 10,
    AT_RESERVED = 11,
    AT_BODY_BYTES = 12,
    FIRST_CAPACITY = 4096,
};

void
journal_run_clear(journal_run_t *self)
{
    self->used = 0;
    self->count = 0;
}

void
journal_run_free(journal_run_t *self)
{
    free(self->bytes);
    *self = (journal_run_t){0};
}

bool
journal_run_is_full(const journal_run_t *self, size_t topic_bytes, size_t body_bytes)
{
    return self->count > 0 &&
           self->used + JOURNAL_RUN_ENTRY_BYTES + topic_bytes + body_bytes > JOURNAL_RUN_BYTES;
}

static void
make_room(journal_run_t *self, size_t more)
{
    size_t capacity = self->capacity ? self->capacity : FIRST_CAPACITY;
    while (capacity - self->used < more)
        capacity *= 2;
    if (capacity == self->capacity)
        return;
    self->bytes = realloc(self->bytes, capacity);
    assert(self->bytes);
    self->capacity = capacity;
}

void
journal_run_add(journal_run_t *self, const journal_run_event_t *event)
{
    assert(event->topic_bytes <= UINT16_MAX && event->body_bytes <= UINT32_MAX);
    assert(event->offset > (self->count > 0 ? self->last : 0));
    make_room(self, JOURNAL_RUN_ENTRY_BYTES + event->topic_bytes + event->body_bytes);
    uint64_t offset = htole64(event->offset);
    uint32_t body_bytes = htole32((uint32_t) event->body_bytes);
    uint16_t topic_bytes = htole16((uint16_t) event->topic_bytes);
    uint8_t *at = self->bytes + self->used;
    memcpy(at + AT_OFFSET, &offset, sizeof offset);
    memcpy(at + AT_TOPIC_BYTES, &topic_bytes, sizeof topic_bytes);
    at[AT_FAMILY] = (uint8_t) event->family;
    at[AT_RESERVED] = 0;
    memcpy(at + AT_BODY_BYTES, &body_bytes, sizeof body_bytes);
    at += JOURNAL_RUN_ENTRY_BYTES;
    memcpy(at, event->topic, event->topic_bytes);
    memcpy(at + event->topic_bytes, event->body, event->body_bytes);
    self->used += JOURNAL_RUN_ENTRY_BYTES + event->topic_bytes + event->body_bytes;
    if (self->count++ == 0)
        self->first = event->offset;
    self->last = event->offset;
}

int64_t
journal_run_sum(uint64_t key, const void *bytes, size_t size)
{
    return (int64_t) checksum_add(key, bytes, size);
}

journal_run_cursor_t
journal_run_read(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    return (journal_run_cursor_t){.at = at, .end = at ? at + size : at};
}

journal_run_outcome_t
journal_run_next(journal_run_cursor_t *cursor, journal_run_event_t *event)
{
    size_t left = (size_t) (cursor->end - cursor->at);
    if (left == 0)
        return JOURNAL_RUN_END;
    if (left < JOURNAL_RUN_ENTRY_BYTES)
        return JOURNAL_RUN_DAMAGED;
    uint64_t offset;
    uint32_t body_bytes;
    uint16_t topic_bytes;
    memcpy(&offset, cursor->at + AT_OFFSET, sizeof offset);
    memcpy(&topic_bytes, cursor->at + AT_TOPIC_BYTES, sizeof topic_bytes);
    memcpy(&body_bytes, cursor->at + AT_BODY_BYTES, sizeof body_bytes);
    event->offset = le64toh(offset);
    event->topic_bytes = le16toh(topic_bytes);
    event->body_bytes = le32toh(body_bytes);
    uint8_t family = cursor->at[AT_FAMILY];
    left -= JOURNAL_RUN_ENTRY_BYTES;
    if (event->offset <= cursor->before || family >= MESH_FAMILIES ||
        cursor->at[AT_RESERVED] != 0 || event->topic_bytes > left ||
        event->body_bytes > left - event->topic_bytes)
        return JOURNAL_RUN_DAMAGED;
    event->family = (mesh_family_t) family;
    event->topic = cursor->at + JOURNAL_RUN_ENTRY_BYTES;
    event->body = cursor->at + JOURNAL_RUN_ENTRY_BYTES + event->topic_bytes;
    cursor->before = event->offset;
    cursor->at += JOURNAL_RUN_ENTRY_BYTES + event->topic_bytes + event->body_bytes;
    return JOURNAL_RUN_EVENT;
}
