// wrapped_command - what the command is, as far as its words tell
// SPDX-License-Identifier: MPL-2.0
#include "wrapped_command.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

// Programs whose own words say nothing of what runs: the first word that is no option and no
// assignment does.
static const char *const runners[] = {
    "env",  "nice", "nohup", "setsid", "stdbuf", "time",   "timeout", "uv",   "uvx",
    "pipx", "npx",  "node",  "bun",    "deno",   "python", "run",     "exec", "tool",
};

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool
is_runner(const char *name)
{
    // python3, python3.12, python3.12t
    if (strncmp(name, "python", strlen("python")) == 0 &&
        strspn(name + strlen("python"), "0123456789.t") == strlen(name + strlen("python")))
        return true;
    for (size_t i = 0; i < sizeof runners / sizeof *runners; i++)
        if (strcmp(name, runners[i]) == 0)
            return true;
    return false;
}

// The word that names what runs; *module_p tells whether "-m" stands before it. NULL at the
// end.
static const char *
name_of(char *const words[], bool *module_p)
{
    bool behind_runner = false;
    for (size_t i = 0; words[i]; i++) {
        *module_p = behind_runner && i > 0 && strcmp(words[i - 1], "-m") == 0;
        const char *name = base_name(words[i]);
        if (*module_p)
            return words[i];
        // "timeout 5 aider", "env A=1 aider", "uv run --with x aider"
        bool skipped = words[i][0] == '-' || strchr(words[i], '=') ||
                       strspn(words[i], "0123456789.smhd") == strlen(words[i]);
        if (behind_runner && skipped)
            continue;
        if (!is_runner(name))
            return words[i];
        behind_runner = true;
    }
    return NULL;
}

bridge_mode_t
wrapped_command_mode(const char *setting, char *const words[])
{
    if (strcmp(setting, "ndjson") == 0)
        return BRIDGE_MODE_NDJSON;
    if (strcmp(setting, "mcp") == 0)
        return BRIDGE_MODE_MCP;
    if (strcmp(setting, "cli") == 0 || !words[0])
        return BRIDGE_MODE_CLI;
    assert(strcmp(setting, "auto") == 0);
    bool module = false;
    const char *name = name_of(words, &module);
    return name && strstr(base_name(name), "mcp") ? BRIDGE_MODE_MCP : BRIDGE_MODE_CLI;
}

const char *
bridge_mode_name(bridge_mode_t mode)
{
    switch (mode) {
    case BRIDGE_MODE_MCP:
        return "mcp";
    case BRIDGE_MODE_NDJSON:
        return "ndjson";
    case BRIDGE_MODE_CLI:
        break;
    }
    return "cli";
}

bool
wrapped_command_is_aider(char *const words[])
{
    bool module = false;
    const char *name = name_of(words, &module);
    return name && strcmp(module ? name : base_name(name), "aider") == 0;
}
