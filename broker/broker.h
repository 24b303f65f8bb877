// broker - the coordinator: orders events, keeps them, passes them on; knows who is there
// SPDX-License-Identifier: MPL-2.0
//
// Failure policy: what comes from outside is counted, logged by name and refused; what the
// broker needs to start (its directory, its lock, its endpoints) ends it with a sentence.
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "mesh/settings.h"

// Run until SIGTERM or SIGINT. Returns the exit status.
int broker_run(const mesh_settings_t *settings, int argc, char *argv[]);

// What the table of settings cannot say. Returns 0, or -1 with *error_p a sentence that the
// caller frees.
int broker_check(const mesh_settings_t *settings, char **error_p);

// Whether the broker of these settings answers within two seconds: 0, or 1.
int broker_healthcheck(const mesh_settings_t *settings);

#endif
