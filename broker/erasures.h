// erasures - sessions that are being forgotten for somebody, until all who can be have answered
// SPDX-License-Identifier: MPL-2.0
//
// One is over when the journal is done with it and every publisher that was told has answered,
// has gone, or had its time. Knows no sockets and is told the time (CLOCK_MONOTONIC ms).
#ifndef BROKER_ERASURES_H
#define BROKER_ERASURES_H

#include <czmq.h>
#include <jansson.h>

#include "journal_forgotten.h"

typedef struct erasures erasures_t;

typedef struct erasure {
    char session[MESH_SESSION_SIZE];
    uint64_t id;         // the caller's
    zframe_t *caller;    // owned; its route
    json_t *report;      // owned; what the caller is told
    json_t *waiting;     // owned; transport_id -> host, of who was told and has not answered
    int64_t deadline_ms;
    bool removed;    // the journal is done
    bool failed;     // it cannot be
} erasure_t;

// At most limit at a time.
erasures_t *erasures_new(size_t limit);
void erasures_destroy(erasures_t **self_p);

// Begin one; caller is copied, report is stolen: an object with what is known already, to which
// "reached" and "unreached" are added. Publishers have until deadline_ms. NULL, and report is
// gone, when as many are open as may be.
erasure_t *erasures_begin(erasures_t *self, const char *session, uint64_t id, zframe_t *caller,
                          json_t *report, int64_t deadline_ms);

// A publisher was told.
void erasure_expect(erasure_t *self, const char *transport_id, const char *host);

// A publisher says how many events it had of the session. Returns whether it was expected.
bool erasures_answered(erasures_t *self, const char *session, const char *transport_id,
                       uint64_t removed);

// A publisher is gone: it is not waited for.
void erasures_gone(erasures_t *self, const char *transport_id);

// The journal is done with a session; or cannot be.
void erasures_removed(erasures_t *self, const journal_forgotten_t *what, json_t *cursors);
void erasures_failed(erasures_t *self, const char *session);

// One that is over, which the caller ends; NULL when there is none. Its report is complete:
// who did not answer is in "unreached".
erasure_t *erasures_take_over(erasures_t *self, int64_t now_ms);
void erasure_destroy(erasure_t **self_p);

#endif
