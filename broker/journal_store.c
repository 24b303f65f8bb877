// journal_store - one SQLite file of events, by offset; each change is a transaction
// SPDX-License-Identifier: MPL-2.0
#include "journal_store.h"

#include <assert.h>
#include <czmq.h>
#include <sys/stat.h>

#include "journal_store_private.h"
#include "mesh/db_file.h"
#include "mesh/topic.h"

enum {
    PAGE_BYTES = 4096,
    WAL_FRAME_BYTES = PAGE_BYTES + 24,
    RESTART_WAIT_MS = 50,    // for readers, of which each reads one page of an answer
};

// ---- state

static int
read_state(journal_store_t *self)
{
    sqlite3_stmt *statement = store_use(self, STORE_READ_STATE);
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        self->state = (journal_state_t){
            .epoch = (uint64_t) sqlite3_column_int64(statement, 0),
            .generation = (uint64_t) sqlite3_column_int64(statement, 1),
            .reserved = (uint64_t) sqlite3_column_int64(statement, 2),
            .latest = (uint64_t) sqlite3_column_int64(statement, 3),
            .head = (uint64_t) sqlite3_column_int64(statement, 4),
            .recorded_us = sqlite3_column_int64(statement, 5),
            .events = (uint64_t) sqlite3_column_int64(statement, 6),
        };
    (void) sqlite3_reset(statement);
    if (rc != SQLITE_ROW)
        return store_fail(self, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
    statement = store_use(self, STORE_READ_REMOVED);
    if (!statement)
        return -1;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        int family = sqlite3_column_int(statement, 0);
        if (family >= 0 && family < MESH_FAMILIES)
            self->state.removed[family] = (uint64_t) sqlite3_column_int64(statement, 1);
    }
    (void) sqlite3_reset(statement);
    return rc == SQLITE_DONE ? 0 : store_fail(self, rc);
}

// What only changes now and then is in a page of its own.
static int
write_state(journal_store_t *self)
{
    const journal_state_t *before = &self->state, *state = &self->changing;
    if (state->epoch == before->epoch && state->generation == before->generation &&
        state->reserved == before->reserved && state->latest == before->latest)
        return 0;
    sqlite3_stmt *statement = store_use(self, STORE_WRITE_STATE);
    if (!statement)
        return -1;
    store_bind_number(statement, 1, state->epoch);
    store_bind_number(statement, 2, state->generation);
    store_bind_number(statement, 3, state->reserved);
    store_bind_number(statement, 4, state->latest);
    return store_run(self, statement);
}

static int
write_order(journal_store_t *self)
{
    const journal_state_t *state = &self->changing;
    sqlite3_stmt *statement = store_use(self, STORE_PUT_SOURCE);
    if (!statement)
        return -1;
    store_bind_bytes(statement, 1, "", 0);
    store_bind_number(statement, 2, state->head);
    sqlite3_bind_int64(statement, 3, state->recorded_us);
    store_bind_number(statement, 4, state->events);
    return store_run(self, statement);
}

// ---- opening and closing

// sqlite3_wal_hook: a transaction was committed; the log now has so many frames.
static int
on_committed(void *arg, sqlite3 *db, const char *name, int frames)
{
    (void) db;
    (void) name;
    journal_store_t *self = arg;
    if ((uint64_t) frames < self->wal_frames) {
        self->log++;
        self->moved_frames = 0;
    }
    self->wal_frames = (uint64_t) frames;
    return SQLITE_OK;
}

