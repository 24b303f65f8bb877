// request_table - the requests the monitor knows, open and lately finished, up to a limit
// SPDX-License-Identifier: MPL-2.0
#include "request_table.h"

#include <assert.h>
#include <czmq.h>

enum { KEY_SIZE = 2 * OBSERVATION_ID_SIZE };

typedef struct age_list {
    request_t *oldest;
    request_t *newest;
    size_t size;
} age_list_t;

typedef struct change_list {
    request_t *oldest, *newest;
} change_list_t;

struct request_table {
    zhashx_t *by_key;        // request_t by session, 0x1f, request; the requests are owned
    zhashx_t *by_session;    // the newest open request_t of each session; borrowed
    age_list_t open;
    age_list_t finished;
    size_t limit;
    uint64_t last_number, last_place;
    change_list_t changed;
    uint64_t *removed;    // owned; numbers of those that were written
    size_t removed_count, removed_room;
};

// 0x1f cannot stand in an id: event_reader refuses control characters there.
static void
key_of(char key[static KEY_SIZE], const char *session, const char *request)
{
    (void) snprintf(key, KEY_SIZE, "%s\x1f%s", session, request);
}

// zhashx destructors take void **; casting a request_t ** function to that type would be called
// through the wrong type, which C leaves undefined.
static void
request_free(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

request_table_t *
request_table_new(size_t limit)
{
    assert(limit > 0);
    request_table_t *self = zmalloc(sizeof *self);
    self->by_key = zhashx_new();
    zhashx_set_destructor(self->by_key, request_free);
    self->by_session = zhashx_new();
    self->limit = limit;
    return self;
}

void
request_table_destroy(request_table_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->by_session);
        zhashx_destroy(&(*self_p)->by_key);
        free((*self_p)->removed);
        free(*self_p);
        *self_p = NULL;
    }
}

request_t *
request_table_find(const request_table_t *self, const char *session, const char *request)
{
    char key[KEY_SIZE];
    key_of(key, session, request);
    return zhashx_lookup(self->by_key, key);
}

bool
request_table_is_full(const request_table_t *self)
{
    return request_table_size(self) >= self->limit;
}

request_t *
request_table_oldest(const request_table_t *self)
{
    return self->finished.oldest ? self->finished.oldest : self->open.oldest;
}

static void
age_list_append(age_list_t *list, request_t *request)
{
    request->older = list->newest;
    request->newer = NULL;
    if (list->newest)
        list->newest->newer = request;
    else
        list->oldest = request;
    list->newest = request;
    list->size++;
}

static void
age_list_remove(age_list_t *list, request_t *request)
{
    if (request->older)
        request->older->newer = request->newer;
    else
        list->oldest = request->newer;
    if (request->newer)
        request->newer->older = request->older;
    else
        list->newest = request->older;
    list->size--;
}

// ---- what has changed

void
request_table_touch(request_table_t *self, request_t *request)
{
    if (request->changed)
        return;
    change_list_t *list = &self->changed;
    request->changed = true;
    request->older_changed = list->newest;
    request->newer_changed = NULL;
    *(list->newest ? &list->newest->newer_changed : &list->oldest) = request;
    list->newest = request;
}

static void
leave_changed(request_table_t *self, request_t *request)
{
    if (!request->changed)
        return;
    change_list_t *list = &self->changed;
    request_t *older = request->older_changed, *newer = request->newer_changed;
    *(older ? &older->newer_changed : &list->oldest) = newer;
    *(newer ? &newer->older_changed : &list->newest) = older;
    request->changed = false;
}

static void
note_removal(request_table_t *self, const request_t *request)
{
    if (!request->written)
        return;
    if (self->removed_count == self->removed_room) {
        self->removed_room = self->removed_room ? 2 * self->removed_room : 16;
        self->removed = realloc(self->removed, self->removed_room * sizeof *self->removed);
        assert(self->removed);
    }
    self->removed[self->removed_count++] = request->number;
}

const request_t *
request_table_first_changed(const request_table_t *self)
{
    return self->changed.oldest;
}

const uint64_t *
request_table_removed(const request_table_t *self, size_t *count_p)
{
    *count_p = self->removed_count;
    return self->removed;
}

