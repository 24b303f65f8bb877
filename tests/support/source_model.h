// source_model - a publisher's outbox and a broker's sequencer with a wire between them that
// loses what it likes
//
// Chooses what happens until the choices are over, then lets everything come to rest. Ends the
// process by an assertion when a number is taken twice, out of order or never, when the window
// is passed, or when what waits never gets through.
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_SOURCE_MODEL_H
#define TESTS_SOURCE_MODEL_H

#include "choice.h"

typedef struct source_model_counts {
    size_t pushed, taken, dropped, resends, restarts;
} source_model_counts_t;

source_model_counts_t source_model_run(choice_t *choice);

#endif
