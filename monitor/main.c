// aidermesh-monitor - watches requests and the mesh, publishes throttling and health
// SPDX-License-Identifier: MPL-2.0
#include "mesh/program.h"
#include "monitor.h"

static const mesh_program_flag_t FLAGS[] = {
    {"--broker", "ENDPOINT", "mesh/seeds", NULL,
     "the broker's control endpoint; may be repeated"},
    {NULL, NULL, NULL, NULL, NULL},
};

static const mesh_program_t PROGRAM = {
    .name = "aidermesh-monitor",
    .summary =
        "Watches every request of the mesh and the mesh itself; publishes throttling and "
        "health.",
    .usage = "",
    .flags = FLAGS,
    .run = monitor_run,
    .start_zmq = mesh_program_start_zmq,
    .check = monitor_check,
    .healthcheck = monitor_healthcheck,
};

int
main(int argc, char *argv[])
{
    return mesh_program_main(&PROGRAM, argc, argv);
}