static int
prepare(journal_store_t *self)
{
    (void) sqlite3_extended_result_codes(self->db, 1);
    if (store_execute(self,
                      "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                      "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
                      "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192;"
                      "PRAGMA temp_store = MEMORY;"
                      // What is removed is written over, as journal_store_forget promises.
                      "PRAGMA secure_delete = ON;") != 0 ||
        store_execute(self, self->durable ? "PRAGMA synchronous = FULL"
                                          : "PRAGMA synchronous = NORMAL") != 0)
        return -1;
    sqlite3_wal_hook(self->db, on_committed, self);
    sqlite3_stmt *version = NULL;
    int rc = sqlite3_prepare_v2(self->db, "PRAGMA user_version", -1, &version, NULL);
    if (rc != SQLITE_OK)
        return store_fail(self, rc);
    rc = sqlite3_step(version);
    int format = sqlite3_column_int(version, 0);
    (void) sqlite3_finalize(version);
    if (rc != SQLITE_ROW)
        return store_fail(self, rc);
    if (format == 0 &&
        (store_execute(self, "BEGIN IMMEDIATE") != 0 ||
         store_execute(self, store_schema) != 0 || store_execute(self, "COMMIT") != 0))
        return -1;
    if (format != 0 && format != STORE_FORMAT) {
        self->fault = MESH_DB_CORRUPT;
        snprintf(self->reason, sizeof self->reason, "its format is %d, not %d", format,
                 STORE_FORMAT);
        return -1;
    }
    return store_execute(self, store_forgotten_schema) == 0 &&
                   store_execute(self, store_registered_schema) == 0
               ? read_state(self)
               : -1;
}

journal_store_t *
journal_store_open(const char *path, bool durable, mesh_db_fault_t *fault_p, char **reason_p)
{
    assert(path && fault_p && reason_p);
    journal_store_t *self = zmalloc(sizeof *self);
    self->durable = durable;
    if (asprintf(&self->wal_path, "%s-wal", path) < 0)
        abort();
    int rc = mesh_db_file_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &self->db);
    rc = rc == SQLITE_OK ? prepare(self) : store_fail(self, rc);
    if (rc == 0)
        return self;
    *fault_p = self->fault;
    *reason_p = strdup(self->reason);
    journal_store_abandon(&self);
    return NULL;
}

static void
destroy(journal_store_t **self_p)
{
    journal_store_t *self = *self_p;
    for (int i = 0; i < STORE_STATEMENTS; i++)
        (void) sqlite3_finalize(self->statements[i]);
    (void) sqlite3_close_v2(self->db);
    free(self->wal_path);
    high_water_free(&self->sources);
    journal_run_free(&self->run);
    free(self);
    *self_p = NULL;
}

int
journal_store_close(journal_store_t **self_p)
{
    assert(self_p && *self_p);
    // Closing the last connection moves the log into the file and removes it; TRUNCATE says
    // whether that can be done.
    int rc =
        sqlite3_wal_checkpoint_v2((*self_p)->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc != SQLITE_OK) {
        journal_store_abandon(self_p);
        return -1;
    }
    destroy(self_p);
    return 0;
}

void
journal_store_abandon(journal_store_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        // Without this, closing would move the log and remove it.
        (void) sqlite3_db_config((*self_p)->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        destroy(self_p);
    }
}

mesh_db_fault_t
journal_store_fault(const journal_store_t *self)
{
    return self->fault;
}

const char *
journal_store_reason(const journal_store_t *self)
{
    return self->reason;
}

const journal_state_t *
journal_store_state(const journal_store_t *self)
{
    return &self->state;
}

// ---- transactions

int
journal_store_begin(journal_store_t *self)
{
    self->changing = self->state;
    high_water_clear(&self->sources);
    return store_run(self, store_use(self, STORE_BEGIN));
}

int
store_roll_back(journal_store_t *self)
{
    // What is told is what went wrong before, not that there is nothing to roll back.
    mesh_db_fault_t fault = self->fault;
    char reason[sizeof self->reason];
    memcpy(reason, self->reason, sizeof reason);
    if (!sqlite3_get_autocommit(self->db))
        (void) store_run(self, store_use(self, STORE_ROLLBACK));
    self->fault = fault;
    memcpy(self->reason, reason, sizeof reason);
    return -1;
}

int
store_finish(journal_store_t *self)
{
    if (write_state(self) != 0 || write_order(self) != 0 ||
        store_run(self, store_use(self, STORE_COMMIT)) != 0)
        return store_roll_back(self);
    self->state = self->changing;
    return 0;
}

// A transaction that survives a loss of power, whatever the others do.
static int
finish_durably(journal_store_t *self)
{
    int rc = store_finish(self);
    if (!self->durable && store_execute(self, "PRAGMA synchronous = NORMAL") != 0)
        return -1;
    return rc;
}

static int
begin_durably(journal_store_t *self)
{
    return store_execute(self, "PRAGMA synchronous = FULL") == 0 ? journal_store_begin(self)
                                                                 : -1;
}

