// aidermesh-sse-bridge - serves the events of the mesh to HTTP clients
// SPDX-License-Identifier: MPL-2.0
#include "mesh/program.h"
#include "sse_bridge.h"

static const mesh_program_flag_t flags[] = {
    {"--broker", "ENDPOINT", "mesh/seeds", NULL,
     "the broker's control endpoint; may be repeated"},
    {"--address", "ADDRESS", "http/address", NULL, "the address to listen on"},
    {"--port", "PORT", "http/port", NULL, "the port to listen on; 0 has the kernel choose"},
    {"--no-token", NULL, "http/token", "false", "ask for no token: for single-user machines"},
    {"--insecure", NULL, "http/insecure", "true",
     "listen beyond loopback although nothing is encrypted"},
    {NULL, NULL, NULL, NULL, NULL},
};

static const mesh_program_t program = {
    .name = "aidermesh-sse-bridge",
    .summary = "Serves the events of the mesh to HTTP clients as Server-Sent Events.",
    .usage = "",
    .flags = flags,
    .run = sse_bridge_run,
    .start_zmq = mesh_program_start_zmq,
    .check = sse_bridge_check,
    .healthcheck = sse_bridge_healthcheck,
};

int
main(int argc, char *argv[])
{
    return mesh_program_main(&program, argc, argv);
}
