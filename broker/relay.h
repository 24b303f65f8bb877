// relay - takes events in, gives them their place, keeps them, passes them on
// SPDX-License-Identifier: MPL-2.0
//
// Owns the publish and subscribe sockets, the journal and the broker's own source. Events are
// given their place, wait in a batch while the journal commits the one before, and are passed
// on when theirs is committed: what a reader may have seen is kept. While the journal cannot be
// written they are passed on without a place, and come again. A payload is never read.
#ifndef BROKER_RELAY_H
#define BROKER_RELAY_H

#include <czmq.h>
#include <jansson.h>

#include "forgotten.h"
#include "journal.h"
#include "mesh/settings.h"
#include "order.h"
#include "owners.h"
#include "sequencer.h"
#include "sessions.h"

typedef struct relay relay_t;

typedef struct relay_events {
    // Numbers of a source were committed: its holder may be told. Or: numbers are missing, from
    // `from` on.
    void (*acknowledge)(void *arg, const void *holder, const mesh_uuid_t *source);
    void (*ask_again)(void *arg, const void *holder, const mesh_uuid_t *source, uint64_t from);
    // A session that was to be forgotten is, as far as the journal goes, and
    // mesh.session_forgotten says so; range has the cursors "first" and "last" of what was
    // removed, where something was. Or it could not be begun. All borrowed.
    void (*forgotten)(void *arg, const journal_forgotten_t *what, json_t *range);
    void (*forget_failed)(void *arg, const char *session);
    // relay_ended has risen.
    void (*ended)(void *arg);
} relay_events_t;

typedef struct relay_counts {
    uint64_t taken;      // events given a place
    uint64_t ignored;    // seen before, or behind a hole
    uint64_t refused;    // not as the protocol says
    uint64_t late;
    uint64_t uncommitted;    // passed on without a place
    uint64_t forgotten;      // let go: of sessions that were forgotten
} relay_counts_t;

// Create the relay with both sockets, not bound. host names this host in the broker's own
// events; incarnation goes into mesh.head; both are borrowed, as is events. Returns NULL, with
// *error_p a sentence the caller frees, when another broker has the journal or no place for it
// is found.
relay_t *relay_new(zloop_t *loop, const mesh_settings_t *settings, const char *host,
                   const char *incarnation, const relay_events_t *events, void *arg,
                   char **error_p);

// Open the journal's books: from here on events may come in. Once, when the receiver of the
// relay's events is ready.
void relay_start(relay_t *self);

// Commits what was taken in.
void relay_destroy(relay_t **self_p);

// Close both sockets, with all connections, and open new ones, not bound.
void relay_renew_sockets(relay_t *self);

// Borrowed, until they are renewed: to bind.
zsock_t *relay_publish_socket(relay_t *self);
zsock_t *relay_subscribe_socket(relay_t *self);

// Publish an event of the broker's own source, of no session. Steals payload (an object).
void relay_announce(relay_t *self, const char *type, json_t *payload);

// A hello has named a source for the first time: have the journal know. That is so, or cannot
// be, when relay_ended is at the number that is returned.
uint64_t relay_register(relay_t *self, const mesh_uuid_t *source);
uint64_t relay_ended(const relay_t *self);

// Take in what waits, up to DRAIN_LIMIT messages, as long as there is room between taken and
// committed. Returns how many there were.
size_t relay_take_in(relay_t *self);

// Wait, at most so long, for what was taken in to be committed and passed on. Returns whether
// all was.
bool relay_settle(relay_t *self, int64_t deadline_ms);

// Once a second: keep what late joiners are shown first, and look after alerts.
void relay_tick(relay_t *self);

// A publisher was told of more than the journal knows: it was lost, and a new one is begun.
void relay_distrust_journal(relay_t *self, const char *why);

// Forget a session: nothing of it is shown or taken in from here on, and the journal removes
// what it has. journal_can_forget must be true. Returns false when it was forgotten before.
bool relay_forget(relay_t *self, const char *session);

// Take in nothing, or again what comes: publishers keep what is not acknowledged.
void relay_hold(relay_t *self, bool hold);

// Send mesh.head now.
void relay_send_head(relay_t *self);

journal_t *relay_journal(relay_t *self);
sequencer_t *relay_sequencer(relay_t *self);
owners_t *relay_owners(relay_t *self);    // asked where there are keys only
sessions_t *relay_sessions(relay_t *self);
forgotten_t *relay_forgotten(relay_t *self);
const relay_counts_t *relay_counts(const relay_t *self);

#endif
