// journal_store - one SQLite file of events, by offset; each change is a transaction
// SPDX-License-Identifier: MPL-2.0
#include "journal_store.h"

#include <assert.h>
#include <czmq.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "checksum.h"
#include "mesh/topic.h"

enum {
    FORMAT = 1,
    PAGE_BYTES = 4096,
    WAL_FRAME_BYTES = PAGE_BYTES + 24,
    RESTART_WAIT_MS = 50,    // for readers, of which each reads one page of an answer
};

static const char schema[] =
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, reserved INTEGER NOT NULL, head INTEGER NOT NULL,"
    " recorded INTEGER NOT NULL, events INTEGER NOT NULL, latest INTEGER NOT NULL);"
    "CREATE TABLE families (family INTEGER PRIMARY KEY, removed INTEGER NOT NULL);"
    "CREATE TABLE events (offset INTEGER PRIMARY KEY, recorded INTEGER NOT NULL,"
    " family INTEGER NOT NULL, sum INTEGER NOT NULL, topic BLOB NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE sources (source BLOB PRIMARY KEY, seq INTEGER NOT NULL,"
    " recorded INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE latest (session TEXT NOT NULL, type TEXT NOT NULL, offset INTEGER NOT NULL,"
    " sum INTEGER NOT NULL, topic BLOB NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY (session, type));"
    "INSERT INTO state VALUES (1, 0, 0, 0, 0, -9223372036854775808, 0, 0);"
    "PRAGMA user_version = 1;";

// Every statement, prepared at its first use and kept.
typedef enum {
    BEGIN,
    COMMIT,
    ROLLBACK,
    READ_STATE,
    WRITE_STATE,
    ADD_EVENT,
    PUT_SOURCE,
    PUT_LATEST,
    FORGET_LATEST,
    LOOK_AT,
    REMOVE,
    READ_REMOVED,
    PUT_REMOVED,
    READ_FIRST,
    READ_SOURCES,
    COUNT_SOURCES,
    TRIM_SOURCES,
    PAGE_COUNT,
    FREE_COUNT,
    STATEMENTS,
} statement_t;

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [READ_STATE] = "SELECT epoch, generation, reserved, head, recorded, events, latest"
                   " FROM state WHERE id = 1",
    [WRITE_STATE] = "UPDATE state SET epoch = ?1, generation = ?2, reserved = ?3, head = ?4,"
                    " recorded = ?5, events = ?6, latest = ?7 WHERE id = 1",
    [ADD_EVENT] = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [PUT_SOURCE] = "INSERT INTO sources VALUES (?1, ?2, ?3) ON CONFLICT (source)"
                   " DO UPDATE SET seq = excluded.seq, recorded = excluded.recorded",
    [PUT_LATEST] = "INSERT OR REPLACE INTO latest VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [FORGET_LATEST] = "DELETE FROM latest WHERE session = ?1",
    [LOOK_AT] = "SELECT offset, recorded, family FROM events WHERE offset > ?1"
                " ORDER BY offset LIMIT ?2",
    [REMOVE] = "DELETE FROM events WHERE offset > ?1 AND offset <= ?2"
               " AND (1 << family) & ?3",
    [READ_REMOVED] = "SELECT family, removed FROM families",
    [PUT_REMOVED] = "INSERT OR REPLACE INTO families VALUES (?1, ?2)",
    [READ_FIRST] = "SELECT min(offset) FROM events",
    [READ_SOURCES] = "SELECT source, seq FROM sources",
    [COUNT_SOURCES] = "SELECT count(*) FROM sources",
    [TRIM_SOURCES] = "DELETE FROM sources WHERE source IN"
                     " (SELECT source FROM sources ORDER BY recorded LIMIT ?1)",
    [PAGE_COUNT] = "PRAGMA page_count",
    [FREE_COUNT] = "PRAGMA freelist_count",
};

// A source whose last number the transaction changes.
typedef struct touched {
    journal_source_t source;
    int64_t recorded_us;
} touched_t;

struct journal_store {
    sqlite3 *db;                             // owned
    sqlite3_stmt *statements[STATEMENTS];    // owned; NULL before their first use
    char *wal_path;                          // owned
    bool durable;
    journal_state_t state;       // as committed
    journal_state_t changing;    // as it will be when the transaction is
    touched_t *touched;          // owned; by the transaction, as its events came
    size_t touched_count, touched_capacity;
    uint64_t wal_frames, moved_frames;    // in the log; of these already in the file
    journal_fault_t fault;
    char reason[256];
};

