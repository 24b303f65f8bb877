// handover_forgotten - has the other broker forget what this one was told to forget
// SPDX-License-Identifier: MPL-2.0
//
// Before it is given events: a spool that was not reached when its session was forgotten may
// come to the other broker long after. Asks the same again until the other says that its
// journal has noted it; what is there already it removes in its own time.
#ifndef BROKER_HANDOVER_FORGOTTEN_H
#define BROKER_HANDOVER_FORGOTTEN_H

#include "forgotten.h"
#include "mesh/link.h"

// As many as one request may name.
enum { HANDOVER_FORGOTTEN_AT_ONCE = 256 };

typedef struct handover_forgotten handover_forgotten_t;

typedef enum {
    HANDOVER_FORGOTTEN_GOES_ON,    // some more are noted
    HANDOVER_FORGOTTEN_DONE,       // all are
    HANDOVER_FORGOTTEN_REFUSED,    // the other broker cannot
} handover_forgotten_outcome_t;

typedef void handover_forgotten_fn(void *arg, handover_forgotten_outcome_t outcome);

// What sessions has now is told. link is borrowed; on_outcome is called from the loop or from
// within handover_forgotten_ask, and may end this.
handover_forgotten_t *handover_forgotten_new(mesh_link_t *link, forgotten_t *sessions,
                                             handover_forgotten_fn *on_outcome, void *arg);
void handover_forgotten_destroy(handover_forgotten_t **self_p);

// Ask, unless an answer is awaited. To be called now and then until all are noted.
void handover_forgotten_ask(handover_forgotten_t *self);

#endif