void
request_table_written(request_table_t *self)
{
    while (self->changed.oldest) {
        request_t *request = self->changed.oldest;
        leave_changed(self, request);
        request->written = true;
    }
    self->removed_count = 0;
}

void
request_table_unwritten(request_table_t *self)
{
    request_t *lists[] = {self->open.oldest, self->finished.oldest};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (request_t *request = lists[i]; request; request = request->newer) {
            request->written = false;
            request_table_touch(self, request);
        }
    }
    self->removed_count = 0;
}

// ---- coming and going

// The request moves to where the newest are.
static void
move(request_table_t *self, request_t *request)
{
    request->place = ++self->last_place;
    request_table_touch(self, request);
}

static void
set_newest_of_session(request_table_t *self, const char *session, request_t *request)
{
    if (request)
        zhashx_update(self->by_session, session, request);
    else
        zhashx_delete(self->by_session, session);
}

static void
enter_open(request_table_t *self, request_t *request)
{
    request->finished = false;
    age_list_append(&self->open, request);
    request->previous_of_session = NULL;
    request->next_of_session = request_table_of_session(self, request->session);
    if (request->next_of_session)
        request->next_of_session->previous_of_session = request;
    set_newest_of_session(self, request->session, request);
}

static void
leave_open(request_table_t *self, request_t *request)
{
    age_list_remove(&self->open, request);
    if (request->previous_of_session)
        request->previous_of_session->next_of_session = request->next_of_session;
    else
        set_newest_of_session(self, request->session, request->next_of_session);
    if (request->next_of_session)
        request->next_of_session->previous_of_session = request->previous_of_session;
    request->previous_of_session = NULL;
    request->next_of_session = NULL;
}

request_t *
request_table_add(request_table_t *self, const char *session, const char *request)
{
    assert(!request_table_is_full(self));
    request_t *added = zmalloc(sizeof *added);
    (void) snprintf(added->session, sizeof added->session, "%s", session);
    (void) snprintf(added->request, sizeof added->request, "%s", request);
    added->deadline.item = added;

    char key[KEY_SIZE];
    key_of(key, session, request);
    int rc = zhashx_insert(self->by_key, key, added);
    assert(rc == 0);    // it was not in the table
    (void) rc;
    added->number = ++self->last_number;
    enter_open(self, added);
    move(self, added);
    return added;
}

request_t *
request_table_restore(request_table_t *self, const request_t *kept)
{
    assert(!request_table_is_full(self));
    char key[KEY_SIZE];
    key_of(key, kept->session, kept->request);
    request_t *added = zmalloc(sizeof *added);
    *added = *kept;
    if (zhashx_insert(self->by_key, key, added) != 0) {
        free(added);
        return NULL;
    }
    added->deadline = (deadline_t){.item = added};
    added->changed = false;
    added->written = true;
    if (added->number > self->last_number)
        self->last_number = added->number;
    if (added->place > self->last_place)
        self->last_place = added->place;
    if (kept->finished)
        age_list_append(&self->finished, added);
    else
        enter_open(self, added);
    return added;
}

void
request_table_forget(request_table_t *self, request_t *request)
{
    assert(request->deadline.place == 0);
    leave_changed(self, request);
    note_removal(self, request);
    if (request->finished)
        age_list_remove(&self->finished, request);
    else
        leave_open(self, request);
    char key[KEY_SIZE];
    key_of(key, request->session, request->request);
    zhashx_delete(self->by_key, key);
}

void
request_table_finish(request_table_t *self, request_t *request)
{
    if (request->finished)
        return;
    leave_open(self, request);
    request->finished = true;
    age_list_append(&self->finished, request);
    move(self, request);
}

void
request_table_reopen(request_table_t *self, request_t *request)
{
    if (!request->finished)
        return;
    age_list_remove(&self->finished, request);
    enter_open(self, request);
    move(self, request);
}

request_t *
request_table_of_session(const request_table_t *self, const char *session)
{
    return zhashx_lookup(self->by_session, session);
}

request_t *
request_table_first_open(const request_table_t *self)
{
    return self->open.oldest;
}

request_t *
request_table_first_finished(const request_table_t *self)
{
    return self->finished.oldest;
}

size_t
request_table_open_count(const request_table_t *self)
{
    return self->open.size;
}

size_t
request_table_size(const request_table_t *self)
{
    return self->open.size + self->finished.size;
}
