// state_keeper - has what the monitor knows, has read and will say change in one transaction
// SPDX-License-Identifier: MPL-2.0
#include "state_keeper.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "mesh/log.h"
#include "sight.h"

enum {
    FORMER_SOURCES = 4,     // given up in one life; each needs another holder of the source
    OPEN_WAIT_MS = 1000,    // at the start: for a monitor that is about to end
};

typedef struct former_source {
    mesh_uuid_t source;
    uint64_t last;
} former_source_t;

struct state_keeper {
    char *path;    // owned; NULL to keep nothing
    bool durable;
    state_store_t *store;    // owned; NULL while nothing is open
    mesh_db_fault_t fault;
    int64_t retry_ms;    // while there is a fault
    bool hopeless;       // the file is not ours to write
    bool anew;           // nothing of what the file has counts: all is to be written
    bool forget;         // what was removed is to leave the file
    state_mark_t kept;
    uint64_t withdrawn;    // of the outbox, when it was kept
    char boot[MESH_LOCK_BOOT_ID_SIZE];
    mesh_uuid_t source;    // ours now
    former_source_t former[FORMER_SOURCES];
    size_t former_next;
};

state_keeper_t *
state_keeper_new(const char *path, bool durable)
{
    state_keeper_t *self = zmalloc(sizeof *self);
    self->path = path ? strdup(path) : NULL;
    self->durable = durable;
    mesh_lock_file_boot_id(self->boot);
    return self;
}

void
state_keeper_destroy(state_keeper_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        state_store_destroy(&(*self_p)->store);
        free((*self_p)->path);
        free(*self_p);
        *self_p = NULL;
    }
}

mesh_db_fault_t
state_keeper_fault(const state_keeper_t *self)
{
    return self->fault;
}

// ---- faults

// Do without the file from here on. The first fault of several is told.
static void
do_without(state_keeper_t *self, mesh_db_fault_t fault, const char *reason, int64_t now_ms)
{
    if (self->fault == MESH_DB_SOUND)
        mesh_log_error("state-not-kept",
                       "%s: %s; the monitor goes on without, and what it knows ends with it",
                       self->path, reason);
    self->fault = fault;
    self->retry_ms = now_ms + STATE_KEEPER_RETRY_MS;
    self->anew = true;
    state_store_destroy(&self->store);
}

void
state_keeper_refuse(state_keeper_t *self, const char *reason)
{
    assert(!self->path);
    mesh_log_error("state-not-kept", "%s; the monitor goes on without", reason);
    self->fault = MESH_DB_READ_ONLY;
    self->hopeless = true;
}

static int
rename_beside(const char *path, const char *suffix, const char *name)
{
    char *from = zsys_sprintf("%s%s", path, suffix);
    char *to = zsys_sprintf("%s.%s%s", path, name, suffix);
    int rc = rename(from, to);
    free(from);
    free(to);
    return rc == 0 || errno == ENOENT ? 0 : -1;
}

// Move a damaged file out of the way, with its log. Returns -1 where that cannot be done.
static int
set_aside(state_keeper_t *self, const char *reason)
{
    state_store_destroy(&self->store);
    // The log first: without its file it would be taken for the next one's.
    if (rename_beside(self->path, "-wal", "damaged") != 0 ||
        rename_beside(self->path, "", "damaged") != 0)
        return -1;
    mesh_log_error("state-damaged", "%s: %s; set aside as %s.damaged, begun anew", self->path,
                   reason, self->path);
    return 0;
}

// ---- opening

// state_store_request_fn: looking is all.
static int
look_at_request(void *arg, const request_t *request)
{
    (void) arg;
    (void) request;
    return 0;
}

// state_store_event_fn
static int
restore_event(void *arg, const mesh_spool_record_t *record)
{
    return mesh_outbox_restore(arg, record);
}

