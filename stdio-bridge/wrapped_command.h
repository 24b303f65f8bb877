// wrapped_command - what the command is, as far as its words tell
// SPDX-License-Identifier: MPL-2.0
#ifndef WRAPPED_COMMAND_H
#define WRAPPED_COMMAND_H

#include <stdbool.h>

typedef enum {
    BRIDGE_MODE_CLI,       // a program on a terminal or in a pipe: aider
    BRIDGE_MODE_MCP,       // an MCP server: JSON-RPC on stdin and stdout
    BRIDGE_MODE_NDJSON,    // no command: JSON lines on stdin
} bridge_mode_t;

// The mode that setting bridge/mode names; "auto" is mcp when the program's name, or the script
// or module that an interpreter or runner is given, has the word "mcp" in it, else cli.
// words is the command, NULL-ended.
bridge_mode_t wrapped_command_mode(const char *setting, char *const words[]);

const char *bridge_mode_name(bridge_mode_t mode);

// Whether it is aider itself: a word "aider" (any directory before it) as the program or behind
// runners such as env, uv and pipx, or "-m aider" behind an interpreter. Only such a command is
// given an analytics log.
bool wrapped_command_is_aider(char *const words[]);

#endif
