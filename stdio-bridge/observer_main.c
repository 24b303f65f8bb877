// observer_main - aidermesh-observer: watches what a stdio-bridge passes on, tells the mesh
// SPDX-License-Identifier: MPL-2.0
#include "observer_program.h"

int
main(int argc, char *argv[])
{
    return observer_program_main(argc, argv);
}
