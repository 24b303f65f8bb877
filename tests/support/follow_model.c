// follow_model - a broker that breaks its order on the way, and a subscriber that must see it
// SPDX-License-Identifier: MPL-2.0
#include "follow_model.h"

#include <assert.h>
#include <czmq.h>

#include "mesh/follow.h"

enum {
    BROKERS_MOST = 64,
    EVENTS_MOST = 4096,    // of one broker
    WIRE_MOST = 512,       // messages between broker and subscriber
    PAGE_MOST = 7,
    REST_TURNS = 20000,
};

typedef struct broker {
    uint64_t epoch;
    uint64_t offsets[EVENTS_MOST];    // of all it has made
    size_t count;
    size_t trimmed;    // how many of them are gone
    uint64_t seen;     // the place in this epoch up to which the subscriber is served
} broker_t;

typedef struct message {
    bool is_head;
    uint64_t epoch, offset, previous;
    uint8_t flags;
} message_t;

typedef struct model {
    choice_t *choice;    // borrowed
    mesh_follow_t *follow;
    broker_t *brokers;    // owned; BROKERS_MOST of them
    size_t broker_count, current, previous;
    message_t wire[WIRE_MOST];
    size_t wire_count;
    bool pending, may_not_ask;
    mesh_cursor_t after;    // of the pending replay
    bool positioned;        // place means something
    bool any_start;         // the first event may be any that is the oldest kept
    mesh_cursor_t place;
    mesh_subscriber_state_t state;
    follow_model_counts_t counts;
} model_t;

static broker_t *
current(model_t *self)
{
    return &self->brokers[self->current];
}

static broker_t *
of_epoch(model_t *self, uint64_t epoch)
{
    for (size_t i = 0; i < self->broker_count; i++)
        if (self->brokers[i].epoch == epoch)
            return &self->brokers[i];
    assert(false && "an epoch that no broker had");
    return NULL;
}

static uint64_t
head_of(const broker_t *broker)
{
    return broker->count ? broker->offsets[broker->count - 1] : 0;
}

static uint64_t
first_of(const broker_t *broker)
{
    return broker->trimmed ? broker->offsets[broker->trimmed - 1] + 1 : 1;
}

// What was made after `from`, up to and including `to`.
static size_t
made_between(const broker_t *broker, uint64_t from, uint64_t to)
{
    size_t count = 0;
    for (size_t i = 0; i < broker->count; i++)
        count += broker->offsets[i] > from && broker->offsets[i] <= to;
    return count;
}

static mesh_event_t
event_of(const message_t *message, uint64_t *content)
{
    *content = message->epoch ^ message->offset;
    return (mesh_event_t){
        .header = {.covers = 1,
                   .seq = 1,
                   .flags = message->flags,
                   .epoch = message->epoch,
                   .offset = message->offset,
                   .previous = message->previous},
        .topic = "a/h/s",
        .topic_bytes = strlen("a/h/s"),
        .payload = (const char *) content,
        .payload_bytes = sizeof *content,
    };
}

// ---- what the subscriber is told

static void
on_deliver(void *arg, const mesh_event_t *event)
{
    model_t *self = arg;
    assert(self->state != MESH_SUBSCRIBER_AWAY);
    uint64_t content;
    assert(event->topic_bytes == strlen("a/h/s") && memcmp(event->topic, "a/h/s", 5) == 0);
    assert(event->payload_bytes == sizeof content);
    memcpy(&content, event->payload, sizeof content);
    assert(content == (event->header.epoch ^ event->header.offset));
    self->counts.delivered++;
    if (event->header.flags & MESH_WIRE_UNCOMMITTED)
        return;
    broker_t *broker = of_epoch(self, event->header.epoch);
    uint64_t offset = event->header.offset;
    if (self->any_start) {
        // What went before the first event seen was no longer kept.
        assert(made_between(broker, 0, offset - 1) <= broker->trimmed);
    } else {
        assert(self->positioned && self->place.epoch == event->header.epoch);
        assert(offset > self->place.offset);
        assert(made_between(broker, self->place.offset, offset - 1) == 0);
    }
    assert(made_between(broker, offset - 1, offset) == 1);
    self->any_start = false;
    self->positioned = true;
    self->place = (mesh_cursor_t){event->header.epoch, offset};
    broker->seen = offset;
}

