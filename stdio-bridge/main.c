// main - aidermesh-stdio-bridge: runs a command unchanged, publishes what it sees of it
// SPDX-License-Identifier: MPL-2.0
#include "stdio_bridge.h"

int
main(int argc, char *argv[])
{
    return stdio_bridge_main(argc, argv);
}
