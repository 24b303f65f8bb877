// state_store - the monitor's SQLite file: requests, what waits to be sent, and how far it read
// SPDX-License-Identifier: MPL-2.0
#include "state_store.h"

#include <assert.h>
#include <czmq.h>
#include <sqlite3.h>

#include "mesh/db_file.h"
#include "state_row.h"

enum { STATE_FORMAT = 1 };

// Every statement, prepared at its first use and kept.
typedef enum {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_READ_FORMAT,
    STORE_READ_MARK,
    STORE_PUT_MARK,
    STORE_READ_REQUESTS,
    STORE_PUT_REQUEST,
    STORE_REMOVE_REQUEST,
    STORE_REMOVE_REQUESTS,
    STORE_READ_EVENTS,
    STORE_PUT_EVENT,
    STORE_REMOVE_EVENTS,
    STORE_STATEMENTS,
} store_statement_t;

static const char schema[] =
    "CREATE TABLE mark (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL,"
    " offset INTEGER NOT NULL, source BLOB NOT NULL, acknowledged INTEGER NOT NULL,"
    " last INTEGER NOT NULL, boot TEXT NOT NULL, mono_ms INTEGER NOT NULL,"
    " wall_us INTEGER NOT NULL);"
    "CREATE TABLE requests (number INTEGER PRIMARY KEY, place INTEGER NOT NULL,"
    " finished INTEGER NOT NULL, session TEXT NOT NULL, request TEXT NOT NULL,"
    " correlation TEXT NOT NULL, host TEXT NOT NULL, provider TEXT NOT NULL,"
    " model TEXT NOT NULL, stage TEXT NOT NULL, attempt INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, progress_ms INTEGER NOT NULL, heard_ms INTEGER NOT NULL,"
    " waiting_for_input INTEGER NOT NULL, muted INTEGER NOT NULL, overloaded INTEGER NOT NULL,"
    " owes_clear INTEGER NOT NULL, why_clear TEXT NOT NULL, silent_ms INTEGER NOT NULL,"
    " diagnosis INTEGER NOT NULL, reported INTEGER NOT NULL,"
    " reported_diagnosis INTEGER NOT NULL);"
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, covers INTEGER NOT NULL,"
    " rank INTEGER NOT NULL, timestamp_us INTEGER NOT NULL, topic BLOB NOT NULL,"
    " body BLOB NOT NULL);"
    "INSERT INTO mark VALUES (1, 0, 0, zeroblob(16), 0, 0, '', 0, 0);"
    "PRAGMA user_version = 1;";

static const char *const texts[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_READ_FORMAT] = "PRAGMA user_version",
    [STORE_READ_MARK] = "SELECT * FROM mark",
    [STORE_PUT_MARK] = "INSERT OR REPLACE INTO mark VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_READ_REQUESTS] = "SELECT * FROM requests ORDER BY place",
    // As many as there are columns.
    [STORE_PUT_REQUEST] = ("INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?,"
                           " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
    [STORE_REMOVE_REQUEST] = "DELETE FROM requests WHERE number = ?1",
    [STORE_REMOVE_REQUESTS] = "DELETE FROM requests",
    [STORE_READ_EVENTS] = "SELECT * FROM events ORDER BY seq",
    [STORE_PUT_EVENT] = "INSERT OR REPLACE INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [STORE_REMOVE_EVENTS] = "DELETE FROM events WHERE seq <= ?1",
};

struct state_store {
    sqlite3 *db;                                   // owned
    sqlite3_stmt *statements[STORE_STATEMENTS];    // owned; NULL before their first use
    mesh_db_fault_t fault;
    char reason[256];
};

static int
fail(state_store_t *self, int rc)
{
    self->fault = mesh_db_fault_of(self->db, rc, self->reason, sizeof self->reason);
    return -1;
}

static int
refuse(state_store_t *self, mesh_db_fault_t fault, const char *reason)
{
    self->fault = fault;
    (void) snprintf(self->reason, sizeof self->reason, "%s", reason);
    return -1;
}

static int
execute(state_store_t *self, const char *text)
{
    int rc = sqlite3_exec(self->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(self, rc);
}

// The statement, ready to bind; NULL after a fault.
static sqlite3_stmt *
use(state_store_t *self, store_statement_t which)
{
    if (!self->statements[which]) {
        int rc = sqlite3_prepare_v3(self->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                    &self->statements[which], NULL);
        if (rc != SQLITE_OK) {
            (void) fail(self, rc);
            return NULL;
        }
    }
    return self->statements[which];
}

// Run what gives no row. Takes NULL, which is a fault.
static int
run(state_store_t *self, sqlite3_stmt *statement)
{
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement);
    int result = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : fail(self, rc);
    (void) sqlite3_reset(statement);
    (void) sqlite3_clear_bindings(statement);
    return result;
}

// ---- opening

static int
read_format(state_store_t *self, int *format)
{
    sqlite3_stmt *statement = use(self, STORE_READ_FORMAT);
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement);
    int result = rc == SQLITE_ROW ? 0 : fail(self, rc);
    if (result == 0)
        *format = sqlite3_column_int(statement, 0);
    (void) sqlite3_reset(statement);
    return result;
}

