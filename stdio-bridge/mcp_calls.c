// mcp_calls - the open calls of one MCP server: which one a line is of
// SPDX-License-Identifier: MPL-2.0
#include "mcp_calls.h"

#include <assert.h>
#include <czmq.h>

// A question of the server's that the client has not answered yet.
typedef struct question {
    json_t *id;        // owned; NULL: this place is free
    unsigned order;    // of the call that it is taken to belong to
} question_t;

struct mcp_calls {
    mcp_work_t calls[MCP_SESSION_CALLS_MOST];    // without an id: this place is free
    unsigned order;                              // of the latest call
    question_t questions[MCP_SESSION_QUESTIONS_MOST];
};

mcp_calls_t *
mcp_calls_new(const mcp_session_start_t *start, session_report_fn *handler, void *arg)
{
    mcp_calls_t *self = zmalloc(sizeof *self);
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        self->calls[i] = (mcp_work_t){.start = start, .handler = handler, .arg = arg};
    return self;
}

static void
forget_question(question_t *question)
{
    json_decref(question->id);
    *question = (question_t){0};
}

void
mcp_calls_destroy(mcp_calls_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mcp_calls_t *self = *self_p;
        for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
            mcp_work_close(&self->calls[i]);
        for (size_t i = 0; i < MCP_SESSION_QUESTIONS_MOST; i++)
            forget_question(&self->questions[i]);
        free(self);
        *self_p = NULL;
    }
}

// The oldest call that this is true of; NULL when there is none.
typedef bool call_is_fn(const mcp_work_t *call);

static mcp_work_t *
oldest(mcp_calls_t *self, call_is_fn *is)
{
    mcp_work_t *found = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = &self->calls[i];
        if (call->id && is(call) && (!found || call->order < found->order))
            found = call;
    }
    return found;
}

static bool
is_printing(const mcp_work_t *call)
{
    return call->aider && !call->waits;
}

static bool
is_open(const mcp_work_t *call)
{
    return !call->cancelled && !call->waits;
}

static bool
is_waiting(const mcp_work_t *call)
{
    return call->waits;
}

static bool
is_any(const mcp_work_t *call)
{
    return call->id != NULL;
}

static bool
is_cancelled(const mcp_work_t *call)
{
    return call->cancelled;
}

// ---- places ----

static mcp_work_t *
free_place(mcp_calls_t *self)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (!self->calls[i].id)
            return &self->calls[i];
    return NULL;
}

mcp_work_t *
mcp_calls_place(mcp_calls_t *self, aider_time_t now)
{
    assert(self);
    mcp_work_t *place = free_place(self);
    if (!place) {
        place = oldest(self, is_cancelled);
        place = place ? place : oldest(self, is_waiting);
        if (!place)
            return NULL;
        mcp_work_cancel(place, now);
        mcp_calls_close(self, place);
    }
    mcp_calls_renew(self, place);
    return place;
}

void
mcp_calls_renew(mcp_calls_t *self, mcp_work_t *call)
{
    assert(self && call);
    call->order = ++self->order;
}

void
mcp_calls_close(mcp_calls_t *self, mcp_work_t *call)
{
    assert(self && call);
    for (size_t i = 0; i < MCP_SESSION_QUESTIONS_MOST; i++)
        if (self->questions[i].id && self->questions[i].order == call->order)
            forget_question(&self->questions[i]);
    mcp_work_close(call);
}

void
mcp_calls_close_cancelled(mcp_calls_t *self, unsigned before)
{
    assert(self);
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (self->calls[i].cancelled && self->calls[i].order < before)
            mcp_calls_close(self, &self->calls[i]);
}

// ---- finding ----

mcp_work_t *
mcp_calls_find(mcp_calls_t *self, const json_t *id)
{
    assert(self);
    mcp_work_t *found = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = &self->calls[i];
        if (call->id && !call->waits && json_equal(call->id, id) &&
            (!found || found->cancelled))
            found = call;
    }
    return found;
}

mcp_work_t *
mcp_calls_continued(mcp_calls_t *self, const json_t *message)
{
    assert(self);
    mcp_work_t *found = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = &self->calls[i];
        if (call->id && mcp_work_goes_on(call, message) &&
            (!found || call->order < found->order))
            found = call;
    }
    return found;
}

mcp_work_t *
mcp_calls_printing(mcp_calls_t *self)
{
    assert(self);
    return oldest(self, is_printing);
}

mcp_work_t *
mcp_calls_current(mcp_calls_t *self)
{
    mcp_work_t *call = mcp_calls_printing(self);
    return call && is_open(call) ? call : oldest(self, is_open);
}

mcp_work_t *
mcp_calls_oldest(mcp_calls_t *self)
{
    assert(self);
    return oldest(self, is_any);
}

mcp_work_t *
mcp_calls_only(mcp_calls_t *self)
{
    assert(self);
    mcp_work_t *only = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = &self->calls[i];
        if (!call->id || call->waits)
            continue;
        if (only)
            return NULL;
        only = call;
    }
    return only && is_open(only) ? only : NULL;
}

mcp_work_t *
mcp_calls_at(mcp_calls_t *self, size_t i)
{
    assert(self && i < MCP_SESSION_CALLS_MOST);
    return self->calls[i].id ? &self->calls[i] : NULL;
}

// ---- questions ----

void
mcp_calls_ask(mcp_calls_t *self, const mcp_work_t *call, const json_t *id)
{
    assert(self && call);
    for (size_t i = 0; i < MCP_SESSION_QUESTIONS_MOST; i++)
        if (!self->questions[i].id) {
            self->questions[i] = (question_t){.id = json_deep_copy(id), .order = call->order};
            return;
        }
}

mcp_work_t *
mcp_calls_answered(mcp_calls_t *self, const json_t *id)
{
    assert(self);
    for (size_t i = 0; i < MCP_SESSION_QUESTIONS_MOST; i++) {
        question_t *question = &self->questions[i];
        if (!question->id || !json_equal(question->id, id))
            continue;
        unsigned order = question->order;
        forget_question(question);
        for (size_t j = 0; j < MCP_SESSION_CALLS_MOST; j++)
            if (self->calls[j].id && self->calls[j].order == order)
                return &self->calls[j];
        return NULL;
    }
    return NULL;
}
