// relay_batches - events on their way through the journal: placed, committed, passed on
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "relay_private.h"

enum {
    SPARE_LIMIT = 4,
    LATEST_LIMIT = 2000,    // records of sessions handed over at a time
    LATEST_LAG = 1000,      // events after which the newest are said to be kept, changed or not
};

const topics_entry_t *
relay_topic_of(relay_t *self, arrival_t *arrival)
{
    return topics_read(self->topics, zmq_msg_data(&arrival->topic),
                       zmq_msg_size(&arrival->topic));
}

// ---- filling

static relay_batch_t *
new_batch(relay_t *self)
{
    relay_batch_t *batch = self->spare;
    if (batch) {
        self->spare = batch->next;
        self->spare_count--;
    } else {
        // Not zeroed: only what is in use is read.
        batch = malloc(sizeof *batch);
        assert(batch);
    }
    batch->journal = (journal_batch_t){.kind = JOURNAL_BATCH_EVENTS,
                                       .era = journal_era(self->journal),
                                       .entries = batch->entries,
                                       .owner = batch};
    batch->bytes = 0;
    batch->next = NULL;
    return batch;
}

static void
let_go(relay_t *self, relay_batch_t *batch)
{
    if (self->spare_count < SPARE_LIMIT) {
        batch->next = self->spare;
        self->spare = batch;
        self->spare_count++;
    } else {
        free(batch);
    }
}

arrival_t *
relay_next_arrival(relay_t *self)
{
    if (!self->filling)
        self->filling = new_batch(self);
    return &self->filling->arrivals[self->filling->journal.count];
}

void
relay_place(relay_t *self, mesh_header_t *header, mesh_family_t family, int64_t now_us)
{
    relay_batch_t *batch = self->filling;
    size_t at = batch->journal.count++;
    arrival_t *arrival = &batch->arrivals[at];
    uint8_t *frame = zmq_msg_data(&arrival->body);
    order_place(&self->order, header, now_us);
    mesh_wire_stamp(frame, header);
    batch->entries[at] = (journal_entry_t){
        .record =
            record_new(header->offset, zmq_msg_data(&arrival->topic),
                       zmq_msg_size(&arrival->topic), frame, zmq_msg_size(&arrival->body)),
        .source = header->source,
        .seq = header->seq,
        .recorded_us = header->recorded_us,
        .family = family,
    };
    size_t bytes = record_cost(batch->entries[at].record);
    batch->bytes += bytes;
    self->flight_bytes += bytes;
    self->flight_events++;
    self->counts.taken++;
    if (header->flags & MESH_WIRE_LATE)
        self->counts.late++;
    if (batch->journal.count == RELAY_BATCH_LIMIT)
        relay_submit(self, true);
}

bool
relay_has_room(const relay_t *self)
{
    return self->flight_events < self->queue_events && self->flight_bytes < self->queue_bytes;
}

void
relay_submit(relay_t *self, bool at_once)
{
    relay_batch_t *batch = self->filling;
    if (!batch || batch->journal.count == 0 || !(at_once || journal_is_idle(self->journal)))
        return;
    self->filling = NULL;
    journal_submit(self->journal, &batch->journal);
}

// ---- ending

static void
pass_on_committed(relay_t *self, arrival_t *arrival, const journal_entry_t *entry)
{
    if (entry->record) {
        const topics_entry_t *topic = relay_topic_of(self, arrival);
        assert(topic);    // it was read when it was taken
        // It may have been forgotten on its way.
        if (!forgotten_has(self->forgotten, topic->parts.session))
            sessions_note(self->sessions, &topic->parts, entry->record);
        if (arrival->own && streq(topic->parts.type, RELAY_FORGOTTEN_TYPE))
            relay_note_told(self, arrival);
        relay_forward(self, &arrival->topic, &arrival->body);
    }
    const void *holder = sequencer_commit(self->sequencer, &entry->source, entry->seq);
    if (holder)
        self->events->acknowledge(self->arg, holder, &entry->source);
}

// It has no place: it is passed on without one, and comes again.
static void
pass_on_uncommitted(relay_t *self, arrival_t *arrival)
{
    mesh_header_t header;
    uint8_t *frame = zmq_msg_data(&arrival->body);
    mesh_wire_outcome_t outcome =
        mesh_wire_decode(&header, frame, zmq_msg_size(&arrival->body));
    assert(outcome == MESH_WIRE_OK);    // it was read when it was taken
    if (arrival->own)
        relay_keep_own(self, arrival);
    header.flags |= MESH_WIRE_UNCOMMITTED;
    header.epoch = header.offset = header.previous = 0;
    mesh_wire_stamp(frame, &header);
    relay_forward(self, &arrival->topic, &arrival->body);
    self->counts.uncommitted++;
}