// Read all that is to be known before anything is done. Returns the outbox, or NULL when it
// cannot be read.
static mesh_outbox_t *
read_state(state_keeper_t *self, size_t limit_bytes)
{
    if (state_store_read_mark(self->store, &self->kept) != 0 ||
        state_store_read_requests(self->store, look_at_request, NULL) != 0)
        return NULL;
    if (mesh_uuid_is_zero(&self->kept.source))
        return mesh_outbox_new(limit_bytes);
    mesh_outbox_t *outbox = mesh_outbox_new_as(&self->kept.source, self->kept.acknowledged,
                                               self->kept.last, limit_bytes);
    if (state_store_read_events(self->store, restore_event, outbox) != 0)
        mesh_outbox_destroy(&outbox);
    return outbox;
}

// Open the file and read it. Nothing waits for us yet. Returns NULL with the fault and a reason
// for the caller to free.
static mesh_outbox_t *
try_open(state_keeper_t *self, size_t limit_bytes, mesh_db_fault_t *fault_p, char **reason_p)
{
    self->store = state_store_open(self->path, self->durable, OPEN_WAIT_MS, fault_p, reason_p);
    if (!self->store)
        return NULL;
    mesh_outbox_t *outbox = read_state(self, limit_bytes);
    if (!outbox) {
        *fault_p = state_store_fault(self->store);
        *reason_p = strdup(state_store_reason(self->store));
        state_store_destroy(&self->store);
        memset(&self->kept, 0, sizeof self->kept);
    }
    return outbox;
}

mesh_outbox_t *
state_keeper_open(state_keeper_t *self, size_t limit_bytes, mesh_cursor_t *consumed_p)
{
    assert(self && !self->store && consumed_p);
    mesh_outbox_t *outbox = NULL;
    if (self->path) {
        mesh_db_fault_t fault = MESH_DB_SOUND;
        char *reason = NULL;
        outbox = try_open(self, limit_bytes, &fault, &reason);
        if (!outbox && fault == MESH_DB_CORRUPT && set_aside(self, reason) == 0) {
            free(reason);
            reason = NULL;
            outbox = try_open(self, limit_bytes, &fault, &reason);
        }
        if (!outbox)
            do_without(self, fault, reason, 0);
        self->hopeless = fault == MESH_DB_NEWER;
        free(reason);
    }
    if (!outbox)
        outbox = mesh_outbox_new(limit_bytes);
    self->source = *mesh_outbox_source(outbox);
    *consumed_p = self->kept.consumed;
    mesh_outbox_hold_after(outbox, state_keeper_sendable(self, outbox));
    return outbox;
}

typedef struct restoring {
    request_watch_t *watch;
    int64_t shift_ms;
    int64_t now_ms;
    size_t count;
} restoring_t;

// A time cannot be after now: the clocks contradict each other then.
static int64_t
shift(const restoring_t *self, int64_t at_ms)
{
    return at_ms + self->shift_ms < self->now_ms ? at_ms + self->shift_ms : self->now_ms;
}

// state_store_request_fn
static int
restore_request(void *arg, const request_t *kept)
{
    restoring_t *restoring = arg;
    request_t request = *kept;
    request.started_ms = shift(restoring, kept->started_ms);
    request.progress_ms = shift(restoring, kept->progress_ms);
    request.heard_ms = shift(restoring, kept->heard_ms);
    if (request_watch_restore(restoring->watch, &request, restoring->now_ms) != 0)
        return -1;
    restoring->count++;
    return 0;
}

int64_t
state_keeper_shift_ms(const state_mark_t *mark, const char *boot, int64_t now_ms,
                      int64_t wall_us)
{
    if (boot[0] != '\0' && streq(mark->boot, boot) && mark->mono_ms <= now_ms)
        return 0;
    return now_ms - sight_age_ms(mark->wall_us, wall_us) - mark->mono_ms;
}

