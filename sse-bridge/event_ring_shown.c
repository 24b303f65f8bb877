// event_ring_shown - the entries of the ring as frames in other envelopes
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <string.h>

#include "cloud_event.h"
#include "event_ring_private.h"

// The value of a field of a frame, up to its line feed, as bytes.
static const char *
field_of(const char *frame, size_t frame_bytes, const char *name, size_t *bytes)
{
    size_t name_bytes = strlen(name);
    while (strncmp(frame, name, name_bytes) != 0) {
        const char *end = memchr(frame, '\n', frame_bytes);
        assert(end);    // event_frame has written each of its fields
        frame_bytes -= (size_t) (end + 1 - frame);
        frame = end + 1;
    }
    frame += name_bytes;
    *bytes = (size_t) ((const char *) memchr(frame, '\n', frame_bytes - name_bytes) - frame);
    return frame;
}

static uint64_t
serial_of(const event_ring_t *self, const event_ring_entry_t *entry)
{
    uint64_t newest = self->next - 1;
    uint64_t at = (uint64_t) (entry - self->entries);
    return newest - (newest % self->capacity + self->capacity - at) % self->capacity;
}

static const char *
show_as_cloud_event(const event_ring_t *self, const event_ring_entry_t *entry, size_t *bytes,
                    frame_cache_hold_t *hold)
{
    const char *frame = event_ring_frame(self, entry);
    event_origin_t origin;
    memcpy(&origin, byte_ring_at(&self->origins, entry->origin_at), sizeof origin);
    mesh_cursor_t cursor;
    bool placed = event_ring_cursor(self, entry, &cursor);
    size_t type_bytes, payload_bytes;
    // The ledger does not know every type by name.
    const char *type_text = field_of(frame, entry->frame_bytes, "event: ", &type_bytes);
    const char *payload = field_of(frame, entry->frame_bytes, "data: ", &payload_bytes);
    char type[MESH_TYPE_SIZE];
    assert(type_bytes < sizeof type);
    memcpy(type, type_text, type_bytes);
    type[type_bytes] = '\0';
    bool own = entry->type == EVENT_RING_EVERYONE;
    const cloud_event_t event = {.cursor = placed ? &cursor : NULL,
                                 .type = type,
                                 .host = event_ring_host(self, entry),
                                 .session = event_ring_session(self, entry),
                                 .source = origin.source,
                                 .seq = origin.seq,
                                 .timestamp_us = origin.timestamp_us,
                                 .recorded_us = own ? 0 : entry->recorded_us,
                                 .payload = payload,
                                 .payload_bytes = payload_bytes};
    cloud_event_layout_t layout;
    cloud_event_measure(&layout, &event);
    char *out = frame_cache_add(self->shown, serial_of(self, entry), layout.frame_bytes, hold);
    if (!out)
        return NULL;
    cloud_event_write(out, &layout);
    *bytes = layout.frame_bytes;
    return out;
}

const char *
event_ring_shown(const event_ring_t *self, const event_ring_entry_t *entry, envelope_t envelope,
                 size_t *bytes, frame_cache_hold_t *hold)
{
    assert(!event_ring_is_gone(entry));
    if (envelope == ENVELOPE_DATA) {
        *bytes = entry->frame_bytes;
        return event_ring_frame(self, entry);
    }
    const char *frame = frame_cache_find(self->shown, serial_of(self, entry), bytes, hold);
    return frame ? frame : show_as_cloud_event(self, entry, bytes, hold);
}

const char *
event_ring_text(const event_ring_t *self, const event_ring_entry_t *entry, envelope_t envelope,
                size_t *bytes)
{
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    size_t frame_bytes;
    const char *frame = event_ring_shown(self, entry, envelope, &frame_bytes, &hold);
    return field_of(frame, frame_bytes, "data: ", bytes);
}

size_t
event_ring_shown_bytes(const event_ring_t *self)
{
    return frame_cache_bytes(self->shown);
}

uint64_t
event_ring_shown_made(const event_ring_t *self)
{
    return frame_cache_made(self->shown);
}
