// exit_status - what a program's exit status tells its supervisor
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_EXIT_STATUS_H
#define MESH_EXIT_STATUS_H

enum {
    MESH_EXIT_STOPPED = 0,    // asked to stop, or the work is done
    MESH_EXIT_FAILED = 1,     // starting again may help
    MESH_EXIT_USAGE = 2,      // starting again will not help: wrong option or configuration

    // Of the stdio-bridge only, as env(1): everything else is the wrapped command's own.
    MESH_EXIT_BRIDGE_FAILED = 125,
    MESH_EXIT_NOT_EXECUTABLE = 126,
    MESH_EXIT_NOT_FOUND = 127,
};

#endif
