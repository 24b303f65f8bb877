// program - what every program's command line has in common
// SPDX-License-Identifier: MPL-2.0
//
// --help --version --config FILE --env NAME --set section/key=value --check-config
// --print-config --log-level LEVEL --log-format text|json --healthcheck. A program's own
// flags are shorthands for settings, so that flag, environment and file say the same thing in
// the same words.
#ifndef MESH_PROGRAM_H
#define MESH_PROGRAM_H

#include "mesh/settings.h"

typedef struct mesh_program_flag {
    const char *name;        // "--broker"; NULL ends the table
    const char *argument;    // "ENDPOINT"; NULL for a flag without an argument
    const char *setting;     // "mesh/seeds"; an argument is assigned to it (a LIST grows by it)
    const char *value;       // what a flag without an argument assigns, e.g. "false"
    const char *meaning;     // for --help
} mesh_program_flag_t;

typedef struct mesh_program {
    const char *name;       // "aidermesh-broker"
    const char *summary;    // one line for --help
    const char *usage;      // what follows the options, "-- COMMAND"; "" for nothing
    const mesh_program_flag_t *flags;    // NULL for none

    // The program's work. argc/argv are what remains after the options (after a "--", if there
    // was one). Returns the exit status.
    int (*run)(const mesh_settings_t *settings, int argc, char *argv[]);

    // What the settings table cannot say: how values stand to each other. Returns 0, or -1 with
    // *error_p a sentence the caller frees. NULL for nothing.
    int (*check)(const mesh_settings_t *settings, char **error_p);

    // --healthcheck: 0 healthy, 1 not, within five seconds; NULL when the program has none.
    int (*healthcheck)(const mesh_settings_t *settings);

    // Where not NULL: done instead of run when the environment says AIDERMESH=off, before any
    // configuration is read; and by a tolerant program whose file is wrong, after that was
    // said, so that it stops nobody. (A wrong option does: who wrote it is there to mend it.)
    // Arguments as of run.
    int (*run_off)(int argc, char *argv[]);

    // The work goes on whatever the environment says: what is wrong there is said on stderr and
    // passed over, and check is not asked. For who wraps a command that must run;
    // --check-config is as strict as ever.
    bool tolerant;

    // The status of wrong usage or configuration; 0 is MESH_EXIT_USAGE.
    int usage_status;

    // mesh_program_start_zmq, called before run and healthcheck. NULL for a program that does
    // not use ZeroMQ, which is then not linked with it, or that calls it itself.
    void (*start_zmq)(void);
} mesh_program_t;

// Parse, load, print or run. Options end at the first word that is no option, or after "--".
// Wrong usage or configuration is said on stderr and returns usage_status.
int mesh_program_main(const mesh_program_t *self, int argc, char *argv[]);

// Prepare CZMQ: no signal handlers of its own, its log to stderr.
void mesh_program_start_zmq(void);

// Read the configuration again from where the program's start had it, for SIGHUP, and set up
// the log by it. Only from within run. The caller owns the result; NULL when the configuration
// is no longer right, with *error_p a sentence for the caller to free: go on with what there
// is.
mesh_settings_t *mesh_program_reload(char **error_p);

// The version of the build, e.g. "0.1.0". Borrowed.
const char *mesh_version(void);

#endif
