// relay_private - what the files of the relay share
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_RELAY_PRIVATE_H
#define BROKER_RELAY_PRIVATE_H

#include "journal_watch.h"
#include "mesh/topic.h"
#include "mesh/wire.h"
#include "relay.h"
#include "subscriptions.h"
#include "topics.h"

enum {
    RELAY_BATCH_LIMIT = 256,     // events of one batch
    RELAY_OWN_WAITING = 1000,    // own events kept while the journal is down
};

// The event that tells of a forgotten session.
#define RELAY_FORGOTTEN_TYPE "mesh.session_forgotten"

typedef struct arrival {
    zmq_msg_t topic, body;
    bool own;    // of the broker's own source
} arrival_t;

typedef struct relay_batch relay_batch_t;

// Events between their place and their commit.
struct relay_batch {
    journal_batch_t journal;    // its owner is this
    journal_entry_t entries[RELAY_BATCH_LIMIT];
    arrival_t arrivals[RELAY_BATCH_LIMIT];    // as many as the journal's count are in use
    size_t bytes;
    relay_batch_t *next;    // owned; among the spare ones
};

struct relay {
    zloop_t *loop;                   // borrowed
    const char *host;                // borrowed
    const char *incarnation;         // borrowed
    const relay_events_t *events;    // borrowed
    void *arg;                       // borrowed
    zsock_t *publish, *subscribe;    // owned
    order_t order;
    journal_t *journal;                // owned
    sequencer_t *sequencer;            // owned
    owners_t *owners;                  // owned
    topics_t *topics;                  // owned
    subscriptions_t *subscriptions;    // owned
    sessions_t *sessions;              // owned
    forgotten_t *forgotten;            // owned
    relay_counts_t counts;

    relay_batch_t *filling;    // owned; NULL while nothing waits to be submitted
    relay_batch_t *spare;      // owned, linked by next
    size_t spare_count;
    // Between taken and committed. Past either limit nothing more is read: publishers keep what
    // they have sent, and their window stops them.
    size_t queue_events, queue_bytes;
    size_t flight_events, flight_bytes;    // placed, not ended
    uint64_t ended;                        // how many have, ever
    bool paused;                           // the publish socket is not read
    bool held;                             // ... whatever room there is: relay_hold
    bool restored;              // the journal was opened once: sources and sessions are known
    uint64_t latest_through;    // up to here the newest of sessions were handed over
    journal_watch_t watch;

    mesh_uuid_t source;
    uint64_t own_seq;
    arrival_t own_waiting[RELAY_OWN_WAITING];    // own events to be committed, oldest first
    size_t own_count;

    int head_timer;    // 0 when none is planned
    int64_t forwarded_ms;
    int64_t refusal_logged_ms;
    int64_t lost_after_ms;
};

// Pass both frames on to subscribers. relay_forwarded, after some: say 50 ms later where the
// order stands.
void relay_forward(relay_t *self, zmq_msg_t *topic, zmq_msg_t *body);
void relay_forwarded(relay_t *self);

// What an arrival's topic says; NULL when it is none. Borrowed until the next one is asked for.
const topics_entry_t *relay_topic_of(relay_t *self, arrival_t *arrival);

// The arrival to fill next, of the batch that is being filled.
arrival_t *relay_next_arrival(relay_t *self);

// That arrival is an event: give it its place and count it in.
void relay_place(relay_t *self, mesh_header_t *header, mesh_family_t family, int64_t now_us);

// That arrival is of a session that is forgotten: its number is taken, and nothing else.
void relay_discard(relay_t *self, const mesh_header_t *header, int64_t now_us);

// The journal was begun anew, or missed some: have it know again which sources hellos named.
void relay_register_again(relay_t *self);

// Submit what is being filled, if the journal has nothing to do, or whatever it does.
void relay_submit(relay_t *self, bool at_once);

// Whether one more event may be taken in.
bool relay_has_room(const relay_t *self);

// Have the publish socket read, or not.
void relay_pause(relay_t *self, bool paused);

// Own events that were not kept are placed again, once the journal can be written.
void relay_keep_own(relay_t *self, arrival_t *arrival);
void relay_place_own_again(relay_t *self);

// journal_events_t: that a session is to be forgotten is noted; it is; or it cannot be.
void relay_on_forget_noted(void *arg, const char *session);
void relay_on_forgotten(void *arg, const journal_forgotten_t *what);
void relay_on_forget_failed(void *arg, const char *session);

// An event that tells of a forgotten session was kept: the journal need not have it told again.
void relay_note_told(relay_t *self, arrival_t *arrival);

// The journal was opened: what it says is forgotten is, and it is told what it does not know.
void relay_restore_forgotten(relay_t *self, const journal_opening_t *opening);

// journal_events_t
extern const journal_events_t relay_journal_events;

// Say an alert of the journal, when there is one.
void relay_tell_alert(relay_t *self, const journal_alert_t *alert);

// Hand what changed of sessions over to the journal.
void relay_keep_sessions(relay_t *self);

// End what batches hold.
void relay_batches_destroy(relay_t *self);

#endif