size_t
state_keeper_restore(state_keeper_t *self, request_watch_t *watch, int64_t now_ms,
                     int64_t wall_us)
{
    if (!self->store)
        return 0;
    restoring_t restoring = {
        .watch = watch,
        .shift_ms = state_keeper_shift_ms(&self->kept, self->boot, now_ms, wall_us),
        .now_ms = now_ms,
    };
    if (state_store_read_requests(self->store, restore_request, &restoring) != 0)
        do_without(self, state_store_fault(self->store), state_store_reason(self->store),
                   now_ms);
    // All that is kept is by one clock.
    if (restoring.shift_ms != 0)
        self->anew = true;
    return restoring.count;
}

// Open the file again after a fault, as far as it is ours; at once or not, since the mesh is
// not to wait. Returns 0, or -1 with *reason_p for the caller to free.
static int
reopen(state_keeper_t *self, mesh_db_fault_t *fault_p, char **reason_p)
{
    state_mark_t found = {0};
    self->store = state_store_open(self->path, self->durable, 0, fault_p, reason_p);
    if (!self->store)
        return -1;
    if (state_store_read_mark(self->store, &found) != 0) {
        *fault_p = state_store_fault(self->store);
        *reason_p = strdup(state_store_reason(self->store));
        return -1;
    }
    // What another monitor has written meanwhile, or before we could read it, is not ours.
    if (!mesh_uuid_is_zero(&found.source) && !state_keeper_has_said(self, &found.source, 0)) {
        *fault_p = MESH_DB_BUSY;
        *reason_p = strdup("it is another monitor's");
        self->hopeless = true;
        return -1;
    }
    return 0;
}

// Open the file again, to write all of it. Returns 0, or -1.
static int
open_again(state_keeper_t *self, int64_t now_ms)
{
    mesh_db_fault_t fault = MESH_DB_SOUND;
    char *reason = NULL;
    self->retry_ms = now_ms + STATE_KEEPER_RETRY_MS;
    if (self->fault == MESH_DB_CORRUPT && set_aside(self, "it is damaged") != 0)
        return -1;
    if (reopen(self, &fault, &reason) == 0)
        return 0;
    do_without(self, fault, reason, now_ms);
    free(reason);
    return -1;
}

// ---- keeping

bool
state_keeper_is_due(const state_keeper_t *self, const request_watch_t *watch,
                    const mesh_outbox_t *outbox, const mesh_cursor_t *consumed, int64_t now_ms)
{
    if (!self->path || self->hopeless)
        return false;
    if (self->fault != MESH_DB_SOUND)
        return now_ms >= self->retry_ms;
    const request_table_t *table = request_watch_table(watch);
    size_t removed = 0;
    (void) request_table_removed(table, &removed);
    return self->anew || self->kept.consumed.epoch != consumed->epoch ||
           self->kept.consumed.offset != consumed->offset || removed > 0 ||
           request_table_first_changed(table) ||
           self->kept.last != mesh_outbox_next_seq(outbox) - 1 ||
           self->kept.acknowledged != mesh_outbox_acknowledged(outbox) ||
           self->withdrawn != mesh_outbox_withdrawn(outbox) ||
           !mesh_uuid_equal(&self->kept.source, mesh_outbox_source(outbox));
}

static int
put_requests(state_keeper_t *self, const request_table_t *table)
{
    if (self->anew && state_store_remove_requests(self->store) != 0)
        return -1;
    size_t count = 0;
    const uint64_t *removed = request_table_removed(table, &count);
    for (size_t i = 0; i < count; i++)
        if (state_store_remove_request(self->store, removed[i]) != 0)
            return -1;
    const request_t *request = request_table_first_changed(table);
    for (; request; request = request->newer_changed)
        if (state_store_put_request(self->store, request) != 0)
            return -1;
    return 0;
}

// mesh_outbox_walk_fn
static int
put_event(void *arg, const mesh_spool_record_t *record)
{
    const state_keeper_t *self = arg;
    return state_store_put_event(self->store, record);
}

