// journal_store_private - what the files of the store share
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_JOURNAL_STORE_PRIVATE_H
#define BROKER_JOURNAL_STORE_PRIVATE_H

#include <sqlite3.h>

#include "high_water.h"
#include "journal_run.h"
#include "journal_store.h"

// Every statement, prepared at its first use and kept.
typedef enum {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_READ_STATE,
    STORE_WRITE_STATE,
    STORE_ADD_RUN,
    STORE_PUT_SOURCE,
    STORE_REGISTER,
    STORE_PUT_LATEST,
    STORE_FORGET_LATEST,
    STORE_BEGIN_FORGETTING,
    STORE_GO_ON_FORGETTING,
    STORE_END_FORGETTING,
    STORE_READ_FORGOTTEN,
    STORE_TRIM_FORGOTTEN,
    STORE_NEXT_RUN,
    STORE_REMOVE_RUN,
    STORE_SHORTEN_RUN,
    STORE_READ_REMOVED,
    STORE_PUT_REMOVED,
    STORE_READ_FIRST,
    STORE_READ_SOURCES,
    STORE_COUNT_SOURCES,
    STORE_TRIM_SOURCES,
    STORE_TRIM_REGISTERED,
    STORE_PAGE_COUNT,
    STORE_FREE_COUNT,
    STORE_STATEMENTS,
} store_statement_t;

struct journal_store {
    sqlite3 *db;                                   // owned
    sqlite3_stmt *statements[STORE_STATEMENTS];    // owned; NULL before their first use
    char *wal_path;                                // owned
    bool durable;
    journal_state_t state;                // as committed
    journal_state_t changing;             // as it will be when the transaction is
    high_water_t sources;                 // of the transaction
    journal_run_t run;                    // being made
    uint64_t wal_frames, moved_frames;    // in the log; of these already in the file
    uint64_t log;                         // counts how often the log began anew
    mesh_db_fault_t fault;
    char reason[256];
};

// Note what went wrong. Returns -1.
int store_fail(journal_store_t *self, int rc);

// The statement, ready to bind; NULL after a fault.
sqlite3_stmt *store_use(journal_store_t *self, store_statement_t which);

// Run a statement that gives no row, and make it ready for the next time. Takes NULL, which is
// a fault.
int store_run(journal_store_t *self, sqlite3_stmt *statement);

// The one number of the one row that a statement gives; *is_null where it gives none.
int store_ask_number(journal_store_t *self, store_statement_t which, uint64_t *number,
                     bool *is_null);

// Run text that gives no rows.
int store_execute(journal_store_t *self, const char *text);

void store_bind_number(sqlite3_stmt *statement, int index, uint64_t number);
void store_bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t size);

// End a transaction: with what was changed, or without. store_roll_back returns -1.
int store_finish(journal_store_t *self);
int store_roll_back(journal_store_t *self);

// Have the row of this key be what was left of it, in self->run.
int store_write_rest(journal_store_t *self, uint64_t key);

// The row of this key is not what was written. Returns -1.
int store_fail_as_damaged(journal_store_t *self, uint64_t key);

// What a FORGET and a TOLD say, in a transaction.
int store_begin_forgetting(journal_store_t *self, const journal_batch_t *batch);
int store_end_forgetting(journal_store_t *self, const journal_batch_t *batch);

// The sessions that were forgotten, and the sources that hellos have named; in journals of
// earlier releases too.
extern const char store_forgotten_schema[], store_registered_schema[];

// The tables of a journal that was just made.
extern const char store_schema[];
enum { STORE_FORMAT = 2 };

#endif
