// request_table - the requests the monitor knows, open and lately finished, up to a limit
// SPDX-License-Identifier: MPL-2.0
//
// Finished requests are kept so that an event that comes again does not open them anew. Which
// have changed since they were last written elsewhere is noted, so that whoever writes them
// need not look at all of them.
#ifndef MONITOR_REQUEST_TABLE_H
#define MONITOR_REQUEST_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "deadline_queue.h"
#include "observation.h"
#include "throttling.h"

typedef struct request_table request_table_t;

// One user turn or one tools/call. Times are CLOCK_MONOTONIC milliseconds. The first part is
// request_watch's, the second the table's, whose number is the same for life.
typedef struct request {
    char session[OBSERVATION_ID_SIZE];
    char request[OBSERVATION_ID_SIZE];    // "" where the source gives its requests no ids
    char correlation[OBSERVATION_ID_SIZE];
    char host[OBSERVATION_HOST_SIZE];
    char provider[OBSERVATION_WORD_SIZE];
    char model[OBSERVATION_MODEL_SIZE];
    char stage[OBSERVATION_WORD_SIZE];    // of the last progress
    int64_t attempt;                      // of the last retry since then; 0 for none
    int64_t started_ms;
    int64_t progress_ms;
    int64_t heard_ms;    // when anything was last heard of it
    bool waiting_for_input;
    bool muted;               // what was last heard is old: it may no longer run
    bool overloaded;          // since the last progress, the provider said it is
    bool owes_clear;          // it has moved since it was reported
    const char *why_clear;    // a literal
    int64_t silent_until_clear_ms;
    diagnosis_t diagnosis;
    throttling_step_t reported;
    diagnosis_t reported_diagnosis;
    deadline_t deadline;

    bool finished;
    uint64_t number;    // its own, from 1
    uint64_t place;     // of its last move: grows from the older to the newer
    bool changed;       // since request_table_written
    bool written;       // it was there at a request_table_written
    struct request *older_changed, *newer_changed;
    struct request *older, *newer;          // among the open, or among the finished
    struct request *previous_of_session;    // among the open of its session
    struct request *next_of_session;
} request_t;

// Create a table of at most limit requests (at least 1).
request_table_t *request_table_new(size_t limit);
void request_table_destroy(request_table_t **self_p);

// The request, or NULL. Requests are borrowed, until request_table_forget.
request_t *request_table_find(const request_table_t *self, const char *session,
                              const char *request);

// Whether the next request_table_add needs room.
bool request_table_is_full(const request_table_t *self);

// Who goes first: the one that finished longest ago, else the one that opened longest ago. NULL
// when the table is empty.
request_t *request_table_oldest(const request_table_t *self);

// Add an open request that is not in the table, which is not full (both asserted).
request_t *request_table_add(request_table_t *self, const char *session, const char *request);

// Add one that was in a table before, with what its owner knew of it, its number, place and
// whether it is finished; after those of lower places. NULL when there is one of its name.
// The table is not full (asserted).
request_t *request_table_restore(request_table_t *self, const request_t *kept);

// Remove and end a request whose deadline is in no queue (asserted).
void request_table_forget(request_table_t *self, request_t *request);

// Move a request between the open and the finished; it becomes the newest there. Does nothing
// when it is there already.
void request_table_finish(request_table_t *self, request_t *request);
void request_table_reopen(request_table_t *self, request_t *request);

// The open requests of one session, newest first, on by next_of_session; NULL for none.
request_t *request_table_of_session(const request_table_t *self, const char *session);

// The open and the finished, oldest first, on by newer; NULL for none.
request_t *request_table_first_open(const request_table_t *self);
request_t *request_table_first_finished(const request_table_t *self);

// The request differs from what was last written.
void request_table_touch(request_table_t *self, request_t *request);

// Those that differ, on by newer_changed, NULL for none; and the numbers of those that were
// written and are no more.
const request_t *request_table_first_changed(const request_table_t *self);
const uint64_t *request_table_removed(const request_table_t *self, size_t *count_p);

// All that differed is written. Or: nothing can be said of what is, so all differ.
void request_table_written(request_table_t *self);
void request_table_unwritten(request_table_t *self);

size_t request_table_open_count(const request_table_t *self);
size_t request_table_size(const request_table_t *self);

#endif
