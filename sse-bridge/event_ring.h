// event_ring - the newest events of the mesh as finished frames, shared by all clients
// SPDX-License-Identifier: MPL-2.0
//
// Each event is made into a frame once and lies here until newer ones need its room; clients
// write from this memory. In another envelope it is made into a frame when the first client
// wants it so, for all who want it while there is room. Entries have serial numbers, 0 upwards
// without holes, that outlive epochs; offsets and times are looked up among the entries of the
// present epoch only.
#ifndef SSE_EVENT_RING_H
#define SSE_EVENT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "envelope.h"
#include "frame_cache.h"
#include "mesh/cursor.h"
#include "mesh/wire.h"
#include "type_ledger.h"

typedef struct event_ring event_ring_t;

enum {
    EVENT_RING_LEAST_BYTES = 1024 * 1024,    // room for the largest event, several times over
    // Of frames in other envelopes: room for the largest, whose payload is no JSON, so that
    // each byte of it may need another before it.
    EVENT_RING_SHOWN_LEAST_BYTES = 192 * 1024,
    EVENT_RING_EVERYONE = UINT16_MAX,    // the type number of what every client gets
};

typedef struct event_ring_entry {
    uint64_t offset;    // of what is shown without a cursor: that of the entry before
    int64_t recorded_us;
    uint64_t frame_at;     // place of the frame
    uint64_t origin_at;    // place of where it is from
    uint32_t frame_bytes;
    uint32_t payload_at;    // where the payload begins in the frame; two bytes follow it; 0 in
                            // an event whose session is forgotten: the frame is gone
    uint32_t missed;        // how many events, at most, are missing where this entry says so
    uint16_t type;          // number in the ledger, or EVENT_RING_EVERYONE
    uint16_t host_bytes;
} event_ring_entry_t;

// Called before entries go: first is the oldest serial that stays. The memory of those that go
// can still be read.
typedef void event_ring_evict_fn(void *arg, uint64_t first);

// Create a ring that takes limit_bytes in all, at least EVENT_RING_LEAST_BYTES: three quarters
// for frames, of which a sixteenth of all is for those in other envelopes, the rest for the
// index.
event_ring_t *event_ring_new(size_t limit_bytes);
void event_ring_destroy(event_ring_t **self_p);
void event_ring_on_evict(event_ring_t *self, event_ring_evict_fn *evict, void *arg);

// Begin another order of events, after the place given: what was before it is not to be had.
// removed, where not NULL, says more exactly what: the highest offset of each family.
void event_ring_begin_epoch(event_ring_t *self, const mesh_cursor_t *after,
                            const uint64_t removed[MESH_FAMILIES]);

// The highest offset of each family that is not to be had any more, of this epoch. What the
// ring has had of it before it has.
void event_ring_note_removed(event_ring_t *self, const uint64_t removed[static MESH_FAMILIES]);

// Have the events of a session be none that match anything; their frames are written over.
// Calls gone for each before. Returns how many there were.
typedef void event_ring_forget_fn(void *arg, uint64_t serial);
size_t event_ring_forget(event_ring_t *self, const char *session, event_ring_forget_fn *gone,
                         void *arg);

// Whether the entry's event was forgotten.
bool event_ring_is_gone(const event_ring_entry_t *entry);

// Append an event; the payload of one that is late says so (late_mark.h). Returns 0, or -1 when
// it is refused: the topic is not legal, or its place is not after the last one of this epoch.
int event_ring_append(event_ring_t *self, const mesh_event_t *event);

// Append a frame of our own that every client gets, at a place not before the last. It says
// that up to missed events before that place will never come.
void event_ring_append_control(event_ring_t *self, const char *frame, size_t frame_bytes,
                               uint64_t offset, uint64_t missed);

// Entries now held: from first up to, not including, next.
uint64_t event_ring_first(const event_ring_t *self);
uint64_t event_ring_next(const event_ring_t *self);

// Most entries that the ring can hold; a multiple of 64.
size_t event_ring_capacity(const event_ring_t *self);

// An entry that is held, and its parts; valid until the next append.
const event_ring_entry_t *event_ring_entry(const event_ring_t *self, uint64_t serial);
const char *event_ring_frame(const event_ring_t *self, const event_ring_entry_t *entry);
const char *event_ring_type(const event_ring_t *self, const event_ring_entry_t *entry);
const char *event_ring_host(const event_ring_t *self, const event_ring_entry_t *entry);
const char *event_ring_session(const event_ring_t *self, const event_ring_entry_t *entry);
const char *event_ring_payload(const event_ring_t *self, const event_ring_entry_t *entry,
                               size_t *bytes);

// The frame of an entry that is not gone, in an envelope. All that are given with the same hold
// stay valid together, until another hold is used or the ring changes; NULL is returned where
// there is no room for so many together, never for the first.
const char *event_ring_shown(const event_ring_t *self, const event_ring_entry_t *entry,
                             envelope_t envelope, size_t *bytes, frame_cache_hold_t *hold);

// What such a frame says in its field data, valid until the next call of one of these two.
const char *event_ring_text(const event_ring_t *self, const event_ring_entry_t *entry,
                            envelope_t envelope, size_t *bytes);

// Bytes that frames in other envelopes take, and how many were made.
size_t event_ring_shown_bytes(const event_ring_t *self);
uint64_t event_ring_shown_made(const event_ring_t *self);

// The cursor that an entry is shown with. Returns false when it has none.
bool event_ring_cursor(const event_ring_t *self, const event_ring_entry_t *entry,
                       mesh_cursor_t *cursor);

// The newest place: epoch 0 before the first epoch.
mesh_cursor_t event_ring_position(const event_ring_t *self);

// The first serial of this epoch whose offset is greater than offset, or whose time is not
// before recorded_us; next when there is none.
uint64_t event_ring_after(const event_ring_t *self, uint64_t offset);
uint64_t event_ring_since(const event_ring_t *self, int64_t recorded_us);

// The oldest serial of this epoch that is held.
uint64_t event_ring_epoch_first(const event_ring_t *self);

// What was removed in this epoch.
const type_ledger_t *event_ring_ledger(const event_ring_t *self);

// Bytes between the oldest and the newest frame held, and of frames in other envelopes.
size_t event_ring_bytes(const event_ring_t *self);

#endif
