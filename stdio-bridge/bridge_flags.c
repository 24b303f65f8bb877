// bridge_flags - the bridge's own options, the same for the relay and for its observer
// SPDX-License-Identifier: MPL-2.0
#include "bridge_flags.h"

const mesh_program_flag_t bridge_flags[] = {
    {"--mode", "MODE", "bridge/mode", NULL, "auto, cli, mcp or ndjson"},
    {"--name", "NAME", "bridge/name", NULL, "a name for the session"},
    {"--label", "KEY=VALUE", "bridge/labels", NULL, "a label for the session; may be repeated"},
    {"--keep-noise", NULL, "bridge/keep_noise", "true",
     "leave on an MCP server's stdout what is no message, instead of on stderr"},
    {"--progress", NULL, "bridge/progress", "true",
     "tell the client of an MCP server of retries, where it asks for progress"},
    {"--broker", "ENDPOINT", "mesh/seeds", NULL, "where the broker is; may be repeated"},
    {NULL, NULL, NULL, NULL, NULL},
};
