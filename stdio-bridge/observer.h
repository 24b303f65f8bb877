// observer - the process that watches the tap and tells the mesh
// SPDX-License-Identifier: MPL-2.0
//
// It lives on after the command until all is delivered, or bridge/linger has passed. Whatever
// becomes of it, the relay goes on.
#ifndef OBSERVER_H
#define OBSERVER_H

#include "mesh/settings.h"
#include "tap.h"
#include "wrapped_command.h"

typedef struct observer_plan {
    const mesh_settings_t *settings;
    bridge_mode_t mode;
    char *const *words;         // the command, NULL-ended
    const char *working_dir;    // NULL where it is gone
    tap_t *tap;                 // borrowed; the reader's
} observer_plan_t;

// Observe one session to its end. Returns the exit status.
int observer_run(const observer_plan_t *plan);

#endif