const char *
journal_fault_name(journal_fault_t fault)
{
    static const char *const names[] = {
        [JOURNAL_SOUND] = "sound",         [JOURNAL_FULL] = "disk_full",
        [JOURNAL_READ_ONLY] = "read_only", [JOURNAL_IO_ERROR] = "io_error",
        [JOURNAL_BUSY] = "busy",           [JOURNAL_CORRUPT] = "corrupt",
    };
    return names[fault];
}

int64_t
journal_store_sum(uint64_t offset, const void *topic, size_t topic_bytes, const void *body,
                  size_t body_bytes)
{
    uint64_t sum = checksum_add(offset, topic, topic_bytes);
    return (int64_t) checksum_add(sum, body, body_bytes);
}

// ---- faults and statements

static journal_fault_t
fault_of(int rc, int system_error)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return JOURNAL_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return JOURNAL_READ_ONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return JOURNAL_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:    // no such table, no such column
        return JOURNAL_CORRUPT;
    default:
        break;
    }
    // What SQLite calls an I/O error, or not being able to open, has a cause that it keeps.
    if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG)
        return JOURNAL_FULL;
    if (system_error == EROFS || system_error == EACCES || system_error == EPERM)
        return JOURNAL_READ_ONLY;
    return JOURNAL_IO_ERROR;
}

