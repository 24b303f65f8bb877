// journal_append - adds batches to the store's transaction
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "journal_store_private.h"
#include "mesh/topic.h"

static journal_run_event_t
event_of(const record_t *record, mesh_family_t family)
{
    return (journal_run_event_t){
        .offset = record->offset,
        .family = family,
        .topic = record_topic(record),
        .topic_bytes = record->topic_bytes,
        .body = record_body(record),
        .body_bytes = record->body_bytes,
    };
}

// Write the run that is being made, whose last event was recorded then.
static int
end_run(journal_store_t *self, int64_t recorded_us)
{
    const journal_run_t *run = &self->run;
    sqlite3_stmt *statement = store_use(self, STORE_ADD_RUN);
    if (!statement)
        return -1;
    store_bind_number(statement, 1, run->last);
    store_bind_number(statement, 2, run->first);
    store_bind_number(statement, 3, run->count);
    sqlite3_bind_int64(statement, 4, recorded_us);
    sqlite3_bind_int64(statement, 5, journal_run_sum(run->last, run->bytes, run->used));
    store_bind_bytes(statement, 6, run->bytes, run->used);
    int rc = store_run(self, statement);
    journal_run_clear(&self->run);
    return rc;
}

static int
put_registered(journal_store_t *self, const mesh_uuid_t *source)
{
    sqlite3_stmt *statement = store_use(self, STORE_REGISTER);
    if (!statement)
        return -1;
    store_bind_bytes(statement, 1, source->bytes, MESH_UUID_BYTES);
    return store_run(self, statement);
}

static int
add_events(journal_store_t *self, const journal_batch_t *batch)
{
    journal_state_t *state = &self->changing;
    journal_run_clear(&self->run);
    for (size_t i = 0; i < batch->count; i++) {
        const journal_entry_t *entry = &batch->entries[i];
        const record_t *record = entry->record;
        if (!record) {
            if (entry->registers && put_registered(self, &entry->source) != 0)
                return -1;
            high_water_note(&self->sources, &entry->source, entry->seq, entry->recorded_us);
            continue;
        }
        assert(record->offset > state->head && record->offset <= state->reserved);
        if (journal_run_is_full(&self->run, record->topic_bytes, record->body_bytes) &&
            end_run(self, state->recorded_us) != 0)
            return -1;
        journal_run_event_t event = event_of(record, entry->family);
        journal_run_add(&self->run, &event);
        high_water_note(&self->sources, &entry->source, entry->seq, entry->recorded_us);
        state->head = record->offset;
        state->recorded_us = entry->recorded_us;
        state->events++;
    }
    return self->run.count > 0 ? end_run(self, state->recorded_us) : 0;
}

static int
put_latest(journal_store_t *self, const record_t *record)
{
    mesh_topic_t topic;
    int parsed = mesh_topic_parse(&topic, record_topic(record), record->topic_bytes);
    assert(parsed == 0);    // it was parsed when it was taken
    sqlite3_stmt *statement = store_use(self, STORE_PUT_LATEST);
    if (!statement)
        return -1;
    journal_run_t *run = &self->run;
    journal_run_event_t event = event_of(record, mesh_family_of(topic.type));
    journal_run_clear(run);
    journal_run_add(run, &event);
    sqlite3_bind_text(statement, 1, topic.session, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, topic.type, -1, SQLITE_STATIC);
    store_bind_number(statement, 3, record->offset);
    sqlite3_bind_int64(statement, 4, journal_run_sum(run->last, run->bytes, run->used));
    store_bind_bytes(statement, 5, run->bytes, run->used);
    return store_run(self, statement);
}

static int
add_latest(journal_store_t *self, const journal_batch_t *batch)
{
    for (size_t i = 0; i < batch->forgotten_count; i++) {
        sqlite3_stmt *statement = store_use(self, STORE_FORGET_LATEST);
        if (!statement)
            return -1;
        sqlite3_bind_text(statement, 1, batch->forgotten[i], -1, SQLITE_STATIC);
        if (store_run(self, statement) != 0)
            return -1;
    }
    for (size_t i = 0; i < batch->count; i++)
        if (put_latest(self, batch->entries[i].record) != 0)
            return -1;
    if (batch->through > self->changing.latest)
        self->changing.latest = batch->through;
    return 0;
}

int
journal_store_add(journal_store_t *self, const journal_batch_t *batch)
{
    static int (*const adds[])(journal_store_t *, const journal_batch_t *) = {
        [JOURNAL_BATCH_EVENTS] = add_events,
        [JOURNAL_BATCH_LATEST] = add_latest,
        [JOURNAL_BATCH_FORGET] = store_begin_forgetting,
        [JOURNAL_BATCH_TOLD] = store_end_forgetting,
    };
    return adds[batch->kind](self, batch) == 0 ? 0 : store_roll_back(self);
}

// Each source once, whatever the number of its events.
static int
put_sources(journal_store_t *self)
{
    for (size_t i = 0; i < self->sources.count; i++) {
        const high_water_mark_t *mark = &self->sources.marks[i];
        sqlite3_stmt *statement = store_use(self, STORE_PUT_SOURCE);
        if (!statement)
            return -1;
        store_bind_bytes(statement, 1, mark->source.bytes, MESH_UUID_BYTES);
        store_bind_number(statement, 2, mark->seq);
        sqlite3_bind_int64(statement, 3, mark->recorded_us);
        if (store_run(self, statement) != 0)
            return -1;
    }
    return 0;
}

int
journal_store_commit(journal_store_t *self)
{
    return put_sources(self) == 0 ? store_finish(self) : store_roll_back(self);
}
