// subscriber - every event of the mesh, once, in the broker's order, from a place on
// SPDX-License-Identifier: MPL-2.0
//
// Subscribes to everything, checks that each event follows the one before (`previous`,
// mesh.head), and fills what is missing by replay before it goes on: the handler sees one
// sequence without a hole, or is told of the gap.
#ifndef MESH_SUBSCRIBER_H
#define MESH_SUBSCRIBER_H

#include <czmq.h>

#include "mesh/cursor.h"
#include "mesh/family.h"
#include "mesh/link.h"
#include "mesh/wire.h"

typedef struct mesh_subscriber mesh_subscriber_t;

typedef enum {
    MESH_SUBSCRIBER_AWAY,           // no broker
    MESH_SUBSCRIBER_CATCHING_UP,    // replaying
    MESH_SUBSCRIBER_LIVE,
} mesh_subscriber_state_t;

typedef enum {
    MESH_GAP_TRIMMED,         // retention removed what lay between from and to
    MESH_GAP_NEW_EPOCH,       // the journal is another one: what was before cannot be continued
    MESH_GAP_JOURNAL_DOWN,    // events without cursors are passing; they come again, with
                              // cursors
    MESH_GAP_JOURNAL_UP,      // ... and that is over
} mesh_gap_reason_t;

typedef struct mesh_gap {
    mesh_gap_reason_t reason;
    mesh_cursor_t from;    // the last event the handler has seen
    mesh_cursor_t to;      // the next event it will see comes after this
    uint64_t holes_to;     // above to.offset where events may be missing among those that come,
                           // up to this offset; else 0
} mesh_gap_t;

// All called in the loop's thread; any member may be NULL.
typedef struct mesh_subscriber_handler {
    void (*on_event)(void *arg, const mesh_event_t *event);
    void (*on_gap)(void *arg, const mesh_gap_t *gap);
    void (*on_state)(void *arg, mesh_subscriber_state_t state);
    // What the journal has no more: the highest offset that was removed of each family. Before
    // the events of each answer to a replay.
    void (*on_removed)(void *arg, uint64_t epoch, const uint64_t removed[MESH_FAMILIES]);
    // What waited in the socket has been given: once a wake-up, after its events.
    void (*on_caught_up)(void *arg);
} mesh_subscriber_handler_t;

// Whether we are in a wake-up's events: on_caught_up will follow.
bool mesh_subscriber_is_giving(const mesh_subscriber_t *self);

// Read the member "removed" of a welcome or an answer to a replay. Returns -1 when there is
// none.
int mesh_subscriber_read_removed(const json_t *body, uint64_t removed[static MESH_FAMILIES]);

// Where to begin: MESH_FROM_EARLIEST what the broker keeps, MESH_FROM_NOW what comes from here
// on, or MESH_FROM_CURSOR after *cursor (a gap is told when that place is gone).
typedef enum { MESH_FROM_EARLIEST, MESH_FROM_NOW, MESH_FROM_CURSOR } mesh_from_t;

// link is borrowed and must outlive the subscriber; handler is borrowed.
mesh_subscriber_t *mesh_subscriber_new(zloop_t *loop, mesh_link_t *link, mesh_from_t from,
                                       const mesh_cursor_t *cursor,
                                       const mesh_subscriber_handler_t *handler, void *arg);
void mesh_subscriber_destroy(mesh_subscriber_t **self_p);

mesh_subscriber_state_t mesh_subscriber_state(const mesh_subscriber_t *self);

// The last place the handler has seen, and the broker's newest known one.
mesh_cursor_t mesh_subscriber_position(const mesh_subscriber_t *self);
mesh_cursor_t mesh_subscriber_head(const mesh_subscriber_t *self);

// CLOCK_MONOTONIC ms when a mesh.head or event last came; 0 before the first.
int64_t mesh_subscriber_last_heard_ms(const mesh_subscriber_t *self);

#endif
