// journal_forgotten - a session that is forgotten: what was removed of it, and how far that is
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_JOURNAL_FORGOTTEN_H
#define BROKER_JOURNAL_FORGOTTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "mesh/topic.h"

enum {
    JOURNAL_FORGOTTEN_TYPES = 64,    // told apart; further ones count as "other"
    // Remembered, so that what comes late is let go; the one forgotten first goes first.
    JOURNAL_FORGOTTEN_LIMIT = 10000,
};

// The numbers are kept in journals: they never change.
typedef enum {
    JOURNAL_FORGOTTEN_REMOVING = 0,    // events up to `after` are looked at
    JOURNAL_FORGOTTEN_REMOVED = 1,     // all of it is out of the files, and nobody was told
    JOURNAL_FORGOTTEN_TOLD = 2,        // the event that tells it is kept
} journal_forgotten_state_t;

typedef struct journal_forgotten {
    char session[MESH_SESSION_SIZE];
    journal_forgotten_state_t state;
    uint64_t after, until;    // looked at up to here; to be looked at up to there
    uint64_t removed;         // events, in all
    uint64_t first, last;     // their offsets; 0 when there were none
    json_t *types;            // owned; type -> how many
} journal_forgotten_t;

// A session of which nothing was removed yet.
journal_forgotten_t journal_forgotten_new(const char *session);
void journal_forgotten_clear(journal_forgotten_t *self);

// A copy that the caller clears.
journal_forgotten_t journal_forgotten_copy(const journal_forgotten_t *self);

// One event of it was removed.
void journal_forgotten_count(journal_forgotten_t *self, const char *type, uint64_t offset);

// Whether a topic is one of this session; then *topic is what it says.
bool journal_forgotten_matches(const char *session, const void *bytes, size_t size,
                               mesh_topic_t *topic);

#endif
