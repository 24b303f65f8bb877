// handover_forgotten - has the other broker forget what this one was told to forget
// SPDX-License-Identifier: MPL-2.0
#include "handover_forgotten.h"

#include <assert.h>
#include <jansson.h>

#include "mesh/control.h"

enum { ANSWER_MS = 5000 };

struct handover_forgotten {
    mesh_link_t *link;    // borrowed
    handover_forgotten_fn *on_outcome;
    void *arg;           // borrowed
    json_t *sessions;    // owned; array of texts
    size_t noted;        // so many of them, from the first on, are
    size_t asked;        // so many of those after them were named last
    uint64_t request;    // 0 when no answer is awaited
};

handover_forgotten_t *
handover_forgotten_new(mesh_link_t *link, forgotten_t *sessions,
                       handover_forgotten_fn *on_outcome, void *arg)
{
    assert(link && sessions && on_outcome);
    handover_forgotten_t *self = zmalloc(sizeof *self);
    self->link = link;
    self->on_outcome = on_outcome;
    self->arg = arg;
    self->sessions = json_array();
    for (const char *session = forgotten_first(sessions); session;
         session = forgotten_next(sessions))
        json_array_append_new(self->sessions, json_string(session));
    return self;
}

void
handover_forgotten_destroy(handover_forgotten_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_link_cancel((*self_p)->link, (*self_p)->request);
        json_decref((*self_p)->sessions);
        free(*self_p);
        *self_p = NULL;
    }
}

// mesh_link_reply_fn
static void
on_reply(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    (void) frames;
    handover_forgotten_t *self = arg;
    uint64_t pending;
    self->request = 0;
    if (!streq(verb, "forgotten") || mesh_control_get_number(body, "pending", &pending) != 0) {
        self->on_outcome(self->arg, HANDOVER_FORGOTTEN_REFUSED);
        return;
    }
    if (pending > 0)
        return;
    self->noted += self->asked;
    if (self->noted < json_array_size(self->sessions)) {
        handover_forgotten_ask(self);
        self->on_outcome(self->arg, HANDOVER_FORGOTTEN_GOES_ON);
    } else {
        self->on_outcome(self->arg, HANDOVER_FORGOTTEN_DONE);
    }
}

void
handover_forgotten_ask(handover_forgotten_t *self)
{
    if (self->request)
        return;
    size_t left = json_array_size(self->sessions) - self->noted;
    if (left == 0) {
        self->on_outcome(self->arg, HANDOVER_FORGOTTEN_DONE);
        return;
    }
    self->asked = left < HANDOVER_FORGOTTEN_AT_ONCE ? left : HANDOVER_FORGOTTEN_AT_ONCE;
    json_t *named = json_array();
    for (size_t i = 0; i < self->asked; i++)
        json_array_append(named, json_array_get(self->sessions, self->noted + i));
    self->request =
        mesh_link_request(self->link, "forget", json_pack("{s:o}", "session_ids", named),
                          ANSWER_MS, on_reply, self);
}
