// follow - decides what a subscriber does with what arrives, so that nothing is missing
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and no clock. It is told what arrives (a welcome, a live event, a head, a
// page of a replay) and says through its actions what to do: deliver an event, tell a gap, ask
// for a replay. The rules are section 6 of docs/PROTOCOL.md.
#ifndef MESH_FOLLOW_H
#define MESH_FOLLOW_H

#include "mesh/subscriber.h"

typedef struct mesh_follow mesh_follow_t;

typedef struct mesh_follow_actions {
    void (*deliver)(void *arg, const mesh_event_t *event);
    void (*tell_gap)(void *arg, const mesh_gap_t *gap);
    // Ask the broker for what comes after this place. One is under way at a time: until
    // mesh_follow_page_ends or mesh_follow_replay_failed.
    void (*ask_replay)(void *arg, const mesh_cursor_t *after);
    void (*state_changed)(void *arg, mesh_subscriber_state_t state);
} mesh_follow_actions_t;

enum {
    MESH_FOLLOW_HELD_EVENTS =
        10000,    // live events kept while a replay runs; past either limit
    MESH_FOLLOW_HELD_BYTES = 16 * 1024 * 1024,    // they are let go, and fetched by the replay
};

// actions is borrowed. cursor is used with MESH_FROM_CURSOR.
mesh_follow_t *mesh_follow_new(mesh_from_t from, const mesh_cursor_t *cursor,
                               const mesh_follow_actions_t *actions, void *arg);
void mesh_follow_destroy(mesh_follow_t **self_p);

// The broker has welcomed us: its epoch, the oldest offset kept, the newest given.
void mesh_follow_welcome(mesh_follow_t *self, uint64_t epoch, uint64_t first, uint64_t head);

// The broker is gone. What was held is let go.
void mesh_follow_away(mesh_follow_t *self);

// A live event, or a mesh.head's place, has arrived.
void mesh_follow_live(mesh_follow_t *self, const mesh_event_t *event);
void mesh_follow_head(mesh_follow_t *self, const mesh_cursor_t *head);

// An answer to the replay: first the events of the page one by one, then its end.
void mesh_follow_page_begins(mesh_follow_t *self, uint64_t epoch, uint64_t first);

// ... and, where the answer says so, the highest offset that retention has removed, of any
// family: where others are kept longer, that is not below `first`.
void mesh_follow_page_removed(mesh_follow_t *self, uint64_t removed);

void mesh_follow_page_event(mesh_follow_t *self, const mesh_event_t *event);
void mesh_follow_page_ends(mesh_follow_t *self, uint64_t to, bool more);

// The replay got no answer, or one that cannot be used; not before mesh_follow_retry is asked
// again.
void mesh_follow_replay_failed(mesh_follow_t *self);
void mesh_follow_retry(mesh_follow_t *self);

mesh_subscriber_state_t mesh_follow_state(const mesh_follow_t *self);
mesh_cursor_t mesh_follow_position(const mesh_follow_t *self);
mesh_cursor_t mesh_follow_known_head(const mesh_follow_t *self);

#endif
