// monitor_settings - what the configuration says of the monitor
// SPDX-License-Identifier: MPL-2.0
#ifndef MONITOR_MONITOR_SETTINGS_H
#define MONITOR_MONITOR_SETTINGS_H

#include "mesh/settings.h"
#include "request_watch.h"

request_watch_limits_t monitor_settings_limits(const mesh_settings_t *settings);

// The file of what the monitor knows, which the caller frees; NULL where none is to be.
// Returns 0, or -1 with *error_p a sentence the caller frees.
int monitor_settings_state(char **path_p, const mesh_settings_t *settings, char **error_p);

#endif
