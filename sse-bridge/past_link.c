// past_link - asks the broker for pages of the past
// SPDX-License-Identifier: MPL-2.0
#include "past_link.h"

#include <assert.h>
#include <stdlib.h>

#include "mesh/control.h"
#include "mesh/log.h"
#include "mesh/timer.h"

enum { DEADLINE_MS = 5000 };

struct past_link {
    zloop_t *loop;        // borrowed
    mesh_link_t *link;    // borrowed
    past_t *past;         // owned
    mesh_timer_t *retry_timer;
    uint64_t request;    // 0 when none is under way
    void (*news)(void *arg);
    void *arg;
};

static int
on_retry_due(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    past_link_t *self = arg;
    past_tick(self->past, zclock_mono());
    return 0;
}

static void
plan_retry(past_link_t *self)
{
    mesh_timer_end(&self->retry_timer);
    // Not in step with all who were refused with us.
    mesh_timer_start(&self->retry_timer, self->loop,
                     PAST_PAUSE_MS + (size_t) randof(PAST_PAUSE_MS), true, on_retry_due, self);
}

static void
fail(past_link_t *self)
{
    past_fail(self->past, zclock_mono());
    plan_retry(self);
}

// mesh_link_reply_fn
static void
on_page(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    past_link_t *self = arg;
    self->request = 0;
    if (!streq(verb, "events")) {
        const char *code = "";
        (void) mesh_control_get_text(body, "code", 64, &code);
        mesh_log_debug("past-refused", "%s", code);
        fail(self);
    } else if (past_take(self->past, body, frames, zclock_mono()) != 0) {
        mesh_log_warning("replay-malformed",
                         "an answer to a replay is not as the protocol says");
        plan_retry(self);
    }
}

static void
ask(void *arg, const mesh_cursor_t *after)
{
    past_link_t *self = arg;
    json_t *body = json_pack("{s:o, s:I}", "epoch", mesh_control_epoch(after->epoch), "after",
                             (json_int_t) after->offset);
    assert(body);
    self->request = mesh_link_request(self->link, "replay", body, DEADLINE_MS, on_page, self);
    if (self->request == 0)
        fail(self);
}

static void
on_news(void *arg)
{
    const past_link_t *self = arg;
    self->news(self->arg);
}

static const past_owner_t owner = {.ask = ask, .news = on_news};

past_link_t *
past_link_new(zloop_t *loop, mesh_link_t *link, void (*news)(void *arg), void *arg)
{
    past_link_t *self = calloc(1, sizeof *self);
    assert(self);
    self->loop = loop;
    self->link = link;
    self->news = news;
    self->arg = arg;
    self->past = past_new(&owner, self);
    return self;
}

void
past_link_destroy(past_link_t **self_p)
{
    assert(self_p);
    past_link_t *self = *self_p;
    if (self) {
        mesh_link_cancel(self->link, self->request);
        mesh_timer_end(&self->retry_timer);
        past_destroy(&self->past);
        free(self);
        *self_p = NULL;
    }
}

past_t *
past_link_pages(past_link_t *self)
{
    return self->past;
}
