// up - the verb that starts the mesh of this user and keeps it together
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_UP_H
#define CLI_UP_H

// `aidermesh up [option...]`: argv[0] is the verb. Starts broker, monitor and sse-bridge, says
// where they are once they answer, and stays until SIGINT or SIGTERM (0), or until one of them
// ends, which is said by name and ends the others too (1). Returns the exit status.
int up_main(int argc, char *argv[]);

#endif