static void
on_gap(void *arg, const mesh_gap_t *gap)
{
    model_t *self = arg;
    self->counts.gaps++;
    if (gap->reason == MESH_GAP_JOURNAL_DOWN || gap->reason == MESH_GAP_JOURNAL_UP)
        return;
    broker_t *broker = of_epoch(self, gap->to.epoch);
    if (gap->reason == MESH_GAP_TRIMMED) {
        assert(gap->from.epoch == self->place.epoch && gap->to.epoch == self->place.epoch);
        assert(gap->to.offset > gap->from.offset);
        // What is said to be gone is gone.
        assert(gap->to.offset < first_of(broker));
    } else if (gap->from.epoch == gap->to.epoch) {
        // A place that this epoch had not given.
        assert(self->counts.delivered == 0 && gap->to.offset == 0);
    } else {
        // Where that epoch was left: nothing again, and nothing left out.
        assert(gap->to.offset >= broker->seen);
        assert(made_between(broker, broker->seen, gap->to.offset) == 0);
    }
    self->any_start = false;
    self->place = gap->to;
    broker->seen = gap->to.offset;
}

static void
on_ask(void *arg, const mesh_cursor_t *after)
{
    model_t *self = arg;
    self->counts.replays++;
    // One at a time, and none after a failure before it is due; another epoch begins anew.
    assert(!(self->pending || self->may_not_ask) || self->after.epoch != after->epoch);
    self->pending = true;
    self->may_not_ask = false;
    self->after = *after;
    assert(self->state == MESH_SUBSCRIBER_CATCHING_UP);
}

static void
on_state(void *arg, mesh_subscriber_state_t state)
{
    model_t *self = arg;
    assert(state != self->state);
    self->state = state;
}

static const mesh_follow_actions_t actions = {
    .deliver = on_deliver, .tell_gap = on_gap, .ask_replay = on_ask, .state_changed = on_state};

// ---- what may happen

static void
put_on_wire(model_t *self, const message_t *message)
{
    // A full queue drops at its tail.
    if (self->wire_count < WIRE_MOST)
        self->wire[self->wire_count++] = *message;
}

static void
take_off_wire(model_t *self, size_t at)
{
    self->wire_count--;
    memmove(&self->wire[at], &self->wire[at + 1],
            (self->wire_count - at) * sizeof self->wire[0]);
}

static void
make_event(model_t *self)
{
    broker_t *broker = current(self);
    if (broker->count == EVENTS_MOST)
        return;
    message_t message = {.epoch = broker->epoch, .previous = head_of(broker)};
    uint32_t hole = choose(self->choice, 8);
    message.offset = message.previous + 1 + (hole > 5 ? hole : 0);
    broker->offsets[broker->count++] = message.offset;
    self->counts.made++;
    put_on_wire(self, &message);
}

static void
make_uncommitted(model_t *self)
{
    put_on_wire(self, &(message_t){.flags = MESH_WIRE_UNCOMMITTED});
}

static void
make_head(model_t *self)
{
    const broker_t *broker = current(self);
    put_on_wire(self, &(message_t){.is_head = true,
                                   .epoch = broker->epoch,
                                   .offset = head_of(broker),
                                   .previous = head_of(broker)});
}

static void
arrive(model_t *self, uint32_t most)
{
    for (uint32_t i = 0; i < most && self->wire_count > 0; i++) {
        message_t message = self->wire[0];
        take_off_wire(self, 0);
        if (message.is_head) {
            mesh_cursor_t head = {message.epoch, message.offset};
            mesh_follow_head(self->follow, &head);
        } else {
            uint64_t content;
            mesh_event_t event = event_of(&message, &content);
            mesh_follow_live(self->follow, &event);
        }
    }
}

static void
drop(model_t *self)
{
    if (self->wire_count > 0)
        take_off_wire(self, choose(self->choice, 256) % self->wire_count);
}

static void
trim(model_t *self)
{
    broker_t *broker = current(self);
    size_t kept = broker->count - broker->trimmed;
    if (kept > 1)
        broker->trimmed += 1 + choose(self->choice, 256) % (kept - 1);
}

static void
fail_replay(model_t *self)
{
    if (!self->pending)
        return;
    self->pending = false;
    self->may_not_ask = true;
    mesh_follow_replay_failed(self->follow);
}

static void
answer_replay(model_t *self)
{
    const broker_t *broker = current(self);
    if (!self->pending)
        return;
    if (broker->epoch != self->after.epoch || self->after.offset > head_of(broker)) {
        fail_replay(self);
        return;
    }
    self->pending = false;
    size_t page = 1 + choose(self->choice, PAGE_MOST), given = 0;
    uint64_t to = head_of(broker);
    bool more = false;
    mesh_follow_page_begins(self->follow, broker->epoch, first_of(broker));
    for (size_t i = broker->trimmed; i < broker->count; i++) {
        if (broker->offsets[i] <= self->after.offset)
            continue;
        if (given == page) {
            more = true;
            to = broker->offsets[i - 1];
            break;
        }
        message_t message = {.epoch = broker->epoch,
                             .offset = broker->offsets[i],
                             .previous = i ? broker->offsets[i - 1] : 0};
        uint64_t content;
        mesh_event_t event = event_of(&message, &content);
        mesh_follow_page_event(self->follow, &event);
        given++;
    }
    mesh_follow_page_ends(self->follow, to, more);
}

