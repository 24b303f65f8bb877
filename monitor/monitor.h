// monitor - watches the mesh's requests and the mesh itself, and says what it finds
// SPDX-License-Identifier: MPL-2.0
//
// Owns the loop, the link, the subscription and the publisher; what to say is decided by
// request_watch and mesh_health.
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "mesh/settings.h"

// Watch until SIGTERM or SIGINT. Returns the exit status.
int monitor_run(const mesh_settings_t *settings, int argc, char *argv[]);

// Whether the thresholds stand to each other as they must. As check of mesh/program.h.
int monitor_check(const mesh_settings_t *settings, char **error_p);

// Whether a monitor of this mesh answers. Returns 0, or 1 when none does within five seconds.
int monitor_healthcheck(const mesh_settings_t *settings);

#endif
