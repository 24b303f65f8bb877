// probe - what a test program of the C library begins and ends with: settings, loop, links
// SPDX-License-Identifier: MPL-2.0
#ifndef TEST_PROBE_H
#define TEST_PROBE_H

#include "mesh/link.h"
#include "mesh/signals.h"

typedef struct probe {
    mesh_settings_t *settings;    // owned
    zloop_t *loop;                // owned; SIGTERM and SIGINT end it
    mesh_signals_t *signals;      // owned
} probe_t;

// place is where the broker is: a runtime directory, or its control endpoint. Returns -1 when
// it cannot be used, which is said on stderr; probe_end in any case.
int probe_begin(probe_t *self, const char *place);
void probe_end(probe_t *self);

// A link of its own; NULL, said on stderr, when there can be none.
mesh_link_t *probe_link(probe_t *self);

#endif
