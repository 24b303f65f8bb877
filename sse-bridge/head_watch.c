// head_watch - connections whose request has not come whole, and since when
// SPDX-License-Identifier: MPL-2.0
#include "head_watch.h"

#include <stddef.h>

void
head_watch_remove(head_watch_t *self, head_wait_t *wait)
{
    if (!wait->waiting)
        return;
    if (wait->previous)
        wait->previous->next = wait->next;
    else
        self->first = wait->next;
    if (wait->next)
        wait->next->previous = wait->previous;
    else
        self->last = wait->previous;
    wait->previous = NULL;
    wait->next = NULL;
    wait->waiting = false;
}

void
head_watch_add(head_watch_t *self, head_wait_t *wait, int64_t now_ms)
{
    head_watch_remove(self, wait);
    wait->waiting = true;
    wait->since_ms = now_ms;
    wait->previous = self->last;
    if (self->last)
        self->last->next = wait;
    else
        self->first = wait;
    self->last = wait;
}

head_wait_t *
head_watch_expired(head_watch_t *self, int64_t limit_ms, int64_t now_ms)
{
    head_wait_t *wait = self->first;
    if (!wait || now_ms - wait->since_ms < limit_ms)
        return NULL;
    head_watch_remove(self, wait);
    return wait;
}
