// stdio_bridge - the program: what the command line asks for, done in its processes
// SPDX-License-Identifier: MPL-2.0
#include "stdio_bridge.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "analytics_log.h"
#include "bridge_flags.h"
#include "descriptors.h"
#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "mesh/program.h"
#include "observer_process.h"
#include "own_fate.h"
#include "relay.h"
#include "session_labels.h"
#include "tap.h"
#include "wrapped_command.h"

// Found before anything of ours could take the numbers.
static bool closed[3];
static int inherited[DESCRIPTORS_INHERITED_MOST];
static size_t inherited_count;
static char **all_words;    // argv

static int
refuse(const char *why)
{
    fprintf(stderr, "aidermesh-stdio-bridge: %s\n", why);
    return MESH_EXIT_BRIDGE_FAILED;
}

// The command comes first: it runs, whatever we lack.
static void
refuse_to_observe(const char *why)
{
    fprintf(stderr, "aidermesh-stdio-bridge: %s; the command runs unobserved\n", why);
}

// Become the command, with nothing in between.
static int
become(char *words[])
{
    (void) execvp(words[0], words);
    int error = errno;
    fprintf(stderr, "aidermesh-stdio-bridge: %s: %s\n", words[0], strerror(error));
    return error == ENOENT ? MESH_EXIT_NOT_FOUND : MESH_EXIT_NOT_EXECUTABLE;
}

// AIDERMESH=off, or a configuration that is wrong.
static int
run_off(int argc, char *argv[])
{
    return argc < 1 ? refuse("there is no command to run") : become(argv);
}

// The width of the terminal that the command will write to; 0 without one.
static unsigned
terminal_columns(void)
{
    struct winsize size;
    return !closed[1] && ioctl(1, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// session_labels_wrong_fn: arg is whether an option was wrong.
static void
on_wrong_label(void *arg, const char *sentence, bool by_option)
{
    bool *wrong_option = arg;
    *wrong_option = *wrong_option || by_option;
    fprintf(stderr, "aidermesh-stdio-bridge: %s%s\n",
            by_option ? "" : "passed over: ", sentence);
}

// What the observer is started with, once the command runs.
typedef struct session {
    char *const *argv;
    tap_t *tap;    // owned; NULL when nobody observes
    bool keep_stderr;
} session_t;

// relay_plan_t's on_started.
static pid_t
start_observer(void *arg)
{
    const session_t *self = arg;
    return self->tap ? observer_process_start(self->argv, self->tap, self->keep_stderr) : -1;
}

static tap_t *
make_tap(const aider_files_t *places, const char *analytics_path)
{
    tap_note_t note = {
        .started_ns = mesh_clock_mono_ns(),
        .relay = getpid(),
        .columns = terminal_columns(),
        .reads_files = places != NULL,
    };
    if (places) {
        const char *log = analytics_path ? analytics_path : places->analytics_log;
        note.marks.chat_history = file_mark_take(places->chat_history);
        note.marks.analytics_log = file_mark_take(log);
    }
    if (analytics_path && strlen(analytics_path) < sizeof note.analytics_path)
        (void) stpcpy(note.analytics_path, analytics_path);
    tap_t *tap = tap_new(&note);
    if (!tap)
        refuse_to_observe(strerror(errno));
    return tap;
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
    aider_files_t *places = is_aider ? aider_files_find_real(words, working_dir) : NULL;
    if (places)
        analytics_log_prepare(&analytics, settings, places);

    session_t session = {
        .argv = all_words,
        .tap = make_tap(places, analytics.path),
        // Silent, unless somebody asked to hear it: stderr is the user's.
        .keep_stderr = strcmp(mesh_settings_origin(settings, "log/level"), "default") != 0,
    };
    aider_files_destroy(&places);
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
        .tap = session.tap,
        .on_started = start_observer,
        .arg = &session,
    };
    int status = 0;
    relay_outcome_t outcome = relay_run(&relay, &status);
    int error = errno;
    // The observer removes it when it has read it; when there is none, nobody else would.
    if (!session.tap || !tap_is_heard(session.tap))
        analytics_log_remove(&analytics);
    analytics_log_release(&analytics);
    tap_destroy(&session.tap);
    if (outcome == RELAY_UNABLE) {
        refuse_to_observe(strerror(error));
        return become(words);
    }
    if (outcome == RELAY_ENDED)
        own_fate_end(status);
    return status;
}

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    bridge_mode_t mode =
        wrapped_command_mode(mesh_settings_string(settings, "bridge/mode"), argv);
    bool wrong_option = false;
    (void) session_labels_check(settings, on_wrong_label, &wrong_option);
    if (wrong_option)
        return MESH_EXIT_BRIDGE_FAILED;
    if (mode == BRIDGE_MODE_NDJSON) {
        if (argc > 0)
            return refuse("mode ndjson reads stdin and runs no command");
        observer_process_become(all_words);
        return refuse("there is no " OBSERVER_PROGRAM " beside this program");
    }
    if (argc < 1)
        return refuse("there is no command to run; usage: "
                      "aidermesh-stdio-bridge [OPTION...] -- COMMAND [ARGUMENT...]");
    return wrap(settings, mode, argv);
}

// Whether --check-config is among the options.
static bool
asks_for_check(char *argv[])
{
    for (char **word = argv + 1; *word && strcmp(*word, "--") != 0; word++)
        if (strcmp(*word, "--check-config") == 0)
            return true;
    return false;
}

static const mesh_program_t program = {
    .name = "aidermesh-stdio-bridge",
    .summary = "Runs a command unchanged and publishes what it sees of it.",
    .usage = "-- COMMAND [ARGUMENT...]",
    .flags = bridge_flags,
    .usage_status = MESH_EXIT_BRIDGE_FAILED,
    .tolerant = true,
    .run = run,
    .run_off = run_off,
};

int
stdio_bridge_main(int argc, char *argv[])
{
    if (descriptors_fill_standard(closed) < 0)
        return MESH_EXIT_BRIDGE_FAILED;
    all_words = argv;
    // What only the observer can tell, it tells: whether it is content with its own files.
    if (asks_for_check(argv))
        observer_process_become(argv);
    inherited_count = descriptors_inherited(inherited, DESCRIPTORS_INHERITED_MOST);
    return mesh_program_main(&program, argc, argv);
}
