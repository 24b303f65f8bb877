// follow - decides what a subscriber does with what arrives
// SPDX-License-Identifier: MPL-2.0
#include "mesh/follow.h"

#include <assert.h>
#include <czmq.h>

typedef struct held held_t;

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
    bool asked;           // a replay is under way
    bool journal_down;    // events without a place are passing
    mesh_cursor_t position;
    mesh_cursor_t head;
    held_t *held_oldest, *held_newest;    // owned; each follows the one before
    size_t held_count, held_bytes;
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
    if (!self->asked) {
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

static void
deliver(mesh_follow_t *self, const mesh_event_t *event)
{
    if (self->journal_down) {
        self->journal_down = false;
        tell_gap(self, MESH_GAP_JOURNAL_UP, self->position);
    }
    self->position.offset = event->header.offset;
    if (self->head.offset < self->position.offset)
        self->head.offset = self->position.offset;
    self->actions->deliver(self->arg, event);
}

// Another epoch: nothing of the old order can be continued, so begin at the start of the new
// one.
static void
begin_epoch(mesh_follow_t *self, uint64_t epoch)
{
    mesh_cursor_t start = {epoch, 0};
    if (self->positioned)
        tell_gap(self, MESH_GAP_NEW_EPOCH, start);
    let_go(self);
    self->position = start;
    self->head = start;
    self->positioned = true;
    self->journal_down = false;
    // An answer to a replay of the old epoch may still come; it is recognised by its epoch.
    self->asked = false;
}

void
mesh_follow_welcome(mesh_follow_t *self, uint64_t epoch, uint64_t first, uint64_t head)
{
    (void) first;    // what retention removed is told by the replay's answer
    self->asked = false;
    if (!self->positioned && self->from == MESH_FROM_NOW) {
        self->position = (mesh_cursor_t){epoch, head};
        self->positioned = true;
    } else if (!self->positioned || self->position.epoch != epoch) {
        begin_epoch(self, epoch);
    }
    self->head = (mesh_cursor_t){epoch, head};
    if (head > self->position.offset)
        ask(self);
    else
        set_state(self, MESH_SUBSCRIBER_LIVE);
}

void
mesh_follow_away(mesh_follow_t *self)
{
    let_go(self);
    self->asked = false;
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
    if (epoch != self->position.epoch)
        begin_epoch(self, epoch);
    // Beginning at the start of what is kept loses nothing that was promised.
    bool at_start = self->position.offset == 0;
    if (first > self->position.offset + 1) {
        mesh_cursor_t before_first = {epoch, first - 1};
        if (!at_start)
            tell_gap(self, MESH_GAP_TRIMMED, before_first);
        self->position = before_first;
    }
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
        self->position.offset = to;
    if (more || !join(self) || self->head.offset > self->position.offset)
        ask(self);
    else
        set_state(self, MESH_SUBSCRIBER_LIVE);
}

void
mesh_follow_replay_failed(mesh_follow_t *self)
{
    self->asked = false;
}

void
mesh_follow_retry(mesh_follow_t *self)
{
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
