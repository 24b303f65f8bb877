// past_link - asks the broker for pages of the past
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_PAST_LINK_H
#define SSE_PAST_LINK_H

#include <czmq.h>

#include "mesh/link.h"
#include "past.h"

typedef struct past_link past_link_t;

// loop and link are borrowed. news is called, with arg, when who waits for a page is to look
// again.
past_link_t *past_link_new(zloop_t *loop, mesh_link_t *link, void (*news)(void *arg),
                           void *arg);

// Before the link ends.
void past_link_destroy(past_link_t **self_p);

past_t *past_link_pages(past_link_t *self);

#endif
