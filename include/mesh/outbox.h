// outbox - numbered events that wait until the broker has them
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets. Events leave it in the order of their numbers; at most a window of them is
// sent and not acknowledged. On a spool's file only what finds an event is in memory, and the
// file is removed with the outbox when nothing waits in it; without one, and while the disk
// takes nothing, events wait in memory. Past its limit in bytes, events that were never sent
// make room: the oldest of the lowest rank first; the event after a dropped one covers its
// number, so that the broker sees no hole.
#ifndef MESH_OUTBOX_H
#define MESH_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/spool_file.h"

typedef struct mesh_outbox mesh_outbox_t;

// One waiting event; borrowed from the outbox until the next call.
typedef struct mesh_outbox_event {
    uint64_t seq;
    uint32_t covers;    // grows when an event before it is dropped, never after it was sent
    const char *topic;
    size_t topic_bytes;
    const char *body;    // payload, without a header
    size_t body_bytes;
    int64_t timestamp_us;
} mesh_outbox_event_t;

// In memory, with a source of its own. limit_bytes bounds topics, bodies and a fixed cost for
// each event.
mesh_outbox_t *mesh_outbox_new(size_t limit_bytes);

// On a spool's file, which is taken and set to NULL, with its source and all that waits in it:
// a torn end is cut off, and what follows goes on with the next number. What waits may have
// been sent before, so it does not make room.
mesh_outbox_t *mesh_outbox_new_on(mesh_spool_file_t **file_p, size_t limit_bytes);

// In memory, under a source that was used before, whose numbers are acknowledged up to one and
// given up to another. What waits of them is given by mesh_outbox_restore, in its order, before
// anything is pushed; numbers that are not are covered by what follows.
mesh_outbox_t *mesh_outbox_new_as(const mesh_uuid_t *source, uint64_t acknowledged,
                                  uint64_t last, size_t limit_bytes);

// Returns -1, with nothing taken, when the number is acknowledged, not given, or not above the
// one before. May have been sent before, so it does not make room.
int mesh_outbox_restore(mesh_outbox_t *self, const mesh_spool_record_t *record);
void mesh_outbox_destroy(mesh_outbox_t **self_p);

// The source whose numbers these are. Borrowed.
const mesh_uuid_t *mesh_outbox_source(const mesh_outbox_t *self);

// Ask before the file grows past a step (1 MiB) whether it may; without an answer, or with
// false, it is as at its limit.
typedef bool mesh_outbox_may_grow_fn(void *arg, uint64_t step_bytes);
void mesh_outbox_on_growth(mesh_outbox_t *self, mesh_outbox_may_grow_fn *may_grow, void *arg);

// What it was made with.
size_t mesh_outbox_limit_bytes(const mesh_outbox_t *self);

// The number the next event gets.
uint64_t mesh_outbox_next_seq(const mesh_outbox_t *self);

// Append a copy of an event under mesh_outbox_next_seq, making room first.
void mesh_outbox_push(mesh_outbox_t *self, const char *topic, size_t topic_bytes,
                      const char *body, size_t body_bytes, int64_t timestamp_us,
                      mesh_rank_t rank);

// Give numbers away for events that are lost: the next event covers them.
void mesh_outbox_skip(mesh_outbox_t *self, uint32_t numbers);

// How much may be sent and not acknowledged. Zero events, as at first, let nothing be sent; an
// event of more bytes than the window goes alone.
void mesh_outbox_set_window(mesh_outbox_t *self, uint64_t events, uint64_t bytes);

// Let nothing be sent whose number is above this one: an owner who keeps events elsewhere says
// so how far they are kept. At first everything may be.
void mesh_outbox_hold_after(mesh_outbox_t *self, uint64_t seq);

// The next event to send now, which counts as sent from here on; NULL when there is none or the
// window is full.
const mesh_outbox_event_t *mesh_outbox_send_next(mesh_outbox_t *self);

// The broker has all numbers up to seq: forget them. Numbers never sent, or already forgotten,
// are passed over.
void mesh_outbox_acknowledge(mesh_outbox_t *self, uint64_t seq);

// Send again from number seq on (the oldest kept, when seq is older).
void mesh_outbox_rewind(mesh_outbox_t *self, uint64_t seq);

// Drop the events of a session, sent or not, also from the disk; those after them cover their
// numbers. Returns how many there were.
size_t mesh_outbox_forget(mesh_outbox_t *self, const char *session_id);

// Give fn every event whose number is above `after`, the oldest first, until it returns
// something other than 0, which is returned then. Texts are valid within the call.
typedef int mesh_outbox_walk_fn(void *arg, const mesh_spool_record_t *record);
int mesh_outbox_walk(mesh_outbox_t *self, uint64_t after, mesh_outbox_walk_fn *fn, void *arg);

// Drop all but the newest events, which cover the others. Returns how many were dropped.
size_t mesh_outbox_reduce(mesh_outbox_t *self, size_t kept);

// The oldest number still held (last + 1 when nothing is), the last one that is held or was
// acknowledged, the last one acknowledged.
uint64_t mesh_outbox_first(const mesh_outbox_t *self);
uint64_t mesh_outbox_last(const mesh_outbox_t *self);
uint64_t mesh_outbox_acknowledged(const mesh_outbox_t *self);

// The highest number that may ever have been sent.
uint64_t mesh_outbox_ever_sent(const mesh_outbox_t *self);

// Events held; events sent since the last rewind and not acknowledged; events dropped in its
// life, for want of room and because they could not be read.
size_t mesh_outbox_count(const mesh_outbox_t *self);
size_t mesh_outbox_unacknowledged(const mesh_outbox_t *self);
uint64_t mesh_outbox_dropped(const mesh_outbox_t *self);
uint64_t mesh_outbox_unreadable(const mesh_outbox_t *self);

// Events that were held and will not be delivered, for whatever reason.
uint64_t mesh_outbox_withdrawn(const mesh_outbox_t *self);

// Events held in memory only, and the errno of the last write that failed: 0 when the last one
// did not, and without a file.
size_t mesh_outbox_in_memory(const mesh_outbox_t *self);
int mesh_outbox_write_error(const mesh_outbox_t *self);

// Bytes of a torn end that were cut off when the file was taken over.
uint64_t mesh_outbox_torn_bytes(const mesh_outbox_t *self);

#endif
