// paths - where the mesh keeps its sockets, files and state
// SPDX-License-Identifier: MPL-2.0
//
// Every function but the first returns a path that the caller frees, or NULL with *error_p a
// sentence the caller frees.
#ifndef MESH_PATHS_H
#define MESH_PATHS_H

#include "mesh/settings.h"

// Whether the configured directories can be such, without looking at them: absolute paths, and
// short enough for the names of sockets. Returns 0, or -1 with *error_p a sentence that the
// caller frees.
int mesh_paths_check(const mesh_settings_t *settings, char **error_p);

// The directory of sockets: setting mesh/runtime_dir, else $XDG_RUNTIME_DIR/aidermesh, else
// /tmp/aidermesh-<uid>. Made with mode 0700 when missing. Refused when it is a link, not ours,
// or open to others, and when its path is too long for the socket names in it.
char *mesh_paths_runtime_dir(const mesh_settings_t *settings, char **error_p);

// The directory of what outlives a reboot (token, journal, history): setting mesh/state_dir,
// else $XDG_STATE_HOME/aidermesh, else ~/.local/state/aidermesh. Made and checked in the same
// way.
char *mesh_paths_state_dir(const mesh_settings_t *settings, char **error_p);

// The directory of spools: setting spool/dir, else "spool" in the state directory. Made and
// checked in the same way.
char *mesh_paths_spool_dir(const mesh_settings_t *settings, char **error_p);

// The discovery file: $AIDER_MCP_COORDINATOR_DISCOVERY_FILE, else setting mesh/discovery_file,
// else <runtime dir>/coordinator_registry.json.
char *mesh_paths_discovery_file(const mesh_settings_t *settings, char **error_p);

// This host's name for events: setting mesh/host, else the kernel's host name. Never fails.
char *mesh_paths_host(const mesh_settings_t *settings);

#endif
