// state_keeper - has what the monitor knows, has read and will say change in one transaction
// SPDX-License-Identifier: MPL-2.0
//
// The requests, the place up to which events are consumed, and our own events that wait to be
// sent are one state: what is kept is what it was after some event, whole, whenever the process
// is killed. An event of ours is sent once it is kept, so that its number never means anything
// else. Knows no sockets and is told the time.
//
// When the disk takes nothing the monitor goes on without: events are sent at once, the fault
// is told, and everything is written anew when it takes them again. If it is killed meanwhile,
// its successor begins where the file ends; what was said since is heard from the mesh's
// journal. A damaged file is set aside ("<path>.damaged", one) and begun anew. A file of a
// later release, or another monitor's, is left alone: nothing is kept then.
#ifndef MONITOR_STATE_KEEPER_H
#define MONITOR_STATE_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/cursor.h"
#include "mesh/db_fault.h"
#include "mesh/outbox.h"
#include "request_watch.h"
#include "state_store.h"

enum { STATE_KEEPER_RETRY_MS = 1000 };    // after a fault

typedef struct state_keeper state_keeper_t;

// path is the file, or NULL to keep nothing, which is no fault. durable: as state_store_open.
state_keeper_t *state_keeper_new(const char *path, bool durable);
void state_keeper_destroy(state_keeper_t **self_p);

// There is no place for a file, for this reason: nothing is kept in this life, which is a
// fault. Before state_keeper_open.
void state_keeper_refuse(state_keeper_t *self, const char *reason);

// Open the file. Returns what waits to be sent, under the source it was numbered for, or a new
// outbox of that limit; of which nothing is sent before it is kept. The caller owns it.
// *consumed_p is the place to go on from; of epoch 0 where there is none.
mesh_outbox_t *state_keeper_open(state_keeper_t *self, size_t limit_bytes,
                                 mesh_cursor_t *consumed_p);

// Have the watch, which is empty and held, know the requests that were kept. Once, after
// state_keeper_open. Returns how many there are.
size_t state_keeper_restore(state_keeper_t *self, request_watch_t *watch, int64_t now_ms,
                            int64_t wall_us);

// Whether anything differs from what is kept, and it is time to try.
bool state_keeper_is_due(const state_keeper_t *self, const request_watch_t *watch,
                         const mesh_outbox_t *outbox, const mesh_cursor_t *consumed,
                         int64_t now_ms);

// Keep all of it, as it is now. Returns 0, or -1 with a fault.
int state_keeper_keep(state_keeper_t *self, request_watch_t *watch, mesh_outbox_t *outbox,
                      const mesh_cursor_t *consumed, int64_t now_ms, int64_t wall_us);

// Up to which number events of the outbox may be sent: for mesh_outbox_hold_after.
uint64_t state_keeper_sendable(const state_keeper_t *self, const mesh_outbox_t *outbox);

// A session was forgotten: have its bytes leave the file, too, with what is kept next.
void state_keeper_forget(state_keeper_t *self);

// All that waits goes on in another outbox, under another source; nothing of it is sent before
// it is kept. Borrows both.
void state_keeper_renewed(state_keeper_t *self, const mesh_outbox_t *former,
                          mesh_outbox_t *renewed);

// Whether what was kept at the start, or was done since, includes having said this: an event of
// ours that comes back. What was said after the last that was kept is not.
bool state_keeper_has_said(const state_keeper_t *self, const mesh_uuid_t *source, uint64_t seq);

// MESH_DB_SOUND, also where nothing is to be kept.
mesh_db_fault_t state_keeper_fault(const state_keeper_t *self);

// What has to be added to a time that was measured when the mark was written, to get the same
// distance from now: 0 on the same run of the kernel, else by the wall clock, as far as it has
// not been set back.
int64_t state_keeper_shift_ms(const state_mark_t *mark, const char *boot, int64_t now_ms,
                              int64_t wall_us);

#endif
