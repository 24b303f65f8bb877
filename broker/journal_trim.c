// journal_trim - takes events out of the store
// SPDX-License-Identifier: MPL-2.0
#include <stdio.h>

#include "journal_store_private.h"

// What a step of trimming may take, and how far it has come.
typedef struct trim {
    unsigned families;
    uint64_t after;
    int64_t before_us;
    uint64_t limit;
    uint64_t looked;     // at so many events
    uint64_t until;      // the last of them
    uint64_t removed;    // so many are to go
} trim_t;

// Of a run, gather what stays. Returns -1 when the run is not what was written.
static int
sort_out(journal_store_t *self, trim_t *trim, journal_run_cursor_t cursor)
{
    journal_run_event_t event;
    journal_run_outcome_t outcome;
    journal_run_clear(&self->run);
    while ((outcome = journal_run_next(&cursor, &event)) == JOURNAL_RUN_EVENT) {
        bool looked_at = event.offset > trim->after && trim->looked < trim->limit;
        if (looked_at) {
            trim->looked++;
            trim->until = event.offset;
        }
        if (looked_at && trim->families & (1U << event.family)) {
            trim->removed++;
            self->changing.removed[event.family] = event.offset;
        } else {
            journal_run_add(&self->run, &event);
        }
    }
    return outcome == JOURNAL_RUN_END ? 0 : -1;
}

int
store_write_rest(journal_store_t *self, uint64_t key)
{
    const journal_run_t *rest = &self->run;
    sqlite3_stmt *statement =
        store_use(self, rest->count > 0 ? STORE_SHORTEN_RUN : STORE_REMOVE_RUN);
    if (!statement)
        return -1;
    store_bind_number(statement, 1, key);
    if (rest->count > 0) {
        store_bind_number(statement, 2, rest->first);
        store_bind_number(statement, 3, rest->count);
        sqlite3_bind_int64(statement, 4, journal_run_sum(key, rest->bytes, rest->used));
        store_bind_bytes(statement, 5, rest->bytes, rest->used);
    }
    return store_run(self, statement);
}

int
store_fail_as_damaged(journal_store_t *self, uint64_t key)
{
    self->fault = MESH_DB_CORRUPT;
    snprintf(self->reason, sizeof self->reason, "the events up to %llu were changed",
             (unsigned long long) key);
    return -1;
}

// Look at the run after *key_p, and set that to its key. *over_p: there is none, or it is too
// young.
static int
trim_next(journal_store_t *self, trim_t *trim, uint64_t *key_p, bool *over_p)
{
    sqlite3_stmt *statement = store_use(self, STORE_NEXT_RUN);
    if (!statement)
        return -1;
    uint64_t removed_before = trim->removed;
    store_bind_number(statement, 1, *key_p);
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        (void) store_fail(self, rc);
    *over_p = rc != SQLITE_ROW || (trim->before_us != INT64_MAX &&
                                   sqlite3_column_int64(statement, 1) >= trim->before_us);
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
    if (!*over_p) {
        const void *bytes = sqlite3_column_blob(statement, 3);
        size_t size = (size_t) sqlite3_column_bytes(statement, 3);
        *key_p = (uint64_t) sqlite3_column_int64(statement, 0);
        bool sound =
            bytes && journal_run_sum(*key_p, bytes, size) == sqlite3_column_int64(statement, 2);
        if (!sound || sort_out(self, trim, journal_run_read(bytes, size)) != 0)
            result = store_fail_as_damaged(self, *key_p);
    }
    (void) sqlite3_reset(statement);
    if (result == 0 && trim->removed > removed_before)
        result = store_write_rest(self, *key_p);
    return result;
}

static int
put_removed(journal_store_t *self)
{
    for (int family = 0; family < MESH_FAMILIES; family++) {
        // Lower than before is what a family with a longer age left to a later step.
        if (self->changing.removed[family] <= self->state.removed[family]) {
            self->changing.removed[family] = self->state.removed[family];
            continue;
        }
        sqlite3_stmt *statement = store_use(self, STORE_PUT_REMOVED);
        if (!statement)
            return -1;
        sqlite3_bind_int(statement, 1, family);
        store_bind_number(statement, 2, self->changing.removed[family]);
        if (store_run(self, statement) != 0)
            return -1;
    }
    return 0;
}

int
journal_store_trim(journal_store_t *self, unsigned families, uint64_t after, int64_t before_us,
                   uint64_t limit, uint64_t *until_p, bool *more_p)
{
    trim_t trim = {.families = families,
                   .after = after,
                   .before_us = before_us,
                   .limit = limit,
                   .until = after};
    bool over = false;
    *until_p = after;
    *more_p = false;
    if (journal_store_begin(self) != 0)
        return -1;
    for (uint64_t key = after; !over && trim.looked < limit;)
        if (trim_next(self, &trim, &key, &over) != 0)
            return store_roll_back(self);
    *until_p = trim.until;
    *more_p = !over;
    if (trim.removed == 0) {
        (void) store_roll_back(self);    // nothing was changed
        return 0;
    }
    self->changing.events -= trim.removed;
    return put_removed(self) == 0 ? store_finish(self) : store_roll_back(self);
}

int
journal_store_trim_sources(journal_store_t *self, uint64_t limit)
{
    uint64_t count;
    bool none;
    if (store_ask_number(self, STORE_COUNT_SOURCES, &count, &none) != 0)
        return -1;
    if (count <= limit)
        return 0;
    sqlite3_stmt *statement = store_use(self, STORE_TRIM_SOURCES);
    if (!statement)
        return -1;
    store_bind_number(statement, 1, count - limit);
    return store_run(self, statement) == 0
               ? store_run(self, store_use(self, STORE_TRIM_REGISTERED))
               : -1;
}
