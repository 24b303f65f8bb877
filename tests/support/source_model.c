// source_model - an outbox and a sequencer with a wire between them that loses what it likes
// SPDX-License-Identifier: MPL-2.0
#include "source_model.h"

#include <assert.h>
#include <czmq.h>

#include "mesh/outbox.h"
#include "sequencer.h"

enum {
    EVENTS_MOST = 8192,
    WIRE_MOST = 256,
    WINDOW_EVENTS_MOST = 24,
    REST_TURNS = 20000,
};

typedef struct message {
    uint64_t seq;
    uint32_t covers;
} message_t;

// What the broker says to the publisher.
typedef enum { ACK, RESEND, WELCOME } answer_kind_t;

typedef struct answer {
    answer_kind_t kind;
    uint64_t number;
} answer_t;

typedef struct model {
    choice_t *choice;          // borrowed
    mesh_outbox_t *outbox;     // owned
    sequencer_t *sequencer;    // owned
    mesh_uuid_t source;
    uint64_t window_events, window_bytes;
    size_t bodies[EVENTS_MOST];       // bytes of each body, by number
    bool outstanding[EVENTS_MOST];    // sent since the last rewind and not acknowledged
    message_t wire[WIRE_MOST];
    size_t wire_count;
    answer_t answers[WIRE_MOST];
    size_t answer_count;
    bool welcomed;         // by the broker that lives now
    uint64_t taken;        // by the broker that lives now: the last number
    uint64_t kept;         // in its journal: the last number
    uint64_t committed;    // the last number that the publisher was told is kept
    int64_t now_ms;
    source_model_counts_t counts;
} model_t;

static void
take_off(void *items, size_t *count, size_t size, size_t at)
{
    char *bytes = items;
    --*count;
    memmove(bytes + at * size, bytes + (at + 1) * size, (*count - at) * size);
}

static void
say(model_t *self, answer_kind_t kind, uint64_t number)
{
    if (self->answer_count < WIRE_MOST)
        self->answers[self->answer_count++] = (answer_t){kind, number};
}

// ---- the publisher

static void
push(model_t *self)
{
    static const char body[256] = {0};
    uint64_t seq = mesh_outbox_next_seq(self->outbox);
    if (seq >= EVENTS_MOST)
        return;
    self->bodies[seq] = choose(self->choice, 200);
    mesh_outbox_push(self->outbox, "a/h/s", 5, body, self->bodies[seq], (int64_t) seq,
                     choose(self->choice, 2) == 0);
    assert(mesh_outbox_last(self->outbox) == seq);
    self->counts.pushed++;
}

static void
check_window(const model_t *self)
{
    uint64_t events = 0, bytes = 0;
    for (uint64_t seq = self->committed + 1; seq <= mesh_outbox_last(self->outbox); seq++) {
        if (!self->outstanding[seq])
            continue;
        events++;
        bytes += MESH_WIRE_HEADER_BYTES + self->bodies[seq];
    }
    assert(events == mesh_outbox_unacknowledged(self->outbox));
    assert(events <= self->window_events);
    assert(bytes <= self->window_bytes || events == 1);
}

static void
pump(model_t *self)
{
    const mesh_outbox_event_t *event;
    while ((event = mesh_outbox_send_next(self->outbox))) {
        assert(event->body_bytes == self->bodies[event->seq]);
        assert(event->timestamp_us == (int64_t) event->seq);
        self->outstanding[event->seq] = true;
        if (self->wire_count < WIRE_MOST)
            self->wire[self->wire_count++] = (message_t){event->seq, event->covers};
    }
    check_window(self);
}

static void
hear(model_t *self)
{
    if (self->answer_count == 0)
        return;
    answer_t answer = self->answers[0];
    take_off(self->answers, &self->answer_count, sizeof answer, 0);
    uint64_t acknowledged = answer.number;
    if (answer.kind == WELCOME) {
        mesh_outbox_set_window(self->outbox, self->window_events, self->window_bytes);
        acknowledged = answer.number - 1;
    }
    if (answer.kind != RESEND) {
        mesh_outbox_acknowledge(self->outbox, acknowledged);
        for (uint64_t seq = self->committed + 1; seq <= acknowledged && seq < EVENTS_MOST;
             seq++)
            self->outstanding[seq] = false;
        if (self->committed < mesh_outbox_acknowledged(self->outbox))
            self->committed = mesh_outbox_acknowledged(self->outbox);
    }
    if (answer.kind != ACK) {
        self->counts.resends++;
        mesh_outbox_rewind(self->outbox, answer.number);
        for (uint64_t seq = answer.number; seq <= mesh_outbox_last(self->outbox); seq++)
            self->outstanding[seq] = false;
    }
    pump(self);
}

// ---- the broker

static void
arrive(model_t *self)
{
    if (self->wire_count == 0)
        return;
    message_t message = self->wire[0];
    take_off(self->wire, &self->wire_count, sizeof message, 0);
    mesh_header_t header = {
        .source = self->source, .seq = message.seq, .covers = message.covers};
    const void *holder;
    uint64_t from = 0;
    sequencer_outcome_t outcome =
        sequencer_offer(self->sequencer, &header, self->now_ms, &holder, &from);
    assert(holder == (self->welcomed ? self : NULL));
    if (outcome == SEQUENCER_RESEND) {
        assert(from == self->taken + 1);
        say(self, RESEND, from);
    }
    if (outcome != SEQUENCER_TAKE)
        return;
    // Each number once, in order, none left out that no cover stands for.
    assert(message.seq > self->taken);
    assert(message.seq - message.covers == self->taken);
    self->taken = message.seq;
    self->counts.taken++;
}

