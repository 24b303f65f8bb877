// follow_model - a broker that makes an order and breaks it on the way, and a subscriber that
// must see it whole
//
// Chooses what happens until the choices are over, then lets everything come to rest. Ends the
// process by an assertion when an event is seen twice, out of order or not at all without a
// told gap, or when the subscriber does not catch up.
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_FOLLOW_MODEL_H
#define TESTS_FOLLOW_MODEL_H

#include "choice.h"

typedef struct follow_model_counts {
    size_t made, delivered, gaps, replays, epochs;
} follow_model_counts_t;

follow_model_counts_t follow_model_run(choice_t *choice);

#endif
