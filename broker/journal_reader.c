// journal_reader - reads the journal's file beside the thread that writes it
// SPDX-License-Identifier: MPL-2.0
#include "journal_reader.h"

#include <assert.h>
#include <czmq.h>
#include <sqlite3.h>

#include "journal_run.h"
#include "mesh/db_file.h"
#include "mesh/topic.h"
#include "mesh/wire.h"

struct journal_reader {
    sqlite3 *db;               // owned
    sqlite3_stmt *events;      // owned
    sqlite3_stmt *latest;      // owned
    sqlite3_stmt *families;    // owned
    char reason[256];
};

static const char events_text[] = "SELECT offset, sum, run FROM events WHERE offset > ?1"
                                  " ORDER BY offset";
static const char families_text[] = "SELECT family, removed FROM families";
static const char latest_text[] = "SELECT offset, sum, event FROM latest ORDER BY offset";

journal_reader_t *
journal_reader_open(const char *path, char **reason_p)
{
    assert(path && reason_p);
    journal_reader_t *self = zmalloc(sizeof *self);
    int rc = mesh_db_file_open(path, SQLITE_OPEN_READONLY, &self->db);
    if (rc == SQLITE_OK) {
        (void) sqlite3_extended_result_codes(self->db, 1);
        rc = sqlite3_exec(self->db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
                          NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v3(self->db, events_text, -1, SQLITE_PREPARE_PERSISTENT,
                                &self->events, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v3(self->db, latest_text, -1, SQLITE_PREPARE_PERSISTENT,
                                &self->latest, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v3(self->db, families_text, -1, SQLITE_PREPARE_PERSISTENT,
                                &self->families, NULL);
    if (rc == SQLITE_OK)
        return self;
    *reason_p = strdup(self->db ? sqlite3_errmsg(self->db) : sqlite3_errstr(rc));
    journal_reader_close(&self);
    return NULL;
}

void
journal_reader_close(journal_reader_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        (void) sqlite3_finalize((*self_p)->events);
        (void) sqlite3_finalize((*self_p)->latest);
        (void) sqlite3_finalize((*self_p)->families);
        (void) sqlite3_close_v2((*self_p)->db);
        free(*self_p);
        *self_p = NULL;
    }
}

// What of a row is wanted, and by whom.
typedef struct visit {
    uint64_t after, up_to;
    journal_visit_fn *call;
    void *arg;
    bool wanted;    // more of it
} visit_t;

// Visit the events of a row. Returns false when they are not what was written.
static bool
visit_row(sqlite3_stmt *row, visit_t *visit)
{
    journal_run_event_t event;
    journal_run_outcome_t outcome = JOURNAL_RUN_END;
    const void *bytes = sqlite3_column_blob(row, 2);
    size_t size = (size_t) sqlite3_column_bytes(row, 2);
    uint64_t key = (uint64_t) sqlite3_column_int64(row, 0);
    if (!bytes || journal_run_sum(key, bytes, size) != sqlite3_column_int64(row, 1))
        return false;
    journal_run_cursor_t cursor = journal_run_read(bytes, size);
    while (visit->wanted &&
           (outcome = journal_run_next(&cursor, &event)) == JOURNAL_RUN_EVENT) {
        if (event.body_bytes < MESH_WIRE_HEADER_BYTES)
            return false;
        if (event.offset > visit->up_to)
            visit->wanted = false;
        if (event.offset <= visit->after || !visit->wanted)
            continue;
        record_t *record = record_new(event.offset, event.topic, event.topic_bytes, event.body,
                                      event.body_bytes);
        visit->wanted = visit->call(visit->arg, record);
        record_release(&record);
    }
    return outcome != JOURNAL_RUN_DAMAGED;
}

static journal_read_outcome_t
failed(journal_reader_t *self, int rc)
{
    snprintf(self->reason, sizeof self->reason, "%s (%d)", sqlite3_errmsg(self->db), rc);
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB ? JOURNAL_READ_CORRUPT
                                                                         : JOURNAL_READ_FAILED;
}

static journal_read_outcome_t
visit_rows(journal_reader_t *self, sqlite3_stmt *rows, visit_t *visit)
{
    journal_read_outcome_t outcome = JOURNAL_READ_DONE;
    int rc = SQLITE_DONE;
    while (visit->wanted && outcome == JOURNAL_READ_DONE &&
           (rc = sqlite3_step(rows)) == SQLITE_ROW) {
        if (!visit_row(rows, visit)) {
            snprintf(self->reason, sizeof self->reason, "what was kept up to %lld was changed",
                     (long long) sqlite3_column_int64(rows, 0));
            outcome = JOURNAL_READ_CORRUPT;
        }
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        outcome = failed(self, rc);
    (void) sqlite3_reset(rows);
    return outcome;
}

static journal_read_outcome_t
read_removed(journal_reader_t *self, uint64_t removed[MESH_FAMILIES])
{
    memset(removed, 0, MESH_FAMILIES * sizeof removed[0]);
    int rc;
    while ((rc = sqlite3_step(self->families)) == SQLITE_ROW) {
        int family = sqlite3_column_int(self->families, 0);
        if (family >= 0 && family < MESH_FAMILIES)
            removed[family] = (uint64_t) sqlite3_column_int64(self->families, 1);
    }
    journal_read_outcome_t outcome = rc == SQLITE_DONE ? JOURNAL_READ_DONE : failed(self, rc);
    (void) sqlite3_reset(self->families);
    return outcome;
}

journal_read_outcome_t
journal_reader_events(journal_reader_t *self, uint64_t after, uint64_t up_to,
                      journal_visit_fn *visit, void *arg, uint64_t removed[MESH_FAMILIES])
{
    visit_t events = {
        .after = after, .up_to = up_to, .call = visit, .arg = arg, .wanted = true};
    sqlite3_bind_int64(self->events, 1, (sqlite3_int64) after);
    if (!removed)
        return visit_rows(self, self->events, &events);
    // One transaction: both are of one moment, whatever is removed meanwhile.
    int rc = sqlite3_exec(self->db, "BEGIN", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return failed(self, rc);
    journal_read_outcome_t outcome = read_removed(self, removed);
    if (outcome == JOURNAL_READ_DONE)
        outcome = visit_rows(self, self->events, &events);
    (void) sqlite3_exec(self->db, "END", NULL, NULL, NULL);
    return outcome;
}

journal_read_outcome_t
journal_reader_latest(journal_reader_t *self, journal_visit_fn *visit, void *arg)
{
    visit_t latest = {.up_to = UINT64_MAX, .call = visit, .arg = arg, .wanted = true};
    return visit_rows(self, self->latest, &latest);
}

const char *
journal_reader_reason(const journal_reader_t *self)
{
    return self->reason;
}
