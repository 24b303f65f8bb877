// resume - where a stream begins, and what is said about it
// SPDX-License-Identifier: MPL-2.0
//
// A decision without sockets: what the client asked, what the ring and the mesh know, and the
// time go in; a verdict and a start come out.
#ifndef SSE_RESUME_H
#define SSE_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/cursor.h"
#include "type_ledger.h"

enum {
    // A cursor beyond our head is one that another sse-bridge gave, until a mesh.head that was
    // sent after the question says otherwise. The broker sends one every second.
    RESUME_HEAD_WAIT_MS = 1200,
};

typedef enum {
    RESUME_SINCE_NOTHING,
    RESUME_SINCE_CURSOR,
    RESUME_SINCE_TIME,
    RESUME_SINCE_EARLIEST,
    RESUME_SINCE_LAST,
} resume_since_t;

typedef enum { RESUME_NO_ID, RESUME_ID, RESUME_ID_UNREADABLE } resume_id_t;

// What the client asked.
typedef struct resume_ask {
    resume_id_t id;          // Last-Event-ID, which beats since
    mesh_cursor_t cursor;    // of RESUME_ID
    resume_since_t since;
    mesh_cursor_t since_cursor;
    int64_t since_us;    // Unix microseconds of `recorded`
    uint32_t last;       // how many events
    bool snapshot;       // the live sessions first
    int64_t asked_ms;
} resume_ask_t;

// What is known now.
typedef struct resume_world {
    bool live;                 // the ring has all that the broker has, and follows it
    int64_t heard_ms;          // when the broker was last heard
    mesh_cursor_t position;    // the newest place of the ring
    type_removal_t removed;    // of what the stream's filter may match, in this epoch
    // The same of sessions that were forgotten; of RESUME_SINCE_CURSOR and Last-Event-ID what
    // is after the cursor. It lies among what is kept.
    type_removal_t forgotten;
} resume_world_t;

typedef enum {
    RESUME_HOLD,    // not known yet: ask again later
    RESUME_LIVE,
    RESUME_EXACT,
    RESUME_GAP,
    RESUME_RESET,
    RESUME_UNKNOWN,
} resume_verdict_t;

typedef enum {
    RESUME_START_NOW,
    RESUME_START_AFTER,    // an offset
    RESUME_START_TIME,
    RESUME_START_EARLIEST,
    RESUME_START_LAST,    // how many: the caller counts, then asks resume_last
} resume_start_t;

typedef struct resume_answer {
    resume_verdict_t verdict;
    resume_start_t start;
    uint64_t after;      // of RESUME_START_AFTER
    bool from_known;     // of RESUME_GAP: whether the lost range has a beginning
    uint64_t from;       // the client has what is up to here
    uint64_t to;         // the stream goes on after this
    uint64_t at_most;    // how many events were lost, at most
    bool forgotten;      // ... because their sessions were forgotten, and for no other reason
} resume_answer_t;

resume_answer_t resume_decide(const resume_ask_t *ask, const resume_world_t *world,
                              int64_t now_ms);

// The same question, when more is known of what was removed: of the answer that was given the
// start stays, and the verdict where that is RESUME_RESET or RESUME_UNKNOWN.
resume_answer_t resume_again(const resume_answer_t *answer, const resume_ask_t *ask,
                             const resume_world_t *world);

// The verdict on the last `wanted` events when only `found` are kept. Turns answer into a gap
// where what is missing was removed.
void resume_last(resume_answer_t *answer, const resume_world_t *world, uint32_t wanted,
                 uint32_t found);

// Whether the client is to be told the live sessions first: it has asked to be, or what it
// knows of them is of another journal. Not where it comes back to a place after which nothing
// is missing: then it knows them.
bool resume_tells_sessions(const resume_ask_t *ask, const resume_answer_t *answer);

// "live", "exact", "gap", "reset", "unknown"; "hold".
const char *resume_verdict_name(resume_verdict_t verdict);

#endif