static void
on_ended(void *arg, journal_batch_t *ended)
{
    relay_t *self = arg;
    relay_batch_t *batch = ended->owner;
    for (size_t i = 0; i < ended->count; i++) {
        arrival_t *arrival = &batch->arrivals[i];
        if (ended->kept)
            pass_on_committed(self, arrival, &batch->entries[i]);
        else if (batch->entries[i].record)
            pass_on_uncommitted(self, arrival);
        record_release(&batch->entries[i].record);
        zmq_msg_close(&arrival->topic);
        zmq_msg_close(&arrival->body);
    }
    if (ended->count > 0)
        relay_forwarded(self);
    self->flight_events -= ended->count;
    self->ended += ended->count;
    self->flight_bytes -= batch->bytes;
    let_go(self, batch);
    relay_submit(self, false);
    if (self->paused && relay_has_room(self))
        relay_pause(self, false);
    self->events->ended(self->arg);
}

// ---- the journal comes and goes

// journal_visit_fn
static bool
restore_session(void *arg, record_t *record)
{
    relay_t *self = arg;
    mesh_topic_t topic;
    if (mesh_topic_parse(&topic, record_topic(record), record->topic_bytes) == 0 &&
        !forgotten_has(self->forgotten, topic.session))
        sessions_note(self->sessions, &topic, record);
    return true;
}

static void
restore_sessions(relay_t *self, const journal_opening_t *opening)
{
    (void) journal_read_latest(self->journal, restore_session, self);
    sessions_mark_changed(self->sessions, false);
    (void) journal_read(self->journal, opening->state.latest, restore_session, self, NULL);
    self->latest_through = opening->state.latest;
}

static void
ask_holder(void *arg, const void *holder, const mesh_uuid_t *source, uint64_t from)
{
    relay_t *self = arg;
    self->events->ask_again(self->arg, holder, source, from);
}

static void
on_opened(void *arg, const journal_opening_t *opening)
{
    relay_t *self = arg;
    // Events that wait for their batch were placed in an order that is broken off: they end
    // with those under way, in their turn.
    relay_submit(self, true);
    int64_t recorded_us = opening->state.recorded_us;
    if (self->order.recorded_us > recorded_us)
        recorded_us = self->order.recorded_us;
    self->order = order_after(opening->state.epoch, opening->state.head, recorded_us);
    for (size_t i = 0; i < opening->source_count; i++)
        sequencer_restore(self->sequencer, &opening->sources[i].source, opening->sources[i].seq,
                          opening->sources[i].registered);
    sequencer_take_back(self->sequencer, ask_holder, self);
    relay_restore_forgotten(self, opening);
    if (!self->restored)
        restore_sessions(self, opening);
    else
        sessions_mark_changed(self->sessions, true);
    self->restored = true;
    relay_place_own_again(self);
    relay_register_again(self);
    journal_alert_t alert =
        journal_watch_opened(&self->watch, opening->origin, opening->why, zclock_mono());
    relay_tell_alert(self, &alert);
    relay_send_head(self);
}

static void
on_down(void *arg, mesh_db_fault_t fault, const char *why)
{
    relay_t *self = arg;
    relay_submit(self, true);
    journal_alert_t alert = journal_watch_down(&self->watch, fault, why);
    relay_tell_alert(self, &alert);
}

const journal_events_t relay_journal_events = {
    .ended = on_ended,
    .opened = on_opened,
    .down = on_down,
    .forgotten = relay_on_forgotten,
    .forget_noted = relay_on_forget_noted,
    .forget_failed = relay_on_forget_failed,
};

void
relay_distrust_journal(relay_t *self, const char *why)
{
    sequencer_forget_restored(self->sequencer);
    journal_renew(self->journal, why);
}

// ---- sessions

void
relay_keep_sessions(relay_t *self)
{
    record_t *changed[LATEST_LIMIT];
    if (!journal_keeps_sessions(self->journal))
        return;
    if (journal_lost_latest(self->journal))
        sessions_mark_changed(self->sessions, true);
    size_t forgotten_count;
    uint64_t head = journal_head(self->journal);
    size_t count = sessions_take_changed(self->sessions, changed, LATEST_LIMIT);
    char **forgotten = sessions_take_forgotten(self->sessions, &forgotten_count);
    bool lagging = head > self->latest_through + LATEST_LAG;
    if (count == 0 && forgotten_count == 0 && !lagging)
        return;
    // When more is left, the next call says how far the newest are kept.
    uint64_t through = count < LATEST_LIMIT ? head : 0;
    if (through > 0)
        self->latest_through = through;
    journal_keep_latest(self->journal, changed, count, forgotten, forgotten_count, through);
}

void
relay_batches_destroy(relay_t *self)
{
    while (self->spare) {
        relay_batch_t *batch = self->spare;
        self->spare = batch->next;
        free(batch);
    }
    free(self->filling);
    for (size_t i = 0; i < self->own_count; i++) {
        zmq_msg_close(&self->own_waiting[i].topic);
        zmq_msg_close(&self->own_waiting[i].body);
    }
}
