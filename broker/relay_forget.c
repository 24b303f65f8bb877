// relay_forget - a session is forgotten: what is there of it goes, what comes of it is let go
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "mesh/clock.h"
#include "mesh/cursor.h"
#include "mesh/log.h"
#include "mesh/wire.h"
#include "relay_private.h"

bool
relay_forget(relay_t *self, const char *session)
{
    assert(self && session);
    bool fresh = forgotten_add(self->forgotten, session);
    sessions_remove(self->sessions, session);
    // What was taken in before is removed with the rest.
    relay_submit(self, true);
    journal_forget(self->journal, session);
    return fresh;
}

void
relay_discard(relay_t *self, const mesh_header_t *header, int64_t now_us)
{
    relay_batch_t *batch = self->filling;
    size_t at = batch->journal.count++;
    batch->entries[at] =
        (journal_entry_t){.source = header->source, .seq = header->seq, .recorded_us = now_us};
    self->flight_events++;
    self->counts.forgotten++;
    if (batch->journal.count == RELAY_BATCH_LIMIT)
        relay_submit(self, true);
}

static json_t *
cursor_json(uint64_t epoch, uint64_t offset)
{
    mesh_cursor_t cursor = {epoch, offset};
    char text[MESH_CURSOR_SIZE];
    mesh_cursor_format(&cursor, text);
    return json_string(text);
}

void
relay_on_forgotten(void *arg, const journal_forgotten_t *what)
{
    relay_t *self = arg;
    json_t *range = json_object();
    if (what->removed > 0) {
        uint64_t epoch = journal_epoch(self->journal);
        json_object_set_new(range, "first", cursor_json(epoch, what->first));
        json_object_set_new(range, "last", cursor_json(epoch, what->last));
    }
    mesh_log_info("session-forgotten", "%s, %llu events", what->session,
                  (unsigned long long) what->removed);
    json_t *payload = json_pack("{s:s, s:I, s:O}", "session_id", what->session, "removed",
                                (json_int_t) what->removed, "types", what->types);
    assert(payload);
    json_object_update(payload, range);
    relay_announce(self, RELAY_FORGOTTEN_TYPE, payload);
    self->events->forgotten(self->arg, what, range);
    json_decref(range);
}

void
relay_on_forget_noted(void *arg, const char *session)
{
    relay_t *self = arg;
    forgotten_note(self->forgotten, session, true);
}

void
relay_on_forget_failed(void *arg, const char *session)
{
    relay_t *self = arg;
    // Asked for again it is begun again.
    forgotten_remove(self->forgotten, session);
    self->events->forget_failed(self->arg, session);
}

void
relay_note_told(relay_t *self, arrival_t *arrival)
{
    const char *text = (const char *) zmq_msg_data(&arrival->body) + MESH_WIRE_HEADER_BYTES;
    size_t bytes = zmq_msg_size(&arrival->body) - MESH_WIRE_HEADER_BYTES;
    json_t *payload = json_loadb(text, bytes, 0, NULL);
    const char *session = json_string_value(json_object_get(payload, "session_id"));
    if (session)
        journal_told(self->journal, session);
    json_decref(payload);
}

// The journal may be another one than that which knew them.
void
relay_restore_forgotten(relay_t *self, const journal_opening_t *opening)
{
    forgotten_t *known = forgotten_new(JOURNAL_FORGOTTEN_LIMIT);
    for (size_t i = 0; i < opening->forgotten_count; i++) {
        (void) forgotten_add(known, opening->forgotten[i].session);
        (void) forgotten_add(self->forgotten, opening->forgotten[i].session);
        forgotten_note(self->forgotten, opening->forgotten[i].session, true);
    }
    for (const char *session = forgotten_first(self->forgotten); session;
         session = forgotten_next(self->forgotten))
        if (!forgotten_has(known, session)) {
            forgotten_note(self->forgotten, session, false);
            journal_forget(self->journal, session);
        }
    forgotten_destroy(&known);
}