// Events come at the end and go at the beginning; where some went from the middle, or all are
// of another source, all are written.
static int
put_events(state_keeper_t *self, mesh_outbox_t *outbox)
{
    bool all = self->anew || self->withdrawn != mesh_outbox_withdrawn(outbox) ||
               !mesh_uuid_equal(&self->kept.source, mesh_outbox_source(outbox));
    uint64_t gone = all ? INT64_MAX : mesh_outbox_acknowledged(outbox);
    if ((all || gone != self->kept.acknowledged) &&
        state_store_remove_events(self->store, gone) != 0)
        return -1;
    return mesh_outbox_walk(outbox, all ? 0 : self->kept.last, put_event, self);
}

static int
put_all(state_keeper_t *self, const request_table_t *table, mesh_outbox_t *outbox,
        const state_mark_t *mark)
{
    if (state_store_begin(self->store) != 0 || put_requests(self, table) != 0 ||
        put_events(self, outbox) != 0 || state_store_put_mark(self->store, mark) != 0)
        return -1;
    return state_store_commit(self->store);
}

int
state_keeper_keep(state_keeper_t *self, request_watch_t *watch, mesh_outbox_t *outbox,
                  const mesh_cursor_t *consumed, int64_t now_ms, int64_t wall_us)
{
    assert(self && self->path && !self->hopeless);
    request_table_t *table = request_watch_own_table(watch);
    if (self->anew)
        request_table_unwritten(table);
    if (!self->store && open_again(self, now_ms) != 0)
        return -1;
    state_mark_t mark = {
        .consumed = *consumed,
        .source = *mesh_outbox_source(outbox),
        .acknowledged = mesh_outbox_acknowledged(outbox),
        .last = mesh_outbox_next_seq(outbox) - 1,
        .mono_ms = now_ms,
        .wall_us = wall_us,
    };
    memcpy(mark.boot, self->boot, sizeof mark.boot);
    uint64_t withdrawn = mesh_outbox_withdrawn(outbox);
    if (put_all(self, table, outbox, &mark) != 0 ||
        (self->forget && state_store_empty_log(self->store) != 0)) {
        do_without(self, state_store_fault(self->store), state_store_reason(self->store),
                   now_ms);
        return -1;
    }
    request_table_written(table);
    self->kept = mark;
    self->source = mark.source;
    self->withdrawn = withdrawn;
    self->anew = false;
    self->forget = false;
    if (self->fault != MESH_DB_SOUND)
        mesh_log_info("state-kept-again", "%s", self->path);
    self->fault = MESH_DB_SOUND;
    return 0;
}

uint64_t
state_keeper_sendable(const state_keeper_t *self, const mesh_outbox_t *outbox)
{
    if (!self->path || self->fault != MESH_DB_SOUND)
        return UINT64_MAX;
    return mesh_uuid_equal(&self->kept.source, mesh_outbox_source(outbox)) ? self->kept.last
                                                                           : 0;
}

void
state_keeper_forget(state_keeper_t *self)
{
    self->forget = true;
}

// ---- what we have said

void
state_keeper_renewed(state_keeper_t *self, const mesh_outbox_t *former, mesh_outbox_t *renewed)
{
    self->former[self->former_next] =
        (former_source_t){*mesh_outbox_source(former), mesh_outbox_ever_sent(former)};
    self->former_next = (self->former_next + 1) % FORMER_SOURCES;
    self->source = *mesh_outbox_source(renewed);
    mesh_outbox_hold_after(renewed, state_keeper_sendable(self, renewed));
}

bool
state_keeper_has_said(const state_keeper_t *self, const mesh_uuid_t *source, uint64_t seq)
{
    for (size_t i = 0; i < FORMER_SOURCES; i++)
        if (mesh_uuid_equal(&self->former[i].source, source))
            return seq <= self->former[i].last;
    return mesh_uuid_equal(&self->source, source);
}