// What the system said when SQLite failed; 0 when it said nothing. The connection forgets it
// when something succeeds afterwards, the files remember.
static int
system_error_of(sqlite3 *db)
{
    static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    int error = sqlite3_system_errno(db);
    for (size_t i = 0; i < sizeof files / sizeof files[0] && error == 0; i++) {
        sqlite3_file *file = NULL;
        if (sqlite3_file_control(db, "main", files[i], &file) == SQLITE_OK && file &&
            file->pMethods)
            (void) file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

// Note what went wrong. Returns -1.
static int
fail(journal_store_t *self, int rc)
{
    int system_error = self->db ? system_error_of(self->db) : 0;
    self->fault = fault_of(rc, system_error);
    snprintf(self->reason, sizeof self->reason, "%s (%d)%s%s",
             self->db ? sqlite3_errmsg(self->db) : sqlite3_errstr(rc), rc,
             system_error ? ": " : "", system_error ? strerror(system_error) : "");
    return -1;
}

static sqlite3_stmt *
use(journal_store_t *self, statement_t which)
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

// Run a statement that gives no row, and make it ready for the next time.
static int
run(journal_store_t *self, sqlite3_stmt *statement)
{
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        (void) fail(self, rc);
    (void) sqlite3_reset(statement);
    (void) sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

// The one number of the one row that a statement gives.
static int
ask_number(journal_store_t *self, statement_t which, uint64_t *number, bool *is_null)
{
    sqlite3_stmt *statement = use(self, which);
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement);
    *is_null = rc != SQLITE_ROW || sqlite3_column_type(statement, 0) == SQLITE_NULL;
    *number = *is_null ? 0 : (uint64_t) sqlite3_column_int64(statement, 0);
    if (rc != SQLITE_ROW)
        (void) fail(self, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
    (void) sqlite3_reset(statement);
    return rc == SQLITE_ROW ? 0 : -1;
}

static int
execute(journal_store_t *self, const char *text)
{
    int rc = sqlite3_exec(self->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(self, rc);
}

static void
bind_number(sqlite3_stmt *statement, int index, uint64_t number)
{
    sqlite3_bind_int64(statement, index, (sqlite3_int64) number);
}

// ---- state

static int
read_state(journal_store_t *self)
{
    sqlite3_stmt *statement = use(self, READ_STATE);
    if (!statement)
        return -1;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        self->state = (journal_state_t){
            .epoch = (uint64_t) sqlite3_column_int64(statement, 0),
            .generation = (uint64_t) sqlite3_column_int64(statement, 1),
            .reserved = (uint64_t) sqlite3_column_int64(statement, 2),
            .head = (uint64_t) sqlite3_column_int64(statement, 3),
            .recorded_us = sqlite3_column_int64(statement, 4),
            .events = (uint64_t) sqlite3_column_int64(statement, 5),
            .latest = (uint64_t) sqlite3_column_int64(statement, 6),
        };
    (void) sqlite3_reset(statement);
    if (rc != SQLITE_ROW)
        return fail(self, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
    statement = use(self, READ_REMOVED);
    if (!statement)
        return -1;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        int family = sqlite3_column_int(statement, 0);
        if (family >= 0 && family < FAMILIES)
            self->state.removed[family] = (uint64_t) sqlite3_column_int64(statement, 1);
    }
    (void) sqlite3_reset(statement);
    return rc == SQLITE_DONE ? 0 : fail(self, rc);
}

static int
write_state(journal_store_t *self)
{
    const journal_state_t *state = &self->changing;
    sqlite3_stmt *statement = use(self, WRITE_STATE);
    if (!statement)
        return -1;
    bind_number(statement, 1, state->epoch);
    bind_number(statement, 2, state->generation);
    bind_number(statement, 3, state->reserved);
    bind_number(statement, 4, state->head);
    sqlite3_bind_int64(statement, 5, state->recorded_us);
    bind_number(statement, 6, state->events);
    bind_number(statement, 7, state->latest);
    return run(self, statement);
}

// ---- opening and closing

// sqlite3_wal_hook: a transaction was committed; the log now has so many frames.
static int
on_committed(void *arg, sqlite3 *db, const char *name, int frames)
{
    (void) db;
    (void) name;
    journal_store_t *self = arg;
    self->wal_frames = (uint64_t) frames;
    if (self->moved_frames > self->wal_frames)
        self->moved_frames = 0;    // the log has begun anew
    return SQLITE_OK;
}

static int
prepare(journal_store_t *self)
{
    (void) sqlite3_extended_result_codes(self->db, 1);
    if (execute(self, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                      "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
                      "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192;"
                      "PRAGMA temp_store = MEMORY;") != 0 ||
        execute(self, self->durable ? "PRAGMA synchronous = FULL"
                                    : "PRAGMA synchronous = NORMAL") != 0)
        return -1;
    sqlite3_wal_hook(self->db, on_committed, self);
    sqlite3_stmt *version = NULL;
    int rc = sqlite3_prepare_v2(self->db, "PRAGMA user_version", -1, &version, NULL);
    if (rc != SQLITE_OK)
        return fail(self, rc);
    rc = sqlite3_step(version);
    int format = sqlite3_column_int(version, 0);
    (void) sqlite3_finalize(version);
    if (rc != SQLITE_ROW)
        return fail(self, rc);
    if (format == 0 && (execute(self, "BEGIN IMMEDIATE") != 0 || execute(self, schema) != 0 ||
                        execute(self, "COMMIT") != 0))
        return -1;
    if (format != 0 && format != FORMAT) {
        self->fault = JOURNAL_CORRUPT;
        snprintf(self->reason, sizeof self->reason, "its format is %d, not %d", format, FORMAT);
        return -1;
    }
    return read_state(self);
}

journal_store_t *
journal_store_open(const char *path, bool durable, journal_fault_t *fault_p, char **reason_p)
{
    assert(path && fault_p && reason_p);
    journal_store_t *self = zmalloc(sizeof *self);
    self->durable = durable;
    if (asprintf(&self->wal_path, "%s-wal", path) < 0)
        abort();
    int rc = sqlite3_open_v2(path, &self->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_NOFOLLOW,
                             NULL);
    rc = rc == SQLITE_OK ? prepare(self) : fail(self, rc);
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
    for (int i = 0; i < STATEMENTS; i++)
        (void) sqlite3_finalize(self->statements[i]);
    (void) sqlite3_close_v2(self->db);
    free(self->wal_path);
    free(self->touched);
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

journal_fault_t
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
    self->touched_count = 0;
    return run(self, use(self, BEGIN));
}

static int
roll_back(journal_store_t *self)
{
    // What is told is what went wrong before, not that there is nothing to roll back.
    journal_fault_t fault = self->fault;
    char reason[sizeof self->reason];
    memcpy(reason, self->reason, sizeof reason);
    if (!sqlite3_get_autocommit(self->db))
        (void) run(self, use(self, ROLLBACK));
    self->fault = fault;
    memcpy(self->reason, reason, sizeof reason);
    return -1;
}

static int
finish(journal_store_t *self)
{
    if (write_state(self) != 0 || run(self, use(self, COMMIT)) != 0)
        return roll_back(self);
    self->state = self->changing;
    return 0;
}

// A transaction that survives a loss of power, whatever the others do.
static int
finish_durably(journal_store_t *self)
{
    int rc = finish(self);
    if (!self->durable && execute(self, "PRAGMA synchronous = NORMAL") != 0)
        return -1;
    return rc;
}

static int
begin_durably(journal_store_t *self)
{
    return execute(self, "PRAGMA synchronous = FULL") == 0 ? journal_store_begin(self) : -1;
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

static void
touch_source(journal_store_t *self, const journal_entry_t *entry)
{
    size_t count = self->touched_count;
    if (count == 0 ||
        !mesh_uuid_equal(&self->touched[count - 1].source.source, &entry->source)) {
        if (count == self->touched_capacity) {
            self->touched_capacity = count ? 2 * count : 64;
            self->touched =
                realloc(self->touched, self->touched_capacity * sizeof *self->touched);
            assert(self->touched);
        }
        self->touched_count = ++count;
    }
    self->touched[count - 1] = (touched_t){{entry->source, entry->seq}, entry->recorded_us};
}

static int
add_event(journal_store_t *self, const journal_entry_t *entry)
{
    const record_t *record = entry->record;
    assert(record->offset > self->changing.head && record->offset <= self->changing.reserved);
    sqlite3_stmt *statement = use(self, ADD_EVENT);
    if (!statement)
        return -1;
    bind_number(statement, 1, record->offset);
    sqlite3_bind_int64(statement, 2, entry->recorded_us);
    sqlite3_bind_int(statement, 3, (int) entry->family);
    sqlite3_bind_int64(statement, 4,
                       journal_store_sum(record->offset, record_topic(record),
                                         record->topic_bytes, record_body(record),
                                         record->body_bytes));
    sqlite3_bind_blob(statement, 5, record_topic(record), (int) record->topic_bytes,
                      SQLITE_STATIC);
    sqlite3_bind_blob(statement, 6, record_body(record), (int) record->body_bytes,
                      SQLITE_STATIC);
    if (run(self, statement) != 0)
        return -1;
    touch_source(self, entry);
    self->changing.head = record->offset;
    self->changing.recorded_us = entry->recorded_us;
    self->changing.events++;
    return 0;
}

static int
put_latest(journal_store_t *self, const record_t *record)
{
    mesh_topic_t topic;
    int parsed = mesh_topic_parse(&topic, record_topic(record), record->topic_bytes);
    assert(parsed == 0);    // it was parsed when it was taken
    sqlite3_stmt *statement = use(self, PUT_LATEST);
    if (!statement)
        return -1;
    sqlite3_bind_text(statement, 1, topic.session, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, topic.type, -1, SQLITE_STATIC);
    bind_number(statement, 3, record->offset);
    sqlite3_bind_int64(statement, 4,
                       journal_store_sum(record->offset, record_topic(record),
                                         record->topic_bytes, record_body(record),
                                         record->body_bytes));
    sqlite3_bind_blob(statement, 5, record_topic(record), (int) record->topic_bytes,
                      SQLITE_STATIC);
    sqlite3_bind_blob(statement, 6, record_body(record), (int) record->body_bytes,
                      SQLITE_STATIC);
    return run(self, statement);
}

static int
add_latest(journal_store_t *self, const journal_batch_t *batch)
{
    for (size_t i = 0; i < batch->forgotten_count; i++) {
        sqlite3_stmt *statement = use(self, FORGET_LATEST);
        if (!statement)
            return -1;
        sqlite3_bind_text(statement, 1, batch->forgotten[i], -1, SQLITE_STATIC);
        if (run(self, statement) != 0)
            return -1;
    }
    for (size_t i = 0; i < batch->count; i++)
        if (put_latest(self, batch->entries[i].record) != 0)
            return -1;
    if (batch->through > self->changing.latest)
        self->changing.latest = batch->through;
    return 0;
}

int
journal_store_add(journal_store_t *self, const journal_batch_t *batch)
{
    int rc = 0;
    if (batch->kind == JOURNAL_BATCH_LATEST)
        rc = add_latest(self, batch);
    for (size_t i = 0; batch->kind == JOURNAL_BATCH_EVENTS && i < batch->count && rc == 0; i++)
        rc = add_event(self, &batch->entries[i]);
    return rc == 0 ? 0 : roll_back(self);
}

static int
compare_touched(const void *left, const void *right)
{
    const journal_source_t *a = &((const touched_t *) left)->source;
    const journal_source_t *b = &((const touched_t *) right)->source;
    int order = memcmp(&a->source, &b->source, sizeof a->source);
    return order ? order : (a->seq > b->seq) - (a->seq < b->seq);
}

// Each source once, whatever the number of its events.
static int
put_sources(journal_store_t *self)
{
    if (self->touched_count > 0)
        qsort(self->touched, self->touched_count, sizeof *self->touched, compare_touched);
    for (size_t i = 0; i < self->touched_count; i++) {
        const touched_t *touched = &self->touched[i];
        if (i + 1 < self->touched_count &&
            mesh_uuid_equal(&touched->source.source, &touched[1].source.source))
            continue;
        sqlite3_stmt *statement = use(self, PUT_SOURCE);
        if (!statement)
            return -1;
        sqlite3_bind_blob(statement, 1, touched->source.source.bytes, MESH_UUID_BYTES,
                          SQLITE_STATIC);
        bind_number(statement, 2, touched->source.seq);
        sqlite3_bind_int64(statement, 3, touched->recorded_us);
        if (run(self, statement) != 0)
            return -1;
    }
    return 0;
}

int
journal_store_commit(journal_store_t *self)
{
    return put_sources(self) == 0 ? finish(self) : roll_back(self);
}

// ---- trimming

// Find the last event to go. Counts by family what goes, for the bounds that are told.
static int
look_at(journal_store_t *self, unsigned families, uint64_t after, int64_t before_us,
        uint64_t limit, uint64_t *until_p, bool *more_p)
{
    sqlite3_stmt *statement = use(self, LOOK_AT);
    if (!statement)
        return -1;
    bind_number(statement, 1, after);
    bind_number(statement, 2, limit);
    uint64_t seen = 0;
    bool young = false;
    int rc;
    while (!young && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        uint64_t offset = (uint64_t) sqlite3_column_int64(statement, 0);
        int family = sqlite3_column_int(statement, 2);
        young = before_us != INT64_MAX && sqlite3_column_int64(statement, 1) >= before_us;
        if (young)
            break;
        seen++;
        *until_p = offset;
        if (family >= 0 && family < FAMILIES && families & (1U << family))
            self->changing.removed[family] = offset;
    }
    if (!young && rc != SQLITE_DONE)
        (void) fail(self, rc);
    (void) sqlite3_reset(statement);
    *more_p = seen == limit;
    return young || rc == SQLITE_DONE ? 0 : -1;
}

static int
put_removed(journal_store_t *self)
{
    for (int family = 0; family < FAMILIES; family++) {
        if (self->changing.removed[family] == self->state.removed[family])
            continue;
        sqlite3_stmt *statement = use(self, PUT_REMOVED);
        if (!statement)
            return -1;
        sqlite3_bind_int(statement, 1, family);
        bind_number(statement, 2, self->changing.removed[family]);
        if (run(self, statement) != 0)
            return -1;
    }
    return 0;
}

int
journal_store_trim(journal_store_t *self, unsigned families, uint64_t after, int64_t before_us,
                   uint64_t limit, uint64_t *until_p, bool *more_p)
{
    *until_p = after;
    *more_p = false;
    if (journal_store_begin(self) != 0)
        return -1;
    if (look_at(self, families, after, before_us, limit, until_p, more_p) != 0)
        return roll_back(self);
    // Removed lower than before is what a family with a longer age leaves to a later step.
    for (int family = 0; family < FAMILIES; family++)
        if (self->changing.removed[family] < self->state.removed[family])
            self->changing.removed[family] = self->state.removed[family];
    if (*until_p > after) {
        sqlite3_stmt *statement = use(self, REMOVE);
        if (!statement)
            return roll_back(self);
        bind_number(statement, 1, after);
        bind_number(statement, 2, *until_p);
        sqlite3_bind_int64(statement, 3, (sqlite3_int64) families);
        if (run(self, statement) != 0)
            return roll_back(self);
        self->changing.events -= (uint64_t) sqlite3_changes64(self->db);
        if (put_removed(self) != 0)
            return roll_back(self);
        return finish(self);
    }
    (void) roll_back(self);    // nothing was changed
    return 0;
}

int
journal_store_trim_sources(journal_store_t *self, uint64_t limit)
{
    uint64_t count;
    bool none;
    if (ask_number(self, COUNT_SOURCES, &count, &none) != 0)
        return -1;
    if (count <= limit)
        return 0;
    sqlite3_stmt *statement = use(self, TRIM_SOURCES);
    if (!statement)
        return -1;
    bind_number(statement, 1, count - limit);
    return run(self, statement);
}

// ---- looking

int
journal_store_sources(journal_store_t *self, journal_source_t **sources_p, size_t *count_p)
{
    sqlite3_stmt *statement = use(self, READ_SOURCES);
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
    }
    if (rc != SQLITE_DONE)
        (void) fail(self, rc);
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
    if (ask_number(self, READ_FIRST, first_p, &none) != 0)
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
    if (ask_number(self, PAGE_COUNT, &pages, &none) != 0 ||
        ask_number(self, FREE_COUNT, &free_pages, &none) != 0)
        return -1;
    struct stat status;
    *wal_p = stat(self->wal_path, &status) == 0 ? (uint64_t) status.st_size : 0;
    *used_p = (pages - free_pages) * PAGE_BYTES + journal_store_pending_bytes(self);
    return 0;
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
        return fail(self, rc);
    if (moved >= 0)
        self->moved_frames = (uint64_t) moved;
    if (frames >= 0)
        self->wal_frames = (uint64_t) frames;
    return 0;
}
