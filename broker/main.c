// main - aidermesh-broker: options in, exit status out
// SPDX-License-Identifier: MPL-2.0
#include "broker.h"
#include "mesh/program.h"

static const mesh_program_flag_t flags[] = {
    {"--insecure", NULL, "broker/insecure", "true",
     "bind addresses that other hosts can reach, without keys"},
    {NULL, NULL, NULL, NULL, NULL},
};

int
main(int argc, char *argv[])
{
    const mesh_program_t program = {
        .name = "aidermesh-broker",
        .summary = "puts the events of all sessions in one order, keeps them, passes them on",
        .usage = "",
        .flags = flags,
        .run = broker_run,
        .start_zmq = mesh_program_start_zmq,
        .check = broker_check,
        .healthcheck = broker_healthcheck,
    };
    return mesh_program_main(&program, argc, argv);
}
