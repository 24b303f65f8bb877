// cli - the verbs of aidermesh
// SPDX-License-Identifier: MPL-2.0
#include "cli.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "event_line.h"
#include "flush.h"
#include "forget.h"
#include "keys.h"
#include "mesh/exit_status.h"
#include "mesh/nearest.h"
#include "mesh/program.h"
#include "mesh/programs.h"
#include "tail.h"
#include "token.h"
#include "up.h"

#define STDIO_BRIDGE "aidermesh-stdio-bridge"

enum { WORD_LIMIT = 64 };    // of a mistyped verb, when it is shown

typedef struct verb {
    const char *name;
    int (*main)(int argc, char *argv[]);    // argv[0] is the verb
    const char *meaning;
} verb_t;

static bool
is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int
run_main(int argc, char *argv[])
{
    if (argc > 1 && is_help(argv[1])) {
        printf("usage: aidermesh run [OPTION...] -- COMMAND [ARGUMENT...]\n\n"
               "Run a command, such as aider or an MCP server, unchanged, and let the mesh see "
               "what it\ndoes. The exit status is the command's. The options are those of "
               "%s,\nwhich does the work: %s --help lists them.\n",
               STDIO_BRIDGE, STDIO_BRIDGE);
        return MESH_EXIT_STOPPED;
    }
    if (argc == 1) {
        fputs("aidermesh run: say what to run: aidermesh run -- aider\n", stderr);
        return MESH_EXIT_USAGE;
    }
    char *file = mesh_programs_find(STDIO_BRIDGE);
    char name[] = STDIO_BRIDGE;
    argv[0] = name;
    execvp(file, argv);
    fprintf(stderr,
            "aidermesh run: cannot start %s: %s; is it installed beside aidermesh, or in "
            "PATH?\n",
            file, strerror(errno));
    free(file);
    return MESH_EXIT_BRIDGE_FAILED;
}

static const verb_t verbs[] = {
    {"up", up_main, "start the mesh of this user, and keep it until Ctrl-C"},
    {"run", run_main, "run a command, e.g. run -- aider, and let the mesh see what it does"},
    {"tail", tail_main, "follow what happens, one line an event"},
    {"doctor", doctor_main,
     "say what is found of the mesh from here, and what is not, and why"},
    {"flush", flush_main, "deliver what bridges that died have left in their spools"},
    {"forget", forget_main, "have the mesh forget a session, wherever it is"},
    {"keys", keys_main, "keys new, show, revoke: who may enter the mesh from other hosts"},
    {"token", token_main, "token show, new, list, revoke: who may read over HTTP"},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

const char *
cli_nearest_verb(const char *word)
{
    assert(word);
    const char *nearest = verbs[0].name;
    for (size_t i = 1; i < VERBS; i++) {
        if (mesh_edit_distance(word, verbs[i].name) < mesh_edit_distance(word, nearest))
            nearest = verbs[i].name;
    }
    return nearest;
}

// Options without a verb that are no request for help: what every program can be asked.
static int
no_verb(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) settings;
    (void) argc;
    (void) argv;
    fputs("aidermesh: the verb comes first, then its options: aidermesh VERB [OPTION...]\n",
          stderr);
    return MESH_EXIT_USAGE;
}

static int
options_main(int argc, char *argv[])
{
    static const mesh_program_t PROGRAM = {
        .name = "aidermesh",
        .summary = "",    // print_help says it
        .usage = "VERB [OPTION...]",
        .run = no_verb,
    };
    return mesh_program_main(&PROGRAM, argc, argv);
}

static void
print_help(FILE *out)
{
    fputs("usage: aidermesh VERB [OPTION...]\n\n"
          "Live events of AIDER sessions: rate limits, progress and errors, while they "
          "happen.\n\n",
          out);
    for (size_t i = 0; i < VERBS; i++)
        fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].meaning);
    fputs("\naidermesh VERB --help tells more. Without a verb: --version, --print-config (the "
          "configuration\nin effect, with the origin of each value), --check-config.\n",
          out);
}

int
cli_main(int argc, char *argv[])
{
    if (argc < 2) {
        print_help(stderr);
        return MESH_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (is_help(word) || strcmp(word, "help") == 0) {
        print_help(stdout);
        return MESH_EXIT_STOPPED;
    }
    if (word[0] == '-')
        return options_main(argc, argv);
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(word, verbs[i].name) == 0)
            return verbs[i].main(argc - 1, argv + 1);
    }
    fputs("aidermesh: unknown verb \"", stderr);
    event_line_write_text(stderr, word, WORD_LIMIT);
    fprintf(stderr, "\"; the nearest known is %s, see aidermesh --help\n",
            cli_nearest_verb(word));
    return MESH_EXIT_USAGE;
}
