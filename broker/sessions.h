// sessions - per session the newest event of each type: what a late joiner is shown first
// SPDX-License-Identifier: MPL-2.0
//
// Looks into topics only; events are opaque. Knows no sockets.
#ifndef BROKER_SESSIONS_H
#define BROKER_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "mesh/topic.h"
#include "record.h"

typedef struct sessions sessions_t;

enum { SESSIONS_TYPES_LIMIT = 32 };    // types kept of one session; a further one is not shown

// Remembers at most limit sessions; past it, those completed go first, oldest first, then the
// one quiet for the longest.
sessions_t *sessions_new(size_t limit);
void sessions_destroy(sessions_t **self_p);

// An event of topic has got its place. Holds record when the event is of a session.
void sessions_note(sessions_t *self, const mesh_topic_t *topic, record_t *record);

// Visit the records of the sessions whose id is after after_session ("" for all), by session
// id, and within a session by offset, until visit returns false. Returns the id of the last
// session visited in full, "" when none was (borrowed until the next call that changes
// anything), and whether sessions are left.
typedef bool sessions_visit_fn(void *arg, record_t *record);
const char *sessions_visit(sessions_t *self, const char *after_session,
                           sessions_visit_fn *visit, void *arg, bool *more);

// What changed since it was last taken: up to limit records, borrowed until the next call that
// changes anything, into records; returns how many. Of these sessions the journal is to keep
// them as the newest.
size_t sessions_take_changed(sessions_t *self, record_t **records, size_t limit);

// The ids of sessions forgotten since they were last taken. The caller owns the array and the
// texts.
char **sessions_take_forgotten(sessions_t *self, size_t *count);

// Whether the session is remembered; whether it has ended; visit its records until visit
// returns false.
bool sessions_has(const sessions_t *self, const char *session);
bool sessions_has_ended(const sessions_t *self, const char *session);
void sessions_visit_one(const sessions_t *self, const char *session, sessions_visit_fn *visit,
                        void *arg);

// Remember nothing of it. The journal is told another way than by sessions_take_forgotten.
void sessions_remove(sessions_t *self, const char *session);

// Count everything as changed, or as not changed.
void sessions_mark_changed(sessions_t *self, bool changed);

size_t sessions_size(const sessions_t *self);

#endif
