// observer - the process that watches the tap and tells the mesh
// SPDX-License-Identifier: MPL-2.0
//
// It has a session of its own and none of the user's descriptors, so that nobody waits for it,
// and lives on after the command until all is delivered, or bridge/linger has passed. Whatever
// becomes of it, the relay goes on.
#ifndef OBSERVER_H
#define OBSERVER_H

#include <sys/types.h>

#include "mesh/settings.h"
#include "tap.h"
#include "wrapped_command.h"

typedef struct observer_plan {
    const mesh_settings_t *settings;
    bridge_mode_t mode;
    char *const *words;    // the command, NULL-ended
    const char *working_dir;
    unsigned columns;       // of the terminal that the command sees; 0 for none
    uint64_t started_ns;    // CLOCK_MONOTONIC, when the command was about to start
    bool reads_files;       // the command is AIDER: its own files tell more
    // The analytics log that the bridge asked for, removed at the end; NULL when it did not.
    const char *analytics_path;
    tap_t *tap;
} observer_plan_t;

// Start it, before any thread and any zmq context, and become the tap's writer.
// Returns its process id, or -1 with errno: then the session goes unobserved.
pid_t observer_start(const observer_plan_t *plan);

#endif
