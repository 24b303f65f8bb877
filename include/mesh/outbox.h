// outbox - numbered events that wait until the broker has them
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets. Events leave it in the order of their numbers; at most a window of them is
// sent and not acknowledged. Past its limit in bytes, events that were never sent make room:
// the oldest of low rank first, then the oldest of all; the event after a dropped one covers
// its number, so that the broker sees no hole.
#ifndef MESH_OUTBOX_H
#define MESH_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mesh_outbox mesh_outbox_t;

// One waiting event; borrowed from the outbox until it is acknowledged.
typedef struct mesh_outbox_event {
    uint64_t seq;
    uint32_t covers;    // grows when an event before it is dropped, never after it was sent
    const char *topic;
    size_t topic_bytes;
    const char *body;    // payload, without a header
    size_t body_bytes;
    int64_t timestamp_us;
} mesh_outbox_event_t;

// limit_bytes bounds topics, bodies and a fixed cost for each event.
mesh_outbox_t *mesh_outbox_new(size_t limit_bytes);
void mesh_outbox_destroy(mesh_outbox_t **self_p);

// The number the next event gets.
uint64_t mesh_outbox_next_seq(const mesh_outbox_t *self);

// Append a copy of an event under mesh_outbox_next_seq, making room first. expendable: may go
// before others when there is no room.
void mesh_outbox_push(mesh_outbox_t *self, const char *topic, size_t topic_bytes,
                      const char *body, size_t body_bytes, int64_t timestamp_us,
                      bool expendable);

// How much may be sent and not acknowledged. Zero events, as at first, let nothing be sent; an
// event of more bytes than the window goes alone.
void mesh_outbox_set_window(mesh_outbox_t *self, uint64_t events, uint64_t bytes);

// The next event to send now, which counts as sent from here on; NULL when there is none or the
// window is full.
const mesh_outbox_event_t *mesh_outbox_send_next(mesh_outbox_t *self);

// The broker has all numbers up to seq: forget them. Numbers never sent, or already forgotten,
// are passed over.
void mesh_outbox_acknowledge(mesh_outbox_t *self, uint64_t seq);

// Send again from number seq on (the oldest kept, when seq is older).
void mesh_outbox_rewind(mesh_outbox_t *self, uint64_t seq);

// The oldest number still held (last + 1 when nothing is), the last one made, the last one
// acknowledged.
uint64_t mesh_outbox_first(const mesh_outbox_t *self);
uint64_t mesh_outbox_last(const mesh_outbox_t *self);
uint64_t mesh_outbox_acknowledged(const mesh_outbox_t *self);

// Events held; events sent since the last rewind and not acknowledged; events dropped in its
// life.
size_t mesh_outbox_count(const mesh_outbox_t *self);
size_t mesh_outbox_unacknowledged(const mesh_outbox_t *self);
uint64_t mesh_outbox_dropped(const mesh_outbox_t *self);

#endif
