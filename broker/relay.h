// relay - takes events in, gives them their place, keeps them, passes them on
// SPDX-License-Identifier: MPL-2.0
//
// Owns the publish and subscribe sockets and the broker's own source. What is kept is committed
// to the journal before it is forwarded. On the way an event is never copied and its payload
// never read.
#ifndef BROKER_RELAY_H
#define BROKER_RELAY_H

#include <czmq.h>
#include <jansson.h>

#include "journal.h"
#include "mesh/settings.h"
#include "order.h"
#include "owners.h"
#include "sequencer.h"
#include "sessions.h"

typedef struct relay relay_t;

typedef struct relay_events {
    // Numbers of a source were taken: its holder may be told. Or: numbers are missing, from
    // `from` on.
    void (*acknowledge)(void *arg, const void *holder, const mesh_uuid_t *source);
    void (*ask_again)(void *arg, const void *holder, const mesh_uuid_t *source, uint64_t from);
} relay_events_t;

typedef struct relay_counts {
    uint64_t taken;      // events given a place
    uint64_t ignored;    // seen before, or behind a hole
    uint64_t refused;    // not as the protocol says
    uint64_t late;
} relay_counts_t;

// Create the relay with both sockets, not bound. host names this host in the broker's own
// events; incarnation goes into mesh.head; both are borrowed, as is events.
relay_t *relay_new(zloop_t *loop, const mesh_settings_t *settings, const char *host,
                   const char *incarnation, const relay_events_t *events, void *arg);
void relay_destroy(relay_t **self_p);

// Close both sockets, with all connections, and open new ones, not bound.
void relay_renew_sockets(relay_t *self);

// Borrowed, until they are renewed: to bind.
zsock_t *relay_publish_socket(relay_t *self);
zsock_t *relay_subscribe_socket(relay_t *self);

// Publish an event of the broker's own source, of no session. Steals payload (an object).
void relay_announce(relay_t *self, const char *type, json_t *payload);

// Take in what waits, up to DRAIN_LIMIT messages. Returns how many there were.
size_t relay_take_in(relay_t *self);

// Take in nothing for now, or again what comes: publishers keep what is not acknowledged.
void relay_pause(relay_t *self, bool pause);

// Send mesh.head now.
void relay_send_head(relay_t *self);

journal_t *relay_journal(relay_t *self);
sequencer_t *relay_sequencer(relay_t *self);
owners_t *relay_owners(relay_t *self);    // asked where there are keys only
sessions_t *relay_sessions(relay_t *self);
const relay_counts_t *relay_counts(const relay_t *self);

#endif
