// sessions - per session the newest event of each type
// SPDX-License-Identifier: MPL-2.0
#include "sessions.h"

#include <assert.h>
#include <czmq.h>

static const char completed_type[] = "aider.session_completed";

typedef struct latest {
    char type[MESH_TYPE_SIZE];
    record_t *record;    // held
    bool changed;        // since changes were last taken
} latest_t;

typedef struct session {
    char id[MESH_SESSION_SIZE];
    bool completed;
    bool changed;    // one of the latest is
    size_t count;
    latest_t *latest;    // owned; `count` of them
    zlistx_t *list;      // borrowed; the one it is in
    void *handle;        // its place there
} session_t;

struct sessions {
    zhashx_t *by_id;        // id -> session_t; owned, with its items
    zlistx_t *live;         // session_t, the quietest first; borrowed
    zlistx_t *completed;    // session_t, the first completed first; borrowed
    size_t limit;
    bool changed;        // one of the sessions is
    char **forgotten;    // owned, with its texts
    size_t forgotten_count, forgotten_capacity;
};

static void
session_destroy(void **item_p)
{
    session_t *session = *item_p;
    for (size_t i = 0; i < session->count; i++)
        record_release(&session->latest[i].record);
    free(session->latest);
    free(session);
    *item_p = NULL;
}

sessions_t *
sessions_new(size_t limit)
{
    assert(limit > 0);
    sessions_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->by_id = zhashx_new();
    zhashx_set_key_duplicator(self->by_id, NULL);
    zhashx_set_key_destructor(self->by_id, NULL);
    zhashx_set_destructor(self->by_id, session_destroy);
    self->live = zlistx_new();
    self->completed = zlistx_new();
    return self;
}

void
sessions_destroy(sessions_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        sessions_t *self = *self_p;
        zlistx_destroy(&self->live);
        zlistx_destroy(&self->completed);
        zhashx_destroy(&self->by_id);
        for (size_t i = 0; i < self->forgotten_count; i++)
            free(self->forgotten[i]);
        free(self->forgotten);
        free(self);
        *self_p = NULL;
    }
}

static void
note_forgotten(sessions_t *self, const char *id)
{
    if (self->forgotten_count == self->forgotten_capacity) {
        self->forgotten_capacity = self->forgotten_capacity ? 2 * self->forgotten_capacity : 16;
        self->forgotten =
            realloc(self->forgotten, self->forgotten_capacity * sizeof *self->forgotten);
        assert(self->forgotten);
    }
    self->forgotten[self->forgotten_count++] = strdup(id);
}

static void
forget_one(sessions_t *self)
{
    session_t *session = zlistx_first(self->completed);
    if (!session)
        session = zlistx_first(self->live);
    note_forgotten(self, session->id);
    zlistx_delete(session->list, session->handle);
    zhashx_delete(self->by_id, session->id);
}

static session_t *
find_or_add(sessions_t *self, const char *id)
{
    session_t *session = zhashx_lookup(self->by_id, id);
    if (session)
        return session;
    if (zhashx_size(self->by_id) >= self->limit)
        forget_one(self);
    session = zmalloc(sizeof *session);
    memcpy(session->id, id, strlen(id) + 1);    // both are of MESH_SESSION_SIZE
    session->list = self->live;
    session->handle = zlistx_add_end(self->live, session);
    int rc = zhashx_insert(self->by_id, session->id, session);
    assert(rc == 0);
    return session;
}

static void
keep_latest(session_t *session, const char *type, record_t *record)
{
    latest_t *latest = session->latest;
    for (size_t i = 0; i < session->count; i++, latest++) {
        if (streq(latest->type, type)) {
            record_release(&latest->record);
            latest->record = record_hold(record);
            latest->changed = true;
            return;
        }
    }
    if (session->count == SESSIONS_TYPES_LIMIT)
        return;
    session->latest = realloc(session->latest, (session->count + 1) * sizeof *session->latest);
    assert(session->latest);
    latest = &session->latest[session->count++];
    memcpy(latest->type, type, strlen(type) + 1);    // both are of MESH_TYPE_SIZE
    latest->record = record_hold(record);
    latest->changed = true;
}

