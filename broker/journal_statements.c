// journal_statements - what the store says to SQLite
// SPDX-License-Identifier: MPL-2.0
#include "journal_store_private.h"

// A row of events is a run of them (journal_run). Its key is the offset of the last one it was
// made with, and recorded is when that was. Among the sources, the one without a name is the
// order of all: its last offset, when that was recorded, and how many events are kept. It
// stands there because both change with every transaction, and a page costs the same for one
// row as for all of them.
const char store_schema[] =
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, reserved INTEGER NOT NULL, latest INTEGER NOT NULL);"
    "CREATE TABLE families (family INTEGER PRIMARY KEY, removed INTEGER NOT NULL);"
    "CREATE TABLE events (offset INTEGER PRIMARY KEY, first INTEGER NOT NULL,"
    " count INTEGER NOT NULL, recorded INTEGER NOT NULL, sum INTEGER NOT NULL,"
    " run BLOB NOT NULL);"
    "CREATE TABLE sources (source BLOB PRIMARY KEY, seq INTEGER NOT NULL,"
    " recorded INTEGER NOT NULL, events INTEGER) WITHOUT ROWID;"
    "CREATE TABLE latest (session TEXT NOT NULL, type TEXT NOT NULL, offset INTEGER NOT NULL,"
    " sum INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (session, type));"
    "INSERT INTO state VALUES (1, 0, 0, 0, 0);"
    "INSERT INTO sources VALUES (x'', 0, -9223372036854775808, 0);"
    "PRAGMA user_version = 2;";

// A table of its own: that a source is registered is written once, its row among the sources
// with every transaction, and whole.
const char store_registered_schema[] =
    "CREATE TABLE IF NOT EXISTS registered (source BLOB PRIMARY KEY) WITHOUT ROWID;";

static const char *const texts[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_READ_STATE] = "SELECT epoch, generation, reserved, latest, seq, recorded, events"
                         " FROM state, sources WHERE id = 1 AND source = x''",
    [STORE_WRITE_STATE] = "UPDATE state SET epoch = ?1, generation = ?2, reserved = ?3,"
                          " latest = ?4 WHERE id = 1",
    [STORE_ADD_RUN] = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    // One insertion; ON CONFLICT DO UPDATE would look first.
    [STORE_PUT_SOURCE] = "INSERT OR REPLACE INTO sources VALUES (?1, ?2, ?3, ?4)",
    [STORE_REGISTER] = "INSERT OR IGNORE INTO registered VALUES (?1)",
    [STORE_PUT_LATEST] = "INSERT OR REPLACE INTO latest VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_FORGET_LATEST] = "DELETE FROM latest WHERE session = ?1",
    [STORE_BEGIN_FORGETTING] =
        "INSERT INTO forgotten (session, state, after, until, removed, first, last, types)"
        " VALUES (?1, 0, 0, ?2, 0, 0, 0, '{}') ON CONFLICT (session) DO UPDATE SET state = 0,"
        " after = 0, until = excluded.until",
    [STORE_GO_ON_FORGETTING] = "UPDATE forgotten SET state = ?2, after = ?3, removed = ?4,"
                               " first = ?5, last = ?6, types = ?7 WHERE session = ?1",
    [STORE_END_FORGETTING] = "UPDATE forgotten SET state = 2 WHERE session = ?1 AND state = 1",
    [STORE_READ_FORGOTTEN] = "SELECT session, state, after, until, removed, first, last, types"
                             " FROM forgotten ORDER BY number",
    [STORE_TRIM_FORGOTTEN] = "DELETE FROM forgotten WHERE state = 2 AND number <="
                             " (SELECT max(number) FROM forgotten) - ?1",
    [STORE_NEXT_RUN] = "SELECT offset, recorded, sum, run FROM events WHERE offset > ?1"
                       " ORDER BY offset LIMIT 1",
    [STORE_REMOVE_RUN] = "DELETE FROM events WHERE offset = ?1",
    [STORE_SHORTEN_RUN] = "UPDATE events SET first = ?2, count = ?3, sum = ?4, run = ?5"
                          " WHERE offset = ?1",
    [STORE_READ_REMOVED] = "SELECT family, removed FROM families",
    [STORE_PUT_REMOVED] = "INSERT OR REPLACE INTO families VALUES (?1, ?2)",
    [STORE_READ_FIRST] = "SELECT first FROM events ORDER BY offset LIMIT 1",
    [STORE_READ_SOURCES] = "SELECT source, seq, source IN (SELECT source FROM registered)"
                           " FROM sources WHERE source > x''",
    [STORE_COUNT_SOURCES] = "SELECT count(*) - 1 FROM sources",
    [STORE_TRIM_SOURCES] = "DELETE FROM sources WHERE source IN"
                           " (SELECT source FROM sources WHERE source > x''"
                           " ORDER BY recorded LIMIT ?1)",
    [STORE_TRIM_REGISTERED] = "DELETE FROM registered WHERE source NOT IN"
                              " (SELECT source FROM sources)",
    [STORE_PAGE_COUNT] = "PRAGMA page_count",
    [STORE_FREE_COUNT] = "PRAGMA freelist_count",
};

int
store_fail(journal_store_t *self, int rc)
{
    self->fault = mesh_db_fault_of(self->db, rc, self->reason, sizeof self->reason);
    return -1;
}

sqlite3_stmt *
store_use(journal_store_t *self, store_statement_t which)
{
    if (!self->statements[which]) {
        int rc = sqlite3_prepare_v3(self->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                    &self->statements[which], NULL);
        if (rc != SQLITE_OK) {
            (void) store_fail(self, rc);
            return NULL;
        }
    }
    return self->statements[which];
}

int
store_run(journal_store_t *self, sqlite3_stmt *statement)
{
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        (void) store_fail(self, rc);
    (void) sqlite3_reset(statement);
    (void) sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

int
store_ask_number(journal_store_t *self, store_statement_t which, uint64_t *number,
                 bool *is_null)
{
    sqlite3_stmt *statement = store_use(self, which);
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement);
    *is_null = rc != SQLITE_ROW || sqlite3_column_type(statement, 0) == SQLITE_NULL;
    *number = *is_null ? 0 : (uint64_t) sqlite3_column_int64(statement, 0);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        (void) store_fail(self, rc);
    (void) sqlite3_reset(statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

int
store_execute(journal_store_t *self, const char *text)
{
    int rc = sqlite3_exec(self->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : store_fail(self, rc);
}

void
store_bind_number(sqlite3_stmt *statement, int index, uint64_t number)
{
    sqlite3_bind_int64(statement, index, (sqlite3_int64) number);
}

void
store_bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t size)
{
    sqlite3_bind_blob64(statement, index, bytes, size, SQLITE_STATIC);
}
