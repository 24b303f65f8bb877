// follow - decides what a subscriber does with what arrives
// SPDX-License-Identifier: MPL-2.0
#include "mesh/follow.h"

#include <assert.h>
#include <czmq.h>

typedef struct held held_t;

enum { LEFT_LIMIT = 8 };    // epochs remembered after they were left

// A live event that waits for the replay to reach it.
struct held {
    mesh_event_t event;    // topic and payload point into `bytes`
    held_t *next;          // owned
    char bytes[];
};

struct mesh_follow {
    const mesh_follow_actions_t *actions;    // borrowed
    void *arg;                               // borrowed
    mesh_from_t from;
    mesh_subscriber_state_t state;
    bool positioned;      // position means something
    bool unproven;        // position was given by the caller, and no broker has confirmed it
    bool from_nothing;    // at the earliest that is kept: what went before it was not promised
    bool asked;           // a replay is under way
    bool failed;          // the last replay failed: the next is asked for by mesh_follow_retry
    bool journal_down;    // events without a place are passing
    mesh_cursor_t position;
    mesh_cursor_t head;
    held_t *held_oldest, *held_newest;    // owned; each follows the one before
    size_t held_count, held_bytes;
    mesh_cursor_t
        left[LEFT_LIMIT];    // places in epochs that were left, a ring; epoch 0 is none
    size_t left_next;
    uint64_t told_removed;    // of this epoch: a hole up to here is told
};

static void
let_go(mesh_follow_t *self)
{
    while (self->held_oldest) {
        held_t *next = self->held_oldest->next;
        free(self->held_oldest);
        self->held_oldest = next;
    }
    self->held_newest = NULL;
    self->held_count = 0;
    self->held_bytes = 0;
}

mesh_follow_t *
mesh_follow_new(mesh_from_t from, const mesh_cursor_t *cursor,
                const mesh_follow_actions_t *actions, void *arg)
{
    assert(actions && (from != MESH_FROM_CURSOR || cursor));
    mesh_follow_t *self = zmalloc(sizeof *self);
    self->actions = actions;
    self->arg = arg;
    self->from = from;
    self->state = MESH_SUBSCRIBER_AWAY;
    if (from == MESH_FROM_CURSOR) {
        self->position = *cursor;
        self->positioned = true;
        self->unproven = true;
    }
    return self;
}

