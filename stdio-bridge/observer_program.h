// observer_program - aidermesh-observer: what the bridge does that needs the mesh
// SPDX-License-Identifier: MPL-2.0
#ifndef OBSERVER_PROGRAM_H
#define OBSERVER_PROGRAM_H

// argv is that of the bridge, whose settings it reads again. Returns the exit status.
int observer_program_main(int argc, char *argv[]);

#endif
