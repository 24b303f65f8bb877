// request_watch - which requests are long without progress, and what to say about them
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and no clock: the caller tells what was observed and when. Times are
// CLOCK_MONOTONIC milliseconds, which stand still while the machine sleeps, so that a sleeping
// laptop is no throttling.
//
// What counts. Progress, the start, and a person's answer begin a silence anew. "Still waiting"
// and retries do not; a retry changes the diagnosis. A request that waits for a person is never
// throttled, until anything but "still waiting" is heard of it. A late event, or one that was
// recorded long ago (replay at start), says nothing about now: its request is followed, and
// reported only once something newer is heard from it.
//
// What is reported. One report for each change of step or diagnosis while nothing moves, and
// one that clears them.
#ifndef MONITOR_REQUEST_WATCH_H
#define MONITOR_REQUEST_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "observation.h"
#include "request_table.h"

// What was heard longer ago than this is no sign of life. Bridges speak every 10 s while a
// request is open.
enum { REQUEST_WATCH_ALIVE_MS = 60 * 1000 };

typedef struct request_watch request_watch_t;

typedef struct request_watch_limits {
    throttling_limits_t throttling;
    size_t requests;    // how many are remembered; past it the oldest finished goes first
} request_watch_limits_t;

typedef struct request_report {
    const request_t *request;    // borrowed for the call
    throttling_step_t step;      // detected, or the one that is over
    diagnosis_t diagnosis;
    const char *reason;      // NULL: detected; else why it is over: "progress", "completed",
                             // "session_ended", "waiting_for_input" or "forgotten"
    int64_t silent_ms;       // without progress until now, or until it was over
    int64_t open_ms;         // since the request started
    int64_t threshold_ms;    // the silence that names the step
} request_report_t;

// Called from request_watch_observe, _advance and _resume. Must not call back into the watch.
typedef void request_watch_report_fn(void *arg, const request_report_t *report);

// Counts of open requests.
typedef struct request_watch_counts {
    size_t open;
    size_t throttled;    // reported, and not over
    size_t waiting_for_input;
    size_t silent;    // muted: not heard of lately
} request_watch_counts_t;

// The watch begins held (see request_watch_hold).
request_watch_t *request_watch_new(const request_watch_limits_t *limits,
                                   request_watch_report_fn *report, void *arg);
void request_watch_destroy(request_watch_t **self_p);

// Have other thresholds from now on. What has been reported stays reported; the next
// request_watch_resume or _advance finds what is due by the new ones.
void request_watch_set_thresholds(request_watch_t *self, const throttling_limits_t *thresholds);

// Take one observation. at_ms is when the event reached the mesh, at most now_ms: now_ms for a
// live event, earlier for a replayed one. late: the event was recorded long after it happened.
void request_watch_observe(request_watch_t *self, const observation_t *observation,
                           int64_t at_ms, bool late, int64_t now_ms);

// Take up a request as it was known before, with its times moved to now's clock; those of lower
// places first. Where there is no room the oldest go. Only while held (asserted). Returns -1,
// with nothing taken, when there is one of its name.
int request_watch_restore(request_watch_t *self, const request_t *kept, int64_t now_ms);

// Ask before each report that time makes due whether there is room for it: what there is none
// for stays due. Without it there always is.
typedef bool request_watch_room_fn(void *arg);
void request_watch_on_room(request_watch_t *self, request_watch_room_fn *room, void *arg);

// Report nothing for a while, because events may be missing: at the start, while the broker is
// away, after a stall. What is observed still counts.
void request_watch_hold(request_watch_t *self);

// End the hold and report what is due. Does nothing when there is none.
void request_watch_resume(request_watch_t *self, int64_t now_ms);
bool request_watch_is_held(const request_watch_t *self);

// When request_watch_advance next has something to do; -1 for never.
int64_t request_watch_next_ms(const request_watch_t *self);

// Report what is due at now_ms. Does nothing while held.
void request_watch_advance(request_watch_t *self, int64_t now_ms);

// Count the open requests, in one pass over them.
request_watch_counts_t request_watch_count(const request_watch_t *self);

// The requests, for reading; and for who writes them down.
const request_table_t *request_watch_table(const request_watch_t *self);
request_table_t *request_watch_own_table(request_watch_t *self);

// The reasons of reports, by which request_t's why_clear can be found again: the same literal,
// or NULL when there is no such reason.
const char *request_watch_reason(const char *text);

#endif
