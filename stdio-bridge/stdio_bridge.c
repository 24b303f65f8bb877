// stdio_bridge - the program: what the command line asks for, done in its processes
// SPDX-License-Identifier: MPL-2.0
#include "stdio_bridge.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "aider_user_patterns.h"
#include "analytics_log.h"
#include "descriptors.h"
#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "mesh/program.h"
#include "ndjson_door.h"
#include "observer.h"
#include "own_fate.h"
#include "redaction.h"
#include "relay.h"
#include "tap.h"
#include "wrapped_command.h"

// Found before anything of ours could take the numbers.
static bool closed[3];
static int inherited[DESCRIPTORS_INHERITED_MOST];
static size_t inherited_count;

static int
refuse(const char *why)
{
    fprintf(stderr, "aidermesh-stdio-bridge: %s\n", why);
    return MESH_EXIT_BRIDGE_FAILED;
}

// AIDERMESH=off: become the command.
static int
run_off(int argc, char *argv[])
{
    if (argc < 1)
        return refuse("there is no command to run");
    (void) execvp(argv[0], argv);
    int error = errno;
    fprintf(stderr, "aidermesh-stdio-bridge: %s: %s\n", argv[0], strerror(error));
    return error == ENOENT ? MESH_EXIT_NOT_FOUND : MESH_EXIT_NOT_EXECUTABLE;
}

// The width of the terminal that the command will write to; 0 without one.
static unsigned
terminal_columns(void)
{
    struct winsize size;
    return !closed[1] && ioctl(1, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// A label that is no key=value. NULL when all are.
static const char *
bad_label(const mesh_settings_t *settings)
{
    for (size_t i = 0; i < mesh_settings_list_size(settings, "bridge/labels"); i++) {
        const char *label = mesh_settings_list_item(settings, "bridge/labels", i);
        if (*label == '=' || !strchr(label, '='))
            return label;
    }
    return NULL;
}

// Run the command with an observer beside it; without one when there can be none.
static int
wrap(const mesh_settings_t *settings, bridge_mode_t mode, char *words[])
{
    char place[PATH_MAX];
    const char *working_dir = getcwd(place, sizeof place);
    bool said_cli = strcmp(mesh_settings_string(settings, "bridge/mode"), "cli") == 0;
    bool is_aider =
        mode == BRIDGE_MODE_CLI && working_dir && (said_cli || wrapped_command_is_aider(words));
    analytics_log_t analytics = {.environment = environ};
    if (is_aider)
        analytics_log_prepare(&analytics, settings, words, working_dir);

    relay_plan_t relay = {
        .words = words,
        .environment = analytics.environment,
        .watch_stdin = mode == BRIDGE_MODE_MCP,
        .noise = mode == BRIDGE_MODE_MCP && !mesh_settings_flag(settings, "bridge/keep_noise")
                     ? RELAY_NOISE_TO_STDERR
                     : RELAY_NOISE_KEPT,
        .takes_words =
            mode == BRIDGE_MODE_MCP && mesh_settings_flag(settings, "bridge/progress"),
        .closed = {closed[0], closed[1], closed[2]},
        .inherited = inherited,
        .inherited_count = inherited_count,
        .tap = tap_new(),
    };
    observer_plan_t observer = {
        .settings = settings,
        .mode = mode,
        .words = words,
        .working_dir = working_dir,
        .columns = terminal_columns(),
        .started_ns = mesh_clock_mono_ns(),
        .reads_files = is_aider,
        .analytics_path = analytics.path,
        .tap = relay.tap,
    };
    if (relay.tap)
        relay.observer = observer_start(&observer);
    if (relay.observer < 0)
        tap_destroy(&relay.tap);
    int status = 0;
    int rc = relay_run(&relay, &status);
    // The observer removes it when it has read it; when there is none, nobody else would.
    if (relay.observer <= 0 || kill(relay.observer, 0) < 0)
        analytics_log_remove(&analytics);
    analytics_log_release(&analytics);
    tap_destroy(&relay.tap);
    if (rc < 0)
        return status;
    own_fate_end(status);
}

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    bridge_mode_t mode =
        wrapped_command_mode(mesh_settings_string(settings, "bridge/mode"), argv);
    const char *label = bad_label(settings);
    if (label) {
        fprintf(stderr, "aidermesh-stdio-bridge: the label \"%s\" is not KEY=VALUE\n", label);
        return MESH_EXIT_BRIDGE_FAILED;
    }
    if (mode == BRIDGE_MODE_NDJSON)
        return argc == 0 ? ndjson_door_run(settings)
                         : refuse("mode ndjson reads stdin and runs no command");
    if (argc < 1)
        return refuse("there is no command to run; usage: "
                      "aidermesh-stdio-bridge [OPTION...] -- COMMAND [ARGUMENT...]");
    return wrap(settings, mode, argv);
}

static int
check(const mesh_settings_t *settings, char **error_p)
{
    const char *path = mesh_settings_string(settings, "bridge/patterns");
    aider_user_patterns_t *patterns = *path ? aider_user_patterns_read(path, error_p) : NULL;
    bool right = !*path || patterns;
    aider_user_patterns_destroy(&patterns);
    redaction_t *redaction = right ? redaction_new(settings, error_p) : NULL;
    right = redaction != NULL;
    redaction_destroy(&redaction);
    return right ? 0 : -1;
}

static const mesh_program_flag_t flags[] = {
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

static const mesh_program_t program = {
    .name = "aidermesh-stdio-bridge",
    .summary = "Runs a command unchanged and publishes what it sees of it.",
    .usage = "-- COMMAND [ARGUMENT...]",
    .flags = flags,
    .usage_status = MESH_EXIT_BRIDGE_FAILED,
    .tolerant = true,
    .starts_zmq_itself = true,
    .run = run,
    .check = check,
    .run_off = run_off,
};

int
stdio_bridge_main(int argc, char *argv[])
{
    if (descriptors_fill_standard(closed) < 0)
        return MESH_EXIT_BRIDGE_FAILED;
    inherited_count = descriptors_inherited(inherited, DESCRIPTORS_INHERITED_MOST);
    return mesh_program_main(&program, argc, argv);
}
