// stdio_bridge - the program: what the command line asks for, done in its processes
// SPDX-License-Identifier: MPL-2.0
#ifndef STDIO_BRIDGE_H
#define STDIO_BRIDGE_H

// Returns the exit status: the command's, or one of exit_status.h. A command that a signal
// ended ends this process in the same way.
int stdio_bridge_main(int argc, char *argv[]);

#endif
