// event_ring - the newest events of the mesh as finished frames, shared by all clients
// SPDX-License-Identifier: MPL-2.0
#include "event_ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "event_frame.h"
#include "event_ring_private.h"
#include "late_mark.h"
#include "mesh/topic.h"

event_ring_t *
event_ring_new(size_t limit_bytes)
{
    assert(limit_bytes >= EVENT_RING_LEAST_BYTES);
    event_ring_t *self = calloc(1, sizeof *self);
    assert(self);
    size_t shown_bytes = limit_bytes / 16;
    if (shown_bytes < EVENT_RING_SHOWN_LEAST_BYTES)
        shown_bytes = EVENT_RING_SHOWN_LEAST_BYTES;
    self->shown = frame_cache_new(shown_bytes);
    byte_ring_init(&self->frames, limit_bytes / 4 * 3 - shown_bytes);
    byte_ring_init(&self->origins, limit_bytes / 8);
    self->capacity = limit_bytes / 8 / sizeof *self->entries / 64 * 64;
    self->entries = calloc(self->capacity, sizeof *self->entries);
    assert(self->entries);
    return self;
}

void
event_ring_destroy(event_ring_t **self_p)
{
    assert(self_p);
    event_ring_t *self = *self_p;
    if (self) {
        byte_ring_clear(&self->frames);
        byte_ring_clear(&self->origins);
        frame_cache_destroy(&self->shown);
        free(self->entries);
        free(self);
        *self_p = NULL;
    }
}

void
event_ring_on_evict(event_ring_t *self, event_ring_evict_fn *evict, void *arg)
{
    self->evict = evict;
    self->evict_arg = arg;
}

void
event_ring_begin_epoch(event_ring_t *self, const mesh_cursor_t *after,
                       const uint64_t removed[MESH_FAMILIES])
{
    type_ledger_forget(&self->ledger);
    self->epoch = after->epoch;
    self->epoch_first = self->next;
    self->last_offset = after->offset;
    for (int family = 0; removed && family < MESH_FAMILIES; family++)
        if (removed[family] > 0)
            type_ledger_remove_family(&self->ledger, (mesh_family_t) family, removed[family],
                                      removed[family]);
    if (after->offset > 0 && !removed)
        type_ledger_remove_any(&self->ledger, after->offset, after->offset,
                               TYPE_LEDGER_TIME_UNKNOWN);
}

void
event_ring_note_removed(event_ring_t *self, const uint64_t removed[static MESH_FAMILIES])
{
    for (int family = 0; family < MESH_FAMILIES; family++) {
        uint64_t known = self->ledger.removed_family[family].offset;
        if (known < self->last_offset)
            known = self->last_offset;
        if (removed[family] > known)
            type_ledger_remove_family(&self->ledger, (mesh_family_t) family,
                                      removed[family] - known, removed[family]);
    }
}

bool
event_ring_is_gone(const event_ring_entry_t *entry)
{
    return entry->type != EVENT_RING_EVERYONE && entry->payload_at == 0;
}

size_t
event_ring_forget(event_ring_t *self, const char *session, event_ring_forget_fn *gone,
                  void *arg)
{
    size_t count = 0;
    for (uint64_t serial = self->first; serial < self->next; serial++) {
        event_ring_entry_t *entry = &self->entries[serial % self->capacity];
        if (entry->type == EVENT_RING_EVERYONE || event_ring_is_gone(entry) ||
            strcmp(event_ring_session(self, entry), session) != 0)
            continue;
        gone(arg, serial);
        memset(byte_ring_at(&self->frames, entry->frame_at), 0, entry->frame_bytes);
        char *origin = byte_ring_at(&self->origins, entry->origin_at);
        memset(origin + sizeof(event_origin_t) + entry->host_bytes + 1, 0, strlen(session));
        entry->payload_at = 0;
        count++;
    }
    if (count > 0)
        frame_cache_clear(self->shown);
    return count;
}

static void
count_removed(event_ring_t *self, uint64_t serial)
{
    const event_ring_entry_t *entry = event_ring_entry(self, serial);
    // What is forgotten was counted when it was.
    if (serial < self->epoch_first || event_ring_is_gone(entry))
        return;
    if (entry->type != EVENT_RING_EVERYONE)
        type_ledger_remove(&self->ledger, entry->type, entry->offset, entry->recorded_us);
    else if (entry->missed > 0)
        type_ledger_remove_any(&self->ledger, entry->missed, entry->offset, entry->recorded_us);
}

