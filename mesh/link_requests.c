// link_requests - what a link has asked and was not yet answered
// SPDX-License-Identifier: MPL-2.0
#include "link_requests.h"

#include <assert.h>

enum { OPEN_LIMIT = 1000 };

typedef struct open_request {
    uint64_t id;
    int64_t deadline_ms;
    mesh_link_reply_fn *reply;
    void *arg;    // borrowed
} open_request_t;

struct link_requests {
    zlistx_t *open;    // open_request_t, oldest first; owned, with its items
    uint64_t last_id;
};

static void
open_request_destroy(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

link_requests_t *
link_requests_new(void)
{
    link_requests_t *self = zmalloc(sizeof *self);
    self->open = zlistx_new();
    zlistx_set_destructor(self->open, open_request_destroy);
    return self;
}

void
link_requests_destroy(link_requests_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        link_requests_t *self = *self_p;
        link_requests_fail_all(self, "away", "the link is closed");
        zlistx_destroy(&self->open);
        free(self);
        *self_p = NULL;
    }
}

uint64_t
link_requests_add(link_requests_t *self, int64_t deadline_ms, mesh_link_reply_fn *reply,
                  void *arg)
{
    assert(self && reply);
    if (zlistx_size(self->open) >= OPEN_LIMIT)
        return 0;
    open_request_t *request = zmalloc(sizeof *request);
    *request = (open_request_t){++self->last_id, deadline_ms, reply, arg};
    zlistx_add_end(self->open, request);
    return request->id;
}

static open_request_t *
find(link_requests_t *self, uint64_t id)
{
    open_request_t *request = zlistx_first(self->open);
    while (request && request->id != id)
        request = zlistx_next(self->open);
    return request;
}

// Take the request the list's cursor stands on out of the list, then reply: the reply may ask
// anew.
static void
reply_to_current(link_requests_t *self, const char *verb, const json_t *body, zmsg_t *frames)
{
    open_request_t request = *(open_request_t *) zlistx_item(self->open);
    zlistx_delete(self->open, zlistx_cursor(self->open));
    request.reply(request.arg, verb, body, frames);
}

void
link_requests_answer(link_requests_t *self, uint64_t id, const char *verb, const json_t *body,
                     zmsg_t *frames)
{
    if (find(self, id))
        reply_to_current(self, verb, body, frames);
}

static void
fail_current(link_requests_t *self, const char *code, const char *message)
{
    json_t *body = json_pack("{s:s, s:s}", "code", code, "message", message);
    assert(body);
    reply_to_current(self, "error", body, NULL);
    json_decref(body);
}

void
link_requests_cancel(link_requests_t *self, uint64_t id)
{
    if (find(self, id))
        zlistx_delete(self->open, zlistx_cursor(self->open));
}

void
link_requests_fail_all(link_requests_t *self, const char *code, const char *message)
{
    // Only those open now: a reply that asks again is not failed in the same breath.
    for (size_t left = zlistx_size(self->open); left > 0 && zlistx_first(self->open); left--)
        fail_current(self, code, message);
}

void
link_requests_expire(link_requests_t *self, int64_t now_ms)
{
    uint64_t newest_id = self->last_id;
    open_request_t *request = zlistx_first(self->open);
    while (request && request->id <= newest_id) {
        if (request->deadline_ms <= now_ms) {
            if (request->deadline_ms == LINK_REQUEST_AWAY)
                fail_current(self, "away", "the broker is away");
            else
                fail_current(self, "deadline", "no answer came in time");
            request = zlistx_first(self->open);
        } else {
            request = zlistx_next(self->open);
        }
    }
}
