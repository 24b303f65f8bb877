// journal_forget - takes a session out of the store, a few events at a time
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "journal_store_private.h"

enum { READERS_MS = 50 };    // each reads one page of an answer

const char store_forgotten_schema[] =
    "CREATE TABLE IF NOT EXISTS forgotten (number INTEGER PRIMARY KEY, session TEXT NOT NULL"
    " UNIQUE, state INTEGER NOT NULL, after INTEGER NOT NULL, until INTEGER NOT NULL,"
    " removed INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " types TEXT NOT NULL);";

// Of a run, gather what stays. Returns -1 when the run is not what was written.
static int
sort_out(journal_store_t *self, journal_forgotten_t *what, journal_run_cursor_t cursor)
{
    journal_run_event_t event;
    journal_run_outcome_t outcome;
    journal_run_clear(&self->run);
    while ((outcome = journal_run_next(&cursor, &event)) == JOURNAL_RUN_EVENT) {
        mesh_topic_t topic;
        // What came after it was asked for is not of the session, or was let go.
        if (event.offset > what->after && event.offset <= what->until &&
            journal_forgotten_matches(what->session, event.topic, event.topic_bytes, &topic))
            journal_forgotten_count(what, topic.type, event.offset);
        else
            journal_run_add(&self->run, &event);
    }
    return outcome == JOURNAL_RUN_END ? 0 : -1;
}

// Look at the run after *key_p, and set that to its key. *over_p: there is none that is to be
// looked at. *looked_p counts its events.
static int
look_at_next(journal_store_t *self, journal_forgotten_t *what, uint64_t *key_p, bool *over_p,
             uint64_t *looked_p)
{
    sqlite3_stmt *statement = store_use(self, STORE_NEXT_RUN);
    if (!statement)
        return -1;
    uint64_t removed_before = what->removed;
    store_bind_number(statement, 1, *key_p);
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        (void) store_fail(self, rc);
    // A run that begins beyond is told from its rest below: its key is above, and so are all
    // after it.
    *over_p = rc != SQLITE_ROW || *key_p >= what->until;
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
    if (!*over_p) {
        const void *bytes = sqlite3_column_blob(statement, 3);
        size_t size = (size_t) sqlite3_column_bytes(statement, 3);
        *key_p = (uint64_t) sqlite3_column_int64(statement, 0);
        bool sound =
            bytes && journal_run_sum(*key_p, bytes, size) == sqlite3_column_int64(statement, 2);
        if (!sound || sort_out(self, what, journal_run_read(bytes, size)) != 0)
            result = store_fail_as_damaged(self, *key_p);
        *looked_p += self->run.count + (what->removed - removed_before);
    }
    (void) sqlite3_reset(statement);
    if (result == 0 && what->removed > removed_before) {
        self->changing.events -= what->removed - removed_before;
        result = store_write_rest(self, *key_p);
    }
    return result;
}

static int
note(journal_store_t *self, const journal_forgotten_t *what)
{
    sqlite3_stmt *statement = store_use(self, STORE_GO_ON_FORGETTING);
    if (!statement)
        return -1;
    char *types = json_dumps(what->types, JSON_COMPACT);
    assert(types);
    sqlite3_bind_text(statement, 1, what->session, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, (int) what->state);
    store_bind_number(statement, 3, what->after);
    store_bind_number(statement, 4, what->removed);
    store_bind_number(statement, 5, what->first);
    store_bind_number(statement, 6, what->last);
    sqlite3_bind_text(statement, 7, types, -1, SQLITE_TRANSIENT);
    free(types);
    return store_run(self, statement);
}

int
journal_store_forget(journal_store_t *self, journal_forgotten_t *what, uint64_t limit)
{
    assert(self && what && what->state == JOURNAL_FORGOTTEN_REMOVING && limit > 0);
    if (journal_store_begin(self) != 0)
        return -1;
    uint64_t key = what->after, looked = 0;
    bool over = false;
    while (!over && looked < limit)
        if (look_at_next(self, what, &key, &over, &looked) != 0)
            return store_roll_back(self);
    what->after = key;
    if (over)
        what->state = JOURNAL_FORGOTTEN_REMOVED;
    return note(self, what) == 0 ? store_finish(self) : store_roll_back(self);
}

// Run a statement for each session that the batch names.
static int
for_each_session(journal_store_t *self, const journal_batch_t *batch, store_statement_t which)
{
    for (size_t i = 0; i < batch->forgotten_count; i++) {
        sqlite3_stmt *statement = store_use(self, which);
        if (!statement)
            return -1;
        sqlite3_bind_text(statement, 1, batch->forgotten[i], -1, SQLITE_STATIC);
        if (which == STORE_BEGIN_FORGETTING)
            store_bind_number(statement, 2, self->changing.head);
        if (store_run(self, statement) != 0)
            return -1;
    }
    return 0;
}

int
store_begin_forgetting(journal_store_t *self, const journal_batch_t *batch)
{
    sqlite3_stmt *statement = store_use(self, STORE_TRIM_FORGOTTEN);
    if (!statement)
        return -1;
    store_bind_number(statement, 1, JOURNAL_FORGOTTEN_LIMIT);
    return store_run(self, statement) == 0 &&
                   for_each_session(self, batch, STORE_FORGET_LATEST) == 0
               ? for_each_session(self, batch, STORE_BEGIN_FORGETTING)
               : -1;
}

int
store_end_forgetting(journal_store_t *self, const journal_batch_t *batch)
{
    return for_each_session(self, batch, STORE_END_FORGETTING);
}

static const char *
column_text(sqlite3_stmt *row, int column)
{
    const void *text = sqlite3_column_text(row, column);
    return text ? text : "";
}

static void
read_row(journal_forgotten_t *row, sqlite3_stmt *statement)
{
    *row = journal_forgotten_new(column_text(statement, 0));
    row->state = (journal_forgotten_state_t) sqlite3_column_int(statement, 1);
    row->after = (uint64_t) sqlite3_column_int64(statement, 2);
    row->until = (uint64_t) sqlite3_column_int64(statement, 3);
    row->removed = (uint64_t) sqlite3_column_int64(statement, 4);
    row->first = (uint64_t) sqlite3_column_int64(statement, 5);
    row->last = (uint64_t) sqlite3_column_int64(statement, 6);
    json_t *types = json_loads(column_text(statement, 7), 0, NULL);
    json_object_update(row->types, types);
    json_decref(types);
}

int
journal_store_forgotten(journal_store_t *self, journal_forgotten_t **rows_p, size_t *count_p)
{
    sqlite3_stmt *statement = store_use(self, STORE_READ_FORGOTTEN);
    *rows_p = NULL;
    *count_p = 0;
    if (!statement)
        return -1;
    size_t capacity = 0;
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        if (strlen(column_text(statement, 0)) >= MESH_SESSION_SIZE)
            continue;
        if (*count_p == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            *rows_p = realloc(*rows_p, capacity * sizeof **rows_p);
            assert(*rows_p);
        }
        read_row(&(*rows_p)[(*count_p)++], statement);
    }
    (void) sqlite3_reset(statement);
    return rc == SQLITE_DONE ? 0 : store_fail(self, rc);
}

int
journal_store_empty_log(journal_store_t *self, bool *done_p)
{
    (void) sqlite3_busy_timeout(self->db, READERS_MS);
    int rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    (void) sqlite3_busy_timeout(self->db, 0);
    *done_p = rc == SQLITE_OK;
    if (*done_p) {
        self->log++;
        self->wal_frames = self->moved_frames = 0;
    } else if ((rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED) {
        return store_fail(self, rc);
    }
    return 0;
}
