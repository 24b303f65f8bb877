// session_table - what is known of each session: its labels, and whether it has ended
// SPDX-License-Identifier: MPL-2.0
#include "session_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "payload_json.h"

typedef struct session {
    char *id;          // owned; also the key in by_id
    json_t *labels;    // owned; NULL for none
    bool ended;
    int64_t ended_ms;
    void *place;    // handle in running or finished
} session_t;

struct session_table {
    zhashx_t *by_id;       // session_t, owned
    zlistx_t *running;     // session_t, begun longest ago first
    zlistx_t *finished;    // session_t, finished longest ago first
    size_t limit;
};

static void
session_destroy(void **item_p)
{
    session_t *session = *item_p;
    if (session) {
        json_decref(session->labels);
        free(session->id);
        free(session);
        *item_p = NULL;
    }
}

session_table_t *
session_table_new(size_t limit)
{
    assert(limit > 0);
    session_table_t *self = calloc(1, sizeof *self);
    assert(self);
    self->by_id = zhashx_new();
    zhashx_set_destructor(self->by_id, session_destroy);
    self->running = zlistx_new();
    self->finished = zlistx_new();
    self->limit = limit;
    return self;
}

void
session_table_destroy(session_table_t **self_p)
{
    assert(self_p);
    session_table_t *self = *self_p;
    if (self) {
        zlistx_destroy(&self->running);
        zlistx_destroy(&self->finished);
        zhashx_destroy(&self->by_id);
        free(self);
        *self_p = NULL;
    }
}

static void
forget_one(session_table_t *self)
{
    zlistx_t *list = zlistx_size(self->finished) > 0 ? self->finished : self->running;
    session_t *oldest = zlistx_detach(list, NULL);
    zhashx_delete(self->by_id, oldest->id);
}

static session_t *
session_of(session_table_t *self, const char *id)
{
    session_t *session = zhashx_lookup(self->by_id, id);
    if (session)
        return session;
    if (zhashx_size(self->by_id) == self->limit)
        forget_one(self);
    session = calloc(1, sizeof *session);
    assert(session);
    session->id = strdup(id);
    assert(session->id);
    session->place = zlistx_add_end(self->running, session);
    zhashx_insert(self->by_id, id, session);
    return session;
}

static void
learn_labels(session_t *session, const char *payload, size_t payload_bytes)
{
    json_t *json = payload_json_read(payload, payload_bytes);
    json_t *labels = json_object_get(json, "labels");
    json_decref(session->labels);
    session->labels = json_is_object(labels) ? json_incref(labels) : NULL;
    json_decref(json);
}

void
session_table_note(session_table_t *self, const char *id, const char *type, const char *payload,
                   size_t payload_bytes, int64_t now_ms)
{
    session_t *session = session_of(self, id);
    bool starts = strcmp(type, "aider.session_started") == 0;
    bool ends = strcmp(type, "aider.session_completed") == 0;
    if (starts)
        learn_labels(session, payload, payload_bytes);
    if ((starts && session->ended) || (ends && !session->ended)) {
        zlistx_detach(session->ended ? self->finished : self->running, session->place);
        session->ended = ends;
        session->place = zlistx_add_end(ends ? self->finished : self->running, session);
    }
    if (ends)
        session->ended_ms = now_ms;
}

void
session_table_forget(session_table_t *self, const char *id)
{
    session_t *session = zhashx_lookup(self->by_id, id);
    if (!session)
        return;
    zlistx_detach(session->ended ? self->finished : self->running, session->place);
    zhashx_delete(self->by_id, id);
}

bool
session_table_ended(const session_table_t *self, const char *id, int64_t after_ms,
                    int64_t now_ms)
{
    const session_t *session = zhashx_lookup(self->by_id, id);
    return session && session->ended && now_ms - session->ended_ms >= after_ms;
}

const json_t *
session_table_labels(const session_table_t *self, const char *id)
{
    const session_t *session = zhashx_lookup(self->by_id, id);
    return session ? session->labels : NULL;
}

size_t
session_table_size(const session_table_t *self)
{
    return zhashx_size(self->by_id);
}

size_t
session_table_running(const session_table_t *self)
{
    return zlistx_size(self->running);
}
