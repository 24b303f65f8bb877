// state_store - the monitor's SQLite file: requests, what waits to be sent, and how far it read
// SPDX-License-Identifier: MPL-2.0
//
// One connection, which has the file to itself while it is open. Knows rows, not what they
// mean; decides nothing. After any fault the store can only be destroyed: nothing of a
// transaction that was not committed is kept.
#ifndef MONITOR_STATE_STORE_H
#define MONITOR_STATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/cursor.h"
#include "mesh/db_fault.h"
#include "mesh/lock_file.h"
#include "mesh/spool_record.h"
#include "mesh/uuid.h"
#include "request_table.h"

typedef struct state_store state_store_t;

// What there is once.
typedef struct state_mark {
    mesh_cursor_t consumed;    // of epoch 0: nothing
    mesh_uuid_t source;        // of the events; all zero in a file that was just made
    uint64_t acknowledged;     // numbers of the source: up to here the broker has them
    uint64_t last;             // the last one given
    // When it was written, by the clock that the requests' times are of, and by the wall's.
    char boot[MESH_LOCK_BOOT_ID_SIZE];    // the run of the kernel; "" when it is not known
    int64_t mono_ms;
    int64_t wall_us;
} state_mark_t;

// Open or make the file. durable: every transaction survives a loss of power, not only a crash.
// wait_ms: how long to wait, blocking, while another program has it. Returns NULL with *fault_p
// and *reason_p, a sentence the caller frees. A file of a later release (MESH_DB_NEWER) is left
// as it is.
state_store_t *state_store_open(const char *path, bool durable, int wait_ms,
                                mesh_db_fault_t *fault_p, char **reason_p);
void state_store_destroy(state_store_t **self_p);

mesh_db_fault_t state_store_fault(const state_store_t *self);
const char *state_store_reason(const state_store_t *self);

// Each of these returns 0, or -1 with a fault.
int state_store_read_mark(state_store_t *self, state_mark_t *mark);

// Give fn each row, of the lowest place and number first; what fn gets is valid within the
// call. Rows that none of ours are (a text too long, a word unknown) are MESH_DB_CORRUPT. fn
// may return -1 for the same.
typedef int state_store_request_fn(void *arg, const request_t *request);
int state_store_read_requests(state_store_t *self, state_store_request_fn *fn, void *arg);
typedef int state_store_event_fn(void *arg, const mesh_spool_record_t *record);
int state_store_read_events(state_store_t *self, state_store_event_fn *fn, void *arg);

// One transaction: begin, any of the changes, commit.
int state_store_begin(state_store_t *self);
int state_store_put_mark(state_store_t *self, const state_mark_t *mark);
int state_store_put_request(state_store_t *self, const request_t *request);
int state_store_remove_request(state_store_t *self, uint64_t number);
int state_store_remove_requests(state_store_t *self);    // all of them
int state_store_put_event(state_store_t *self, const mesh_spool_record_t *record);
int state_store_remove_events(state_store_t *self, uint64_t up_to);
int state_store_commit(state_store_t *self);

// Move the log into the file and empty it, so that what was removed is in neither.
int state_store_empty_log(state_store_t *self);

#endif