// Remove the oldest entries until the frame and the origin of a new one fit.
static void
make_room(event_ring_t *self, size_t frame_bytes, size_t origin_bytes)
{
    uint64_t frames_end = byte_ring_next(&self->frames, frame_bytes) + frame_bytes;
    uint64_t origins_end = byte_ring_next(&self->origins, origin_bytes) + origin_bytes;
    uint64_t first = self->first;
    while (first < self->next) {
        const event_ring_entry_t *entry = event_ring_entry(self, first);
        if (self->next - first < self->capacity &&
            byte_ring_holds(&self->frames, entry->frame_at, frames_end) &&
            byte_ring_holds(&self->origins, entry->origin_at, origins_end))
            break;
        count_removed(self, first++);
    }
    if (first == self->first)
        return;
    if (self->evict)
        self->evict(self->evict_arg, first);
    self->first = first;
}

// Take room for a new entry, whose frame the caller fills.
static event_ring_entry_t *
add_entry(event_ring_t *self, size_t frame_bytes, const event_origin_t *origin,
          const char *host, const char *session)
{
    size_t host_bytes = strlen(host), session_bytes = strlen(session);
    size_t origin_bytes = sizeof *origin + host_bytes + 1 + session_bytes + 1;
    make_room(self, frame_bytes, origin_bytes);
    event_ring_entry_t *entry = &self->entries[self->next++ % self->capacity];
    entry->frame_at = byte_ring_reserve(&self->frames, frame_bytes);
    entry->frame_bytes = (uint32_t) frame_bytes;
    entry->origin_at = byte_ring_reserve(&self->origins, origin_bytes);
    char *out = byte_ring_at(&self->origins, entry->origin_at);
    memcpy(out, origin, sizeof *origin);
    memcpy(out + sizeof *origin, host, host_bytes + 1);
    memcpy(out + sizeof *origin + host_bytes + 1, session, session_bytes + 1);
    entry->host_bytes = (uint16_t) host_bytes;
    return entry;
}

static int
append(event_ring_t *self, const mesh_event_t *event)
{
    mesh_topic_t topic;
    if (mesh_topic_parse(&topic, event->topic, event->topic_bytes) != 0)
        return -1;
    bool placed = !(event->header.flags & MESH_WIRE_UNCOMMITTED);
    if (placed &&
        (event->header.epoch != self->epoch || event->header.offset <= self->last_offset))
        return -1;

    mesh_cursor_t cursor = {.epoch = event->header.epoch, .offset = event->header.offset};
    event_frame_layout_t layout =
        event_frame_measure(placed ? &cursor : NULL, topic.type, event->payload_bytes);
    const event_origin_t origin = {.source = event->header.source,
                                   .seq = event->header.seq,
                                   .timestamp_us = event->header.timestamp_us};
    event_ring_entry_t *entry =
        add_entry(self, layout.frame_bytes, &origin, topic.host, topic.session);
    event_frame_write(byte_ring_at(&self->frames, entry->frame_at), placed ? &cursor : NULL,
                      topic.type, event->payload, event->payload_bytes);

    if (placed)
        self->last_offset = cursor.offset;
    // Looked up by halving: a time that went back would lead astray.
    if (event->header.recorded_us > self->last_recorded_us)
        self->last_recorded_us = event->header.recorded_us;
    type_ledger_date_any(&self->ledger, self->last_recorded_us);
    type_ledger_date_families(&self->ledger, self->last_offset, self->last_recorded_us);
    entry->offset = self->last_offset;
    entry->recorded_us = self->last_recorded_us;
    entry->payload_at = (uint32_t) layout.payload_at;
    entry->missed = 0;
    entry->type = type_ledger_number(&self->ledger, topic.type);
    return 0;
}

// The payload says that the event is late.
static int
append_late(event_ring_t *self, const mesh_event_t *event)
{
    mesh_event_t marked = *event;
    char *payload = malloc(event->payload_bytes + LATE_MARK_BYTES);
    assert(payload);
    marked.payload = payload;
    marked.payload_bytes = late_mark_write(payload, event->payload, event->payload_bytes);
    int rc = append(self, &marked);
    free(payload);
    return rc;
}