// What was taken gets into the journal.
static void
commit(model_t *self)
{
    const void *holder = sequencer_commit(self->sequencer, &self->source, self->taken);
    assert(!holder || (self->welcomed && self->taken > self->kept));
    self->kept = self->taken;
    if (holder)
        say(self, ACK, self->kept);
}

// sequencer_ask_fn
static void
ask_again(void *arg, const void *holder, const mesh_uuid_t *source, uint64_t from)
{
    model_t *self = arg;
    assert(holder == self && mesh_uuid_equal(source, &self->source) && from == self->kept + 1);
    say(self, RESEND, from);
}

// It does not: the journal went away and came back.
static void
take_back(model_t *self)
{
    sequencer_take_back(self->sequencer, ask_again, self);
    self->taken = self->kept;
    self->counts.restarts++;
}

static void
heartbeat(model_t *self)
{
    if (!self->welcomed) {
        // Hello again: the broker begins where the publisher can.
        uint64_t next, first = mesh_outbox_first(self->outbox);
        sequencer_claim_t claim = sequencer_claim(self->sequencer, &self->source, self, first,
                                                  self->committed, &next);
        // Only a journal that lives on can be found to know less than it said; this one is
        // never rolled back.
        assert(claim == SEQUENCER_CLAIMED || self->kept < self->committed);
        assert(first <= self->committed + 1);    // nothing was let go unacknowledged
        if (self->taken < first - 1)
            self->taken = first - 1;
        if (self->kept < first - 1)
            self->kept = first - 1;
        assert(next == self->kept + 1);
        self->welcomed = true;
        say(self, WELCOME, next);
        return;
    }
    uint64_t from = sequencer_missing(self->sequencer, &self->source,
                                      mesh_outbox_last(self->outbox), self->now_ms);
    if (from) {
        assert(from == self->taken + 1);
        say(self, RESEND, from);
    }
    assert(sequencer_taken(self->sequencer, &self->source) == self->taken);
    assert(sequencer_committed(self->sequencer, &self->source) == self->kept);
    sequencer_ask_ack(self->sequencer, &self->source);
    say(self, ACK, self->kept);
}

// Forgets everything, or all but its journal; what was on the wire may reach the new one before
// the hello does. It comes back soon: a stranger is waited for.
static void
restart(model_t *self)
{
    sequencer_destroy(&self->sequencer);
    self->sequencer = sequencer_new(10);
    self->welcomed = false;
    if (choose(self->choice, 2))
        self->kept = 0;
    else if (self->kept > 0)
        sequencer_restore(self->sequencer, &self->source, self->kept, choose(self->choice, 2));
    self->taken = self->kept;
    self->answer_count = 0;
    self->counts.restarts++;
    if (choose(self->choice, 2))
        self->wire_count = 0;
}

// ---- the model

static void
step(model_t *self)
{
    uint32_t what = choose(self->choice, 100);
    if (what < 20) {
        push(self);
        pump(self);
    } else if (what < 45) {
        arrive(self);
    } else if (what < 49) {
        if (self->wire_count > 0)
            take_off(self->wire, &self->wire_count, sizeof self->wire[0],
                     choose(self->choice, 256) % self->wire_count);
    } else if (what < 74) {
        hear(self);
    } else if (what < 76) {
        // An answer is lost only with its broker or its connection; then a hello follows.
        if (self->answer_count > 0 && self->answers[0].kind != WELCOME)
            take_off(self->answers, &self->answer_count, sizeof self->answers[0], 0);
    } else if (what < 80) {
        commit(self);
    } else if (what < 88) {
        heartbeat(self);
    } else if (what < 99) {
        self->now_ms += choose(self->choice, 60);
    } else if (choose(self->choice, 4) == 0) {
        restart(self);
    } else if (choose(self->choice, 8) == 0) {
        take_back(self);
    }
}

static void
come_to_rest(model_t *self)
{
    for (size_t turn = 0; turn < REST_TURNS; turn++) {
        if (self->welcomed && mesh_outbox_count(self->outbox) == 0)
            return;
        heartbeat(self);
        while (self->answer_count > 0)
            hear(self);
        pump(self);
        while (self->wire_count > 0)
            arrive(self);
        commit(self);
        self->now_ms += SEQUENCER_RESEND_PAUSE_MS;
    }
    assert(false && "what waits does not get through");
}

source_model_counts_t
source_model_run(choice_t *choice)
{
    model_t *self = zmalloc(sizeof *self);
    self->choice = choice;
    self->now_ms = 1000;
    self->source = mesh_uuid_new();
    self->window_events = 1 + choose(choice, WINDOW_EVENTS_MOST);
    self->window_bytes = 100 + 16 * choose(choice, 256);
    self->outbox = mesh_outbox_new(2000 + 40 * choose(choice, 256));
    self->sequencer = sequencer_new(10);
    while (!choice_is_over(choice))
        step(self);
    come_to_rest(self);
    assert(mesh_outbox_last(self->outbox) == self->taken);
    assert(mesh_outbox_acknowledged(self->outbox) == self->taken);
    assert(mesh_outbox_unacknowledged(self->outbox) == 0);
    self->counts.dropped = mesh_outbox_dropped(self->outbox);
    // With one broker, each event was taken or stands in another's cover.
    if (self->counts.restarts == 0)
        assert(sequencer_gaps(self->sequencer) == 0 &&
               self->counts.taken + self->counts.dropped == self->counts.pushed);
    source_model_counts_t counts = self->counts;
    mesh_outbox_destroy(&self->outbox);
    sequencer_destroy(&self->sequencer);
    free(self);
    return counts;
}