int
journal_store_start(journal_store_t *self, uint64_t epoch, uint64_t generation, uint64_t head,
                    uint64_t reserved)
{
    assert(epoch != 0 && head >= self->state.head && reserved >= head);
    if (begin_durably(self) != 0)
        return -1;
    self->changing.epoch = epoch;
    self->changing.generation = generation;
    self->changing.head = head;
    self->changing.reserved = reserved;
    return finish_durably(self);
}

int
journal_store_reserve(journal_store_t *self, uint64_t reserved)
{
    assert(reserved >= self->state.reserved);
    if (begin_durably(self) != 0)
        return -1;
    self->changing.reserved = reserved;
    return finish_durably(self);
}

// ---- looking

int
journal_store_sources(journal_store_t *self, journal_source_t **sources_p, size_t *count_p)
{
    sqlite3_stmt *statement = store_use(self, STORE_READ_SOURCES);
    *sources_p = NULL;
    *count_p = 0;
    if (!statement)
        return -1;
    size_t capacity = 0;
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        if (sqlite3_column_bytes(statement, 0) != MESH_UUID_BYTES) {
            rc = SQLITE_CORRUPT;
            break;
        }
        if (*count_p == capacity) {
            capacity = capacity ? 2 * capacity : 256;
            *sources_p = realloc(*sources_p, capacity * sizeof **sources_p);
            assert(*sources_p);
        }
        journal_source_t *source = &(*sources_p)[(*count_p)++];
        memcpy(source->source.bytes, sqlite3_column_blob(statement, 0), MESH_UUID_BYTES);
        source->seq = (uint64_t) sqlite3_column_int64(statement, 1);
        source->registered = sqlite3_column_int(statement, 2) != 0;
    }
    if (rc != SQLITE_DONE)
        (void) store_fail(self, rc);
    (void) sqlite3_reset(statement);
    if (rc == SQLITE_DONE)
        return 0;
    free(*sources_p);
    *sources_p = NULL;
    *count_p = 0;
    return -1;
}

int
journal_store_first(journal_store_t *self, uint64_t *first_p)
{
    bool none;
    if (store_ask_number(self, STORE_READ_FIRST, first_p, &none) != 0)
        return -1;
    if (none)
        *first_p = self->state.head + 1;
    return 0;
}

int
journal_store_bytes(journal_store_t *self, uint64_t *used_p, uint64_t *wal_p)
{
    uint64_t pages, free_pages;
    bool none;
    if (store_ask_number(self, STORE_PAGE_COUNT, &pages, &none) != 0 ||
        store_ask_number(self, STORE_FREE_COUNT, &free_pages, &none) != 0)
        return -1;
    struct stat status;
    *wal_p = stat(self->wal_path, &status) == 0 ? (uint64_t) status.st_size : 0;
    *used_p = (pages - free_pages) * PAGE_BYTES + journal_store_pending_bytes(self);
    return 0;
}

uint64_t
journal_store_log(const journal_store_t *self)
{
    return self->log;
}

uint64_t
journal_store_log_bytes(const journal_store_t *self)
{
    return self->wal_frames * WAL_FRAME_BYTES;
}

void
journal_store_note_moved(journal_store_t *self, uint64_t log, uint64_t frames)
{
    if (log == self->log && frames > self->moved_frames && frames <= self->wal_frames)
        self->moved_frames = frames;
}

uint64_t
journal_store_pending_bytes(const journal_store_t *self)
{
    return (self->wal_frames - self->moved_frames) * WAL_FRAME_BYTES;
}

int
journal_store_checkpoint(journal_store_t *self, bool restart)
{
    int frames = 0, moved = 0;
    (void) sqlite3_busy_timeout(self->db, restart ? RESTART_WAIT_MS : 0);
    int rc = sqlite3_wal_checkpoint_v2(
        self->db, NULL, restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE,
        &frames, &moved);
    (void) sqlite3_busy_timeout(self->db, 0);
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED)
        return store_fail(self, rc);
    if (moved >= 0)
        self->moved_frames = (uint64_t) moved;
    if (frames >= 0)
        self->wal_frames = (uint64_t) frames;
    return 0;
}
