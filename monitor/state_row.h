// state_row - what a row of the state's tables is in memory, and the other way round
// SPDX-License-Identifier: MPL-2.0
//
// Columns in the order of the tables (state_store). What is read is foreign, since another
// release or a broken disk may have written it.
#ifndef MONITOR_STATE_ROW_H
#define MONITOR_STATE_ROW_H

#include <sqlite3.h>

#include "state_store.h"

// mark is a state_mark_t. Each returns 0, or -1 when the row is none of ours. A record's texts
// are the row's.
int state_row_take_mark(void *mark, sqlite3_stmt *row);
int state_row_take_request(request_t *request, sqlite3_stmt *row);
int state_row_take_event(mesh_spool_record_t *record, sqlite3_stmt *row);

// What is bound is borrowed until the bindings are cleared.
void state_row_bind_mark(sqlite3_stmt *statement, const state_mark_t *mark);
void state_row_bind_request(sqlite3_stmt *statement, const request_t *request);
void state_row_bind_event(sqlite3_stmt *statement, const mesh_spool_record_t *record);

#endif