void
sessions_note(sessions_t *self, const mesh_topic_t *topic, record_t *record)
{
    if (topic->session[0] == '\0')
        return;
    session_t *session = find_or_add(self, topic->session);
    keep_latest(session, topic->type, record);
    session->changed = true;
    self->changed = true;
    if (streq(topic->type, completed_type) && !session->completed) {
        session->completed = true;
        zlistx_delete(session->list, session->handle);
        session->list = self->completed;
        session->handle = zlistx_add_end(self->completed, session);
    } else if (!session->completed) {
        zlistx_move_end(session->list, session->handle);
    }
}

static int
compare_ids(const void *left, const void *right)
{
    const session_t *const *a = left;
    const session_t *const *b = right;
    return strcmp((*a)->id, (*b)->id);
}

static int
compare_offsets(const void *left, const void *right)
{
    const latest_t *a = left;
    const latest_t *b = right;
    return (a->record->offset > b->record->offset) - (a->record->offset < b->record->offset);
}

const char *
sessions_visit(sessions_t *self, const char *after_session, sessions_visit_fn *visit, void *arg,
               bool *more)
{
    size_t count = zhashx_size(self->by_id);
    session_t **sorted = zmalloc((count + 1) * sizeof *sorted);
    size_t used = 0;
    for (session_t *session = zhashx_first(self->by_id); session;
         session = zhashx_next(self->by_id))
        if (strcmp(session->id, after_session) > 0)
            sorted[used++] = session;
    qsort(sorted, used, sizeof(session_t *), compare_ids);

    const char *last = "";
    size_t done = 0;
    bool wanted = true;
    for (; done < used && wanted; done++) {
        session_t *session = sorted[done];
        qsort(session->latest, session->count, sizeof *session->latest, compare_offsets);
        for (size_t i = 0; i < session->count && wanted; i++)
            wanted = visit(arg, session->latest[i].record);
        if (!wanted)
            break;
        last = session->id;
    }
    *more = done < used;
    free(sorted);
    return last;
}

size_t
sessions_take_changed(sessions_t *self, record_t **records, size_t limit)
{
    size_t count = 0;
    for (session_t *session = self->changed ? zhashx_first(self->by_id) : NULL; session;
         session = zhashx_next(self->by_id)) {
        if (!session->changed)
            continue;
        for (size_t i = 0; i < session->count; i++) {
            latest_t *latest = &session->latest[i];
            if (!latest->changed)
                continue;
            if (count == limit)
                return count;    // the rest is for the next time
            latest->changed = false;
            records[count++] = latest->record;
        }
        session->changed = false;
    }
    self->changed = false;
    return count;
}

char **
sessions_take_forgotten(sessions_t *self, size_t *count)
{
    char **forgotten = self->forgotten;
    *count = self->forgotten_count;
    self->forgotten = NULL;
    self->forgotten_count = 0;
    self->forgotten_capacity = 0;
    return forgotten;
}

void
sessions_mark_changed(sessions_t *self, bool changed)
{
    for (session_t *session = zhashx_first(self->by_id); session;
         session = zhashx_next(self->by_id)) {
        for (size_t i = 0; i < session->count; i++)
            session->latest[i].changed = changed;
        session->changed = changed;
    }
    self->changed = changed && zhashx_size(self->by_id) > 0;
}

bool
sessions_has(const sessions_t *self, const char *session)
{
    return zhashx_lookup(self->by_id, session) != NULL;
}

bool
sessions_has_ended(const sessions_t *self, const char *session)
{
    const session_t *known = zhashx_lookup(self->by_id, session);
    return known && known->completed;
}

void
sessions_visit_one(const sessions_t *self, const char *session, sessions_visit_fn *visit,
                   void *arg)
{
    const session_t *known = zhashx_lookup(self->by_id, session);
    for (size_t i = 0; known && i < known->count; i++)
        if (!visit(arg, known->latest[i].record))
            return;
}

void
sessions_remove(sessions_t *self, const char *session)
{
    session_t *known = zhashx_lookup(self->by_id, session);
    if (!known)
        return;
    zlistx_delete(known->list, known->handle);
    zhashx_delete(self->by_id, session);
}

size_t
sessions_size(const sessions_t *self)
{
    return zhashx_size(self->by_id);
}
