// ready - tells systemd (NOTIFY_SOCKET) what the program is doing
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_READY_H
#define MESH_READY_H

// Send state, e.g. "READY=1", "STOPPING=1", "WATCHDOG=1", to the supervisor. Does nothing
// without NOTIFY_SOCKET; never blocks; a failure is ignored, since nobody can be told.
void mesh_ready_notify(const char *state);

#endif
