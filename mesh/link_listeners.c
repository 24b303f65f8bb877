// link_listeners - the parts of a program that a link tells what it hears
// SPDX-License-Identifier: MPL-2.0
#include "link_listeners.h"

#include <assert.h>

void
link_listeners_add(link_listeners_t *self, const mesh_link_listener_t *calls, void *arg)
{
    assert(self && calls && self->count < sizeof self->rows / sizeof self->rows[0]);
    self->rows[self->count].calls = calls;
    self->rows[self->count++].arg = arg;
}

void
link_listeners_remove(link_listeners_t *self, const mesh_link_listener_t *calls, void *arg)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->rows[i].calls == calls && self->rows[i].arg == arg) {
            self->count--;
            memmove(&self->rows[i], &self->rows[i + 1],
                    (self->count - i) * sizeof self->rows[0]);
            return;
        }
    }
}

void
link_listeners_welcome(const link_listeners_t *self, const mesh_welcome_t *welcome)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->rows[i].calls->on_welcome)
            self->rows[i].calls->on_welcome(self->rows[i].arg, welcome);
}

void
link_listeners_away(const link_listeners_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->rows[i].calls->on_away)
            self->rows[i].calls->on_away(self->rows[i].arg);
}

void
link_listeners_message(const link_listeners_t *self, const char *verb, const json_t *body)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->rows[i].calls->on_message)
            self->rows[i].calls->on_message(self->rows[i].arg, verb, body);
}

void
link_listeners_heartbeat(const link_listeners_t *self, json_t *body)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->rows[i].calls->on_heartbeat)
            self->rows[i].calls->on_heartbeat(self->rows[i].arg, body);
}
