// observer_program - aidermesh-observer: what the bridge does that needs the mesh
// SPDX-License-Identifier: MPL-2.0
#include "observer_program.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "aider_user_patterns.h"
#include "bridge_flags.h"
#include "mesh/exit_status.h"
#include "mesh/log.h"
#include "mesh/program.h"
#include "ndjson_door.h"
#include "observer.h"
#include "observer_process.h"
#include "redaction.h"
#include "session_labels.h"
#include "wrapped_command.h"

static int
run_observer(const mesh_settings_t *settings, bridge_mode_t mode, char *words[])
{
    char place[PATH_MAX];
    tap_t *tap = tap_new_reader(OBSERVER_BELL_FD, OBSERVER_RING_FD);
    if (!tap) {
        fprintf(stderr, "%s is started by aidermesh-stdio-bridge, not by hand\n",
                OBSERVER_PROGRAM);
        return MESH_EXIT_USAGE;
    }
    // The fallback broker that it may start shall not hold them.
    (void) fcntl(OBSERVER_BELL_FD, F_SETFD, FD_CLOEXEC);
    (void) fcntl(OBSERVER_RING_FD, F_SETFD, FD_CLOEXEC);
    // Named once it holds nothing of the user's: a process of this name may be stopped.
    (void) prctl(PR_SET_NAME, "bridge-observer");
    observer_plan_t plan = {
        .settings = settings,
        .mode = mode,
        .words = words,
        .working_dir = getcwd(place, sizeof place),
        .tap = tap,
    };
    int status = observer_run(&plan);
    tap_destroy(&tap);
    return status;
}

// mesh_log_filter_fn
static char *
without_secrets(void *arg, const char *text)
{
    return redaction_text(arg, text);
}

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argc;
    // Past a limit on files a write to the spool fails, as on a full disk: no reason to end.
    (void) signal(SIGXFSZ, SIG_IGN);
    // Rules that are wrong are refused, and that said, by who needs them for events.
    char *error = NULL;
    redaction_t *redaction = redaction_new(settings, &error);
    free(error);
    if (redaction)
        mesh_log_filter(without_secrets, redaction);
    bridge_mode_t mode =
        wrapped_command_mode(mesh_settings_string(settings, "bridge/mode"), argv);
    int status = mode == BRIDGE_MODE_NDJSON ? ndjson_door_run(settings)
                                            : run_observer(settings, mode, argv);
    mesh_log_filter(NULL, NULL);
    redaction_destroy(&redaction);
    return status;
}

// session_labels_wrong_fn: keeps the first sentence.
static void
on_wrong_label(void *arg, const char *sentence, bool by_option)
{
    (void) by_option;
    char **error_p = arg;
    if (!*error_p)
        *error_p = strdup(sentence);
}

static int
check(const mesh_settings_t *settings, char **error_p)
{
    if (session_labels_check(settings, on_wrong_label, error_p) > 0)
        return -1;
    const char *path = mesh_settings_string(settings, "bridge/patterns");
    aider_user_patterns_t *patterns = *path ? aider_user_patterns_read(path, error_p) : NULL;
    bool right = !*path || patterns;
    aider_user_patterns_destroy(&patterns);
    redaction_t *redaction = right ? redaction_new(settings, error_p) : NULL;
    right = redaction != NULL;
    redaction_destroy(&redaction);
    return right ? 0 : -1;
}

// It speaks in the name of the program that the user started.
static const mesh_program_t program = {
    .name = "aidermesh-stdio-bridge",
    .summary = "Watches what a stdio-bridge passes on and publishes it; started by the bridge.",
    .usage = "-- COMMAND [ARGUMENT...]",
    .flags = bridge_flags,
    .usage_status = MESH_EXIT_BRIDGE_FAILED,
    .tolerant = true,
    .run = run,
    .check = check,
};

int
observer_program_main(int argc, char *argv[])
{
    return mesh_program_main(&program, argc, argv);
}