static void
retry(model_t *self)
{
    self->may_not_ask = false;
    mesh_follow_retry(self->follow);
}

static void
go_away(model_t *self)
{
    self->pending = false;
    self->may_not_ask = false;
    mesh_follow_away(self->follow);
}

// The welcome may be older than what has come live meanwhile.
static void
welcome(model_t *self, size_t events_ago)
{
    broker_t *broker = current(self);
    size_t at = broker->count > events_ago ? broker->count - events_ago : 0;
    if (at < broker->trimmed)
        at = broker->trimmed;
    uint64_t head = at ? broker->offsets[at - 1] : 0;
    self->pending = false;
    self->may_not_ask = false;
    if (!self->positioned && !self->any_start) {
        self->place = (mesh_cursor_t){broker->epoch, head};
        broker->seen = head;
    }
    self->positioned = true;
    mesh_follow_welcome(self->follow, broker->epoch, first_of(broker), head);
}

static void
restart_broker(model_t *self)
{
    if (self->broker_count == BROKERS_MOST)
        return;
    self->previous = self->current;
    self->current = self->broker_count++;
    current(self)->epoch = 0x1000 + self->current;
    self->counts.epochs++;
    if (choose(self->choice, 2))
        self->wire_count = 0;    // else what it had sent still arrives
}

// Two brokers that live side by side: the program goes back to the one before.
static void
go_back(model_t *self)
{
    go_away(self);
    size_t back_to = self->previous;
    self->previous = self->current;
    self->current = back_to;
    welcome(self, 0);
}

static void
step(model_t *self)
{
    uint32_t what = choose(self->choice, 100);
    if (what < 35)
        make_event(self);
    else if (what < 60)
        arrive(self, 1 + choose(self->choice, 6));
    else if (what < 66)
        make_head(self);
    else if (what < 72)
        drop(self);
    else if (what < 75)
        trim(self);
    else if (what < 87)
        answer_replay(self);
    else if (what < 89)
        fail_replay(self);
    else if (what < 93)
        retry(self);
    else if (what < 94)
        go_away(self);
    else if (what < 97)
        welcome(self, choose(self->choice, 4));
    else if (what < 98)
        restart_broker(self);
    else if (what < 99)
        make_uncommitted(self);
    else if (choose(self->choice, 4) == 0)
        go_back(self);
}

// No more faults: the subscriber must come to the head by what a live broker says and answers.
static void
come_to_rest(model_t *self)
{
    arrive(self, WIRE_MOST);
    const broker_t *broker = current(self);
    if (self->state == MESH_SUBSCRIBER_AWAY ||
        mesh_follow_position(self->follow).epoch != broker->epoch)
        welcome(self, 0);
    for (size_t turn = 0; turn < REST_TURNS; turn++) {
        make_head(self);
        arrive(self, WIRE_MOST);
        mesh_cursor_t position = mesh_follow_position(self->follow);
        if (self->state == MESH_SUBSCRIBER_LIVE && position.offset >= head_of(broker))
            return;
        retry(self);
        answer_replay(self);
    }
    assert(false && "the subscriber does not catch up");
}

static void
check_rest(model_t *self)
{
    const broker_t *broker = current(self);
    mesh_cursor_t position = mesh_follow_position(self->follow);
    mesh_cursor_t head = mesh_follow_known_head(self->follow);
    assert(position.epoch == broker->epoch && head.epoch == broker->epoch);
    assert(position.offset == head_of(broker) && head.offset == head_of(broker));
    uint64_t place = self->any_start ? 0 : self->place.offset;
    assert(self->any_start || self->place.epoch == broker->epoch);
    // Beyond the last event seen there was nothing, or what is no longer kept.
    assert(made_between(broker, place, UINT64_MAX) == 0 || self->any_start);
}

follow_model_counts_t
follow_model_run(choice_t *choice)
{
    model_t self = {.choice = choice, .state = MESH_SUBSCRIBER_AWAY};
    self.brokers = zmalloc(BROKERS_MOST * sizeof *self.brokers);
    restart_broker(&self);
    mesh_from_t from = (mesh_from_t) choose(choice, 3);
    mesh_cursor_t cursor = {current(&self)->epoch, choose(choice, 20)};
    self.any_start = from == MESH_FROM_EARLIEST;
    if (from == MESH_FROM_CURSOR) {
        self.place = cursor;
        self.positioned = true;
        current(&self)->seen = cursor.offset;
    }
    self.follow = mesh_follow_new(from, &cursor, &actions, &self);
    while (!choice_is_over(choice))
        step(&self);
    come_to_rest(&self);
    check_rest(&self);
    mesh_follow_destroy(&self.follow);
    free(self.brokers);
    return self.counts;
}
