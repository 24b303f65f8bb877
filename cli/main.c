// aidermesh - the front end: starts, wraps, follows
// SPDX-License-Identifier: MPL-2.0
#include "cli.h"

int
main(int argc, char *argv[])
{
    return cli_main(argc, argv);
}
