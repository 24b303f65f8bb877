// zmq_start - CZMQ made ready for our programs
// SPDX-License-Identifier: MPL-2.0
//
// Apart from program.c, so that a program without ZeroMQ is not linked with it.
#include <czmq.h>

#include "mesh/program.h"

void
mesh_program_start_zmq(void)
{
    // Before zsys_init, which else takes SIGTERM and SIGINT: they would stop a zloop at once,
    // with nothing to drain by.
    zsys_handler_set(NULL);
    // CZMQ would end the process at its first beacon.
    (void) unsetenv("ZSYS_IPV4_MCAST_ADDRESS");
    zsys_init();
    zsys_set_logstream(stderr);
}
