// sse_bridge - the program: events of the mesh in, streams out
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_SSE_BRIDGE_H
#define SSE_SSE_BRIDGE_H

#include "mesh/settings.h"

// Serve until a signal ends it. Returns an exit status.
int sse_bridge_run(const mesh_settings_t *settings, int argc, char *argv[]);

// What the table of settings cannot say. Returns 0, or -1 with *error_p a sentence that the
// caller frees.
int sse_bridge_check(const mesh_settings_t *settings, char **error_p);

// Ask a running one whether it is ready: 0, or 1.
int sse_bridge_healthcheck(const mesh_settings_t *settings);

#endif
