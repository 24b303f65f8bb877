// tail - the verb that follows the mesh's events and prints them
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_TAIL_H
#define CLI_TAIL_H

// `aidermesh tail [option...]`: argv[0] is the verb. Returns the exit status: 0 when
// interrupted, when the followed session is over or when nobody reads the output any more; 1
// when the mesh is not there at the start or does not let us in; 2 when it does not understand
// what we ask for.
int tail_main(int argc, char *argv[]);

#endif