// The file is ours alone, so that what a second monitor would write cannot mix with it, and no
// file of shared memory is needed, for which a full disk has no room.
static int
prepare(state_store_t *self, bool durable, int wait_ms)
{
    int format = 0;
    (void) sqlite3_extended_result_codes(self->db, 1);
    (void) sqlite3_busy_timeout(self->db, wait_ms);
    if (execute(self, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF;"
                      "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;") != 0 ||
        read_format(self, &format) != 0)
        return -1;
    if (format > STATE_FORMAT)
        return refuse(self, MESH_DB_NEWER, "a later release has made it");
    // What is removed is written over: who has a session forgotten is promised that.
    if (execute(self, "PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL;") != 0 ||
        execute(self, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"))
        return -1;
    if (format == 0 && (execute(self, "BEGIN IMMEDIATE") != 0 || execute(self, schema) != 0 ||
                        execute(self, "COMMIT") != 0))
        return -1;
    return 0;
}

state_store_t *
state_store_open(const char *path, bool durable, int wait_ms, mesh_db_fault_t *fault_p,
                 char **reason_p)
{
    assert(path && fault_p && reason_p);
    state_store_t *self = zmalloc(sizeof *self);
    int rc = mesh_db_file_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &self->db);
    rc = rc == SQLITE_OK ? prepare(self, durable, wait_ms) : fail(self, rc);
    if (rc == 0)
        return self;
    *fault_p = self->fault;
    *reason_p = strdup(self->reason);
    state_store_destroy(&self);
    return NULL;
}

void
state_store_destroy(state_store_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        state_store_t *self = *self_p;
        for (int i = 0; i < STORE_STATEMENTS; i++)
            (void) sqlite3_finalize(self->statements[i]);
        (void) sqlite3_close_v2(self->db);
        free(self);
        *self_p = NULL;
    }
}

mesh_db_fault_t
state_store_fault(const state_store_t *self)
{
    return self->fault;
}

const char *
state_store_reason(const state_store_t *self)
{
    return self->reason;
}

// ---- reading

typedef int take_row_fn(void *arg, sqlite3_stmt *row);

// Give each row. Returns 0, or -1 with a fault, also where one is refused.
static int
read_rows(state_store_t *self, store_statement_t which, take_row_fn *take, void *arg)
{
    sqlite3_stmt *statement = use(self, which);
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement), result = 0;
    while (rc == SQLITE_ROW && result == 0) {
        result = take(arg, statement);
        if (result == 0)
            rc = sqlite3_step(statement);
    }
    if (result != 0)
        (void) refuse(self, MESH_DB_CORRUPT, "a row is none of ours");
    else if (rc != SQLITE_DONE)
        result = fail(self, rc);
    (void) sqlite3_reset(statement);
    return result;
}

int
state_store_read_mark(state_store_t *self, state_mark_t *mark)
{
    memset(mark, 0, sizeof *mark);
    mark->mono_ms = -1;    // in none that was read
    if (read_rows(self, STORE_READ_MARK, state_row_take_mark, mark) != 0)
        return -1;
    return mark->mono_ms >= 0 ? 0 : refuse(self, MESH_DB_CORRUPT, "its mark is missing");
}

typedef struct request_reading {
    state_store_request_fn *fn;
    void *arg;
} request_reading_t;

static int
take_request(void *arg, sqlite3_stmt *row)
{
    const request_reading_t *reading = arg;
    request_t request;
    return state_row_take_request(&request, row) == 0 ? reading->fn(reading->arg, &request)
                                                      : -1;
}

int
state_store_read_requests(state_store_t *self, state_store_request_fn *fn, void *arg)
{
    request_reading_t reading = {.fn = fn, .arg = arg};
    return read_rows(self, STORE_READ_REQUESTS, take_request, &reading);
}

typedef struct event_reading {
    state_store_event_fn *fn;
    void *arg;
} event_reading_t;

static int
take_event(void *arg, sqlite3_stmt *row)
{
    const event_reading_t *reading = arg;
    mesh_spool_record_t record;
    return state_row_take_event(&record, row) == 0 ? reading->fn(reading->arg, &record) : -1;
}

int
state_store_read_events(state_store_t *self, state_store_event_fn *fn, void *arg)
{
    event_reading_t reading = {.fn = fn, .arg = arg};
    return read_rows(self, STORE_READ_EVENTS, take_event, &reading);
}

// ---- changing

int
state_store_begin(state_store_t *self)
{
    return run(self, use(self, STORE_BEGIN));
}

int
state_store_put_mark(state_store_t *self, const state_mark_t *mark)
{
    sqlite3_stmt *statement = use(self, STORE_PUT_MARK);
    if (statement)
        state_row_bind_mark(statement, mark);
    return run(self, statement);
}

int
state_store_put_request(state_store_t *self, const request_t *request)
{
    sqlite3_stmt *statement = use(self, STORE_PUT_REQUEST);
    if (statement)
        state_row_bind_request(statement, request);
    return run(self, statement);
}

// Run a statement of one number.
static int
run_for(state_store_t *self, store_statement_t which, uint64_t number)
{
    sqlite3_stmt *statement = use(self, which);
    if (statement)
        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) number);
    return run(self, statement);
}

int
state_store_remove_request(state_store_t *self, uint64_t number)
{
    return run_for(self, STORE_REMOVE_REQUEST, number);
}

int
state_store_remove_requests(state_store_t *self)
{
    return run(self, use(self, STORE_REMOVE_REQUESTS));
}

int
state_store_put_event(state_store_t *self, const mesh_spool_record_t *record)
{
    sqlite3_stmt *statement = use(self, STORE_PUT_EVENT);
    if (statement)
        state_row_bind_event(statement, record);
    return run(self, statement);
}

int
state_store_remove_events(state_store_t *self, uint64_t up_to)
{
    return run_for(self, STORE_REMOVE_EVENTS, up_to);
}

int
state_store_commit(state_store_t *self)
{
    return run(self, use(self, STORE_COMMIT));
}

int
state_store_empty_log(state_store_t *self)
{
    int rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(self, rc);
}