void
mesh_follow_destroy(mesh_follow_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        let_go(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
set_state(mesh_follow_t *self, mesh_subscriber_state_t state)
{
    if (self->state != state) {
        self->state = state;
        self->actions->state_changed(self->arg, state);
    }
}

static void
ask(mesh_follow_t *self)
{
    set_state(self, MESH_SUBSCRIBER_CATCHING_UP);
    if (!self->asked && !self->failed) {
        self->asked = true;
        self->actions->ask_replay(self->arg, &self->position);
    }
}

static void
tell_gap(mesh_follow_t *self, mesh_gap_reason_t reason, mesh_cursor_t to)
{
    mesh_gap_t gap = {.reason = reason, .from = self->position, .to = to};
    self->actions->tell_gap(self->arg, &gap);
}

// Events are missing among those that come.
static void
tell_holes(mesh_follow_t *self, uint64_t up_to)
{
    mesh_gap_t gap = {.reason = MESH_GAP_TRIMMED,
                      .from = self->position,
                      .to = self->position,
                      .holes_to = up_to};
    self->actions->tell_gap(self->arg, &gap);
}

static void
advance_to(mesh_follow_t *self, uint64_t offset)
{
    self->from_nothing = false;
    self->position.offset = offset;
    if (self->head.offset < offset)
        self->head.offset = offset;
}

static void
deliver(mesh_follow_t *self, const mesh_event_t *event)
{
    if (self->journal_down) {
        self->journal_down = false;
        tell_gap(self, MESH_GAP_JOURNAL_UP, self->position);
    }
    advance_to(self, event->header.offset);
    self->actions->deliver(self->arg, event);
}

// The place in an epoch that was left; NULL when it was not, or is forgotten.
static mesh_cursor_t *
place_left(mesh_follow_t *self, uint64_t epoch)
{
    for (size_t i = 0; epoch != 0 && i < LEFT_LIMIT; i++)
        if (self->left[i].epoch == epoch)
            return &self->left[i];
    return NULL;
}

// Another epoch: nothing of the old order can be continued, so begin at the start of the new
// one, or where it was left.
static void
begin_epoch(mesh_follow_t *self, uint64_t epoch)
{
    mesh_cursor_t *left = place_left(self, epoch);
    mesh_cursor_t start = left ? *left : (mesh_cursor_t){epoch, 0};
    if (self->positioned) {
        tell_gap(self, MESH_GAP_NEW_EPOCH, start);
        if (!left) {
            left = &self->left[self->left_next];
            self->left_next = (self->left_next + 1) % LEFT_LIMIT;
        }
        *left = self->position;
    }
    let_go(self);
    self->from_nothing = !self->positioned;
    self->told_removed = 0;
    self->position = start;
    self->head = start;
    self->positioned = true;
    self->journal_down = false;
    // An answer to a replay of the old epoch may still come; it is recognised by its epoch.
    self->asked = false;
    self->failed = false;
}

// Whether what arrives, live, is of an epoch that was left: sent by a broker before this one,
// and overtaken by the welcome of this one. Only a welcome leads back.
static bool
is_left_behind(mesh_follow_t *self, uint64_t epoch)
{
    return epoch != self->position.epoch && place_left(self, epoch);
}

void
mesh_follow_welcome(mesh_follow_t *self, uint64_t epoch, uint64_t first, uint64_t head)
{
    (void) first;    // what retention removed is told by the replay's answer
    self->asked = false;
    self->failed = false;
    if (!self->positioned && self->from == MESH_FROM_NOW) {
        self->position = (mesh_cursor_t){epoch, head};
        self->positioned = true;
    } else if (!self->positioned || self->position.epoch != epoch) {
        begin_epoch(self, epoch);
    } else if (self->unproven && self->position.offset > head) {
        // A place that this epoch has not given: waiting for it would hide what comes.
        tell_gap(self, MESH_GAP_NEW_EPOCH, (mesh_cursor_t){epoch, 0});
        self->position.offset = 0;
    }
    self->unproven = false;
    // Live events may have overtaken the welcome.
    if (self->head.epoch != epoch || self->head.offset < head)
        self->head = (mesh_cursor_t){epoch, head};
    if (self->head.offset > self->position.offset)
        ask(self);
    else
        set_state(self, MESH_SUBSCRIBER_LIVE);
}

void
mesh_follow_away(mesh_follow_t *self)
{
    let_go(self);
    self->asked = false;
    self->failed = false;
    set_state(self, MESH_SUBSCRIBER_AWAY);
}

static bool
extends_held(const mesh_follow_t *self, const mesh_event_t *event)
{
    return self->held_newest &&
           event->header.previous == self->held_newest->event.header.offset;
}

// Keep a live event until the replay has come up to it. Those kept are one unbroken run; what
// does not extend it begins it anew, and the replay fetches the rest.
static void
hold(mesh_follow_t *self, const mesh_event_t *event)
{
    size_t bytes = event->topic_bytes + event->payload_bytes;
    if (!extends_held(self, event) || self->held_count >= MESH_FOLLOW_HELD_EVENTS ||
        self->held_bytes + bytes > MESH_FOLLOW_HELD_BYTES)
        let_go(self);
    held_t *held = zmalloc(sizeof *held + bytes);
    held->event = *event;
    held->event.topic = held->bytes;
    held->event.payload = held->bytes + event->topic_bytes;
    memcpy(held->bytes, event->topic, event->topic_bytes);
    memcpy(held->bytes + event->topic_bytes, event->payload, event->payload_bytes);
    *(self->held_newest ? &self->held_newest->next : &self->held_oldest) = held;
    self->held_newest = held;
    self->held_count++;
    self->held_bytes += bytes;
}

static void
deliver_uncommitted(mesh_follow_t *self, const mesh_event_t *event)
{
    if (!self->journal_down) {
        self->journal_down = true;
        tell_gap(self, MESH_GAP_JOURNAL_DOWN, self->position);
    }
    self->actions->deliver(self->arg, event);
}

void
mesh_follow_live(mesh_follow_t *self, const mesh_event_t *event)
{
    if (self->state == MESH_SUBSCRIBER_AWAY || !self->positioned)
        return;
    if (event->header.flags & MESH_WIRE_UNCOMMITTED) {
        deliver_uncommitted(self, event);
        return;
    }
    if (is_left_behind(self, event->header.epoch))
        return;
    if (event->header.epoch != self->position.epoch)
        begin_epoch(self, event->header.epoch);
    else if (event->header.offset <= self->position.offset)
        return;

    if (self->head.offset < event->header.offset)
        self->head.offset = event->header.offset;
    if (self->state == MESH_SUBSCRIBER_LIVE &&
        event->header.previous == self->position.offset) {
        deliver(self, event);
        return;
    }
    hold(self, event);
    ask(self);
}

void
mesh_follow_head(mesh_follow_t *self, const mesh_cursor_t *head)
{
    if (self->state == MESH_SUBSCRIBER_AWAY || !self->positioned)
        return;
    if (is_left_behind(self, head->epoch))
        return;
    if (head->epoch != self->position.epoch)
        begin_epoch(self, head->epoch);
    if (self->head.offset < head->offset)
        self->head.offset = head->offset;
    if (self->head.offset > self->position.offset)
        ask(self);
    else if (!self->asked)
        set_state(self, MESH_SUBSCRIBER_LIVE);
}

void
mesh_follow_page_begins(mesh_follow_t *self, uint64_t epoch, uint64_t first)
{
    if (!self->asked)
        return;
    if (epoch != self->position.epoch) {
        mesh_follow_replay_failed(self);
        return;
    }
    if (first > 0 && first - 1 > self->position.offset) {
        mesh_cursor_t before_first = {epoch, first - 1};
        // Beginning at the start of what is kept loses nothing that was promised.
        if (!self->from_nothing)
            tell_gap(self, MESH_GAP_TRIMMED, before_first);
        advance_to(self, before_first.offset);
    }
}

void
mesh_follow_page_removed(mesh_follow_t *self, uint64_t removed)
{
    if (!self->asked || removed <= self->position.offset || removed <= self->told_removed)
        return;
    self->told_removed = removed;
    // What is kept goes on from here; the hole is among what follows.
    if (!self->from_nothing)
        tell_holes(self, removed);
}

void
mesh_follow_page_event(mesh_follow_t *self, const mesh_event_t *event)
{
    if (self->asked && event->header.epoch == self->position.epoch &&
        event->header.offset > self->position.offset)
        deliver(self, event);
}

// Deliver what is held and follows. Returns false when a hole is left before it.
static bool
join(mesh_follow_t *self)
{
    while (self->held_oldest) {
        held_t *held = self->held_oldest;
        if (held->event.header.offset > self->position.offset) {
            if (held->event.header.previous > self->position.offset)
                return false;
            deliver(self, &held->event);
        }
        self->held_oldest = held->next;
        if (!held->next)
            self->held_newest = NULL;
        self->held_count--;
        self->held_bytes -= held->event.topic_bytes + held->event.payload_bytes;
        free(held);
    }
    return true;
}

void
mesh_follow_page_ends(mesh_follow_t *self, uint64_t to, bool more)
{
    if (!self->asked)
        return;
    self->asked = false;
    if (to > self->position.offset)
        advance_to(self, to);
    if (more || !join(self) || self->head.offset > self->position.offset)
        ask(self);
    else
        set_state(self, MESH_SUBSCRIBER_LIVE);
}

void
mesh_follow_replay_failed(mesh_follow_t *self)
{
    self->asked = false;
    self->failed = true;
}

void
mesh_follow_retry(mesh_follow_t *self)
{
    self->failed = false;
    if (self->state == MESH_SUBSCRIBER_CATCHING_UP)
        ask(self);
}

mesh_subscriber_state_t
mesh_follow_state(const mesh_follow_t *self)
{
    return self->state;
}

mesh_cursor_t
mesh_follow_position(const mesh_follow_t *self)
{
    return self->position;
}

mesh_cursor_t
mesh_follow_known_head(const mesh_follow_t *self)
{
    return self->head;
}
