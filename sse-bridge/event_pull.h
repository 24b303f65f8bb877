// event_pull - one question for events and, step by step, its answer
// SPDX-License-Identifier: MPL-2.0
//
// A decision without sockets: where to begin and what is missing (as resume and past_reader
// decide for streams), which events of the journal's past and of the ring belong into the
// answer, whether there is enough or more is waited for. The work is done in portions, so that
// a long look back holds up nobody. Times are CLOCK_MONOTONIC milliseconds.
#ifndef SSE_EVENT_PULL_H
#define SSE_EVENT_PULL_H

#include "event_page.h"
#include "event_ring.h"
#include "past.h"
#include "resume.h"
#include "session_table.h"
#include "stream_query.h"

typedef struct event_pull event_pull_t;

enum {
    // For how long at least the verdict is waited for, when it is not known, or a page of the
    // past: the broker may be on its way back, and says where it is every second.
    EVENT_PULL_HOLD_MS = 2500,
};

typedef enum {
    EVENT_PULL_MORE,       // the budget is used up: step again soon
    EVENT_PULL_WAITS,      // nothing yet: step again when something came, and at due_ms
    EVENT_PULL_DONE,       // event_pull_finish has the answer
    EVENT_PULL_UNKNOWN,    // it cannot be said what follows: the broker is away
} event_pull_outcome_t;

// What is known now. All borrowed.
typedef struct event_pull_world {
    const event_ring_t *ring;
    const session_table_t *sessions;
    // What resume is to know about a question.
    resume_world_t (*known)(const void *arg, const resume_ask_t *ask, const filter_t *filter);
    const void *arg;
    // The page of the journal that follows a place; NULL when it has still to come.
    const past_page_t *(*page)(void *arg, const mesh_cursor_t *after);
    void *page_arg;
} event_pull_world_t;

// Takes the query's filter. Without a position the newest events are asked for, as many as the
// answer may have.
event_pull_t *event_pull_new(stream_query_t *query, bool ndjson, int64_t now_ms);
void event_pull_destroy(event_pull_t **self_p);

// Go on; *budget (evaluations, see stream_group.h) is reduced. hurry: end what waits now.
event_pull_outcome_t event_pull_step(event_pull_t *self, const event_pull_world_t *world,
                                     bool hurry, int64_t now_ms, int64_t *budget);

// When what waits ends by itself.
int64_t event_pull_due_ms(const event_pull_t *self);

// What an answer says; after EVENT_PULL_DONE. The text is the caller's to free.
typedef struct event_pull_answer {
    char *text;
    size_t bytes;
    const char *verdict;    // static
    mesh_cursor_t next;
} event_pull_answer_t;

event_pull_answer_t event_pull_finish(event_pull_t *self);

#endif