int
event_ring_append(event_ring_t *self, const mesh_event_t *event)
{
    if (event->payload_bytes > MESH_WIRE_PAYLOAD_LIMIT)
        return -1;
    return event->header.flags & MESH_WIRE_LATE ? append_late(self, event)
                                                : append(self, event);
}

void
event_ring_append_control(event_ring_t *self, const char *frame, size_t frame_bytes,
                          uint64_t offset, uint64_t missed)
{
    assert(offset >= self->last_offset);
    const event_origin_t origin = {.source = mesh_uuid_new()};
    event_ring_entry_t *entry = add_entry(self, frame_bytes, &origin, "", "");
    memcpy(byte_ring_at(&self->frames, entry->frame_at), frame, frame_bytes);
    self->last_offset = offset;
    entry->offset = offset;
    entry->recorded_us = self->last_recorded_us;
    entry->payload_at = 0;
    entry->missed = missed < UINT32_MAX ? (uint32_t) missed : UINT32_MAX;
    entry->type = EVENT_RING_EVERYONE;
}

uint64_t
event_ring_first(const event_ring_t *self)
{
    return self->first;
}

uint64_t
event_ring_next(const event_ring_t *self)
{
    return self->next;
}

size_t
event_ring_capacity(const event_ring_t *self)
{
    return self->capacity;
}

const event_ring_entry_t *
event_ring_entry(const event_ring_t *self, uint64_t serial)
{
    return &self->entries[serial % self->capacity];
}

const char *
event_ring_frame(const event_ring_t *self, const event_ring_entry_t *entry)
{
    return byte_ring_at(&self->frames, entry->frame_at);
}

const char *
event_ring_type(const event_ring_t *self, const event_ring_entry_t *entry)
{
    return entry->type == EVENT_RING_EVERYONE ? ""
                                              : type_ledger_name(&self->ledger, entry->type);
}

const char *
event_ring_host(const event_ring_t *self, const event_ring_entry_t *entry)
{
    return byte_ring_at(&self->origins, entry->origin_at) + sizeof(event_origin_t);
}

const char *
event_ring_session(const event_ring_t *self, const event_ring_entry_t *entry)
{
    return event_ring_host(self, entry) + entry->host_bytes + 1;
}

const char *
event_ring_payload(const event_ring_t *self, const event_ring_entry_t *entry, size_t *bytes)
{
    // Two line feeds end the frame.
    *bytes = entry->frame_bytes - entry->payload_at - 2;
    return event_ring_frame(self, entry) + entry->payload_at;
}

bool
event_ring_cursor(const event_ring_t *self, const event_ring_entry_t *entry,
                  mesh_cursor_t *cursor)
{
    static const char id[] = "id: ";
    const char *frame = event_ring_frame(self, entry);
    char text[MESH_CURSOR_SIZE];
    if (memcmp(frame, id, sizeof id - 1) != 0)
        return false;
    frame += sizeof id - 1;
    size_t bytes = (size_t) ((const char *) memchr(frame, '\n', sizeof text) - frame);
    memcpy(text, frame, bytes);
    text[bytes] = '\0';
    int rc = mesh_cursor_parse(cursor, text);
    assert(rc == 0);    // event_frame has written it
    return true;
}

mesh_cursor_t
event_ring_position(const event_ring_t *self)
{
    return (mesh_cursor_t){.epoch = self->epoch, .offset = self->last_offset};
}

uint64_t
event_ring_epoch_first(const event_ring_t *self)
{
    return self->first > self->epoch_first ? self->first : self->epoch_first;
}

uint64_t
event_ring_after(const event_ring_t *self, uint64_t offset)
{
    uint64_t low = event_ring_epoch_first(self);
    uint64_t high = self->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (event_ring_entry(self, middle)->offset > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint64_t
event_ring_since(const event_ring_t *self, int64_t recorded_us)
{
    uint64_t low = event_ring_epoch_first(self);
    uint64_t high = self->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (event_ring_entry(self, middle)->recorded_us >= recorded_us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const type_ledger_t *
event_ring_ledger(const event_ring_t *self)
{
    return &self->ledger;
}

size_t
event_ring_bytes(const event_ring_t *self)
{
    size_t shown_bytes = frame_cache_bytes(self->shown);
    if (self->first == self->next)
        return shown_bytes;
    return shown_bytes +
           (size_t) (self->frames.end - event_ring_entry(self, self->first)->frame_at);
}
