// keys - aidermesh keys: makes, shows and revokes the keys of the mesh
// SPDX-License-Identifier: MPL-2.0
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/exit_status.h"
#include "mesh/key_store.h"
#include "mesh/program.h"

static int
fail(char *error)
{
    fprintf(stderr, "aidermesh keys: %s\n", error);
    free(error);
    return MESH_EXIT_FAILED;
}

static int
new_key(const mesh_settings_t *settings, int argc, char *argv[])
{
    mesh_role_t role = argc == 2 ? mesh_role_parse(argv[1]) : MESH_ROLE_NONE;
    if (role == MESH_ROLE_NONE) {
        fputs("aidermesh keys: say a name and a role: aidermesh keys new NAME "
              "publish|subscribe|operate\n",
              stderr);
        return MESH_EXIT_USAGE;
    }
    char *error = NULL;
    char *path = NULL;
    char *dir = mesh_key_store_dir(settings, &error);
    if (!dir || mesh_key_store_new(dir, argv[0], role, &path, &error) != 0) {
        free(dir);
        return fail(error);
    }
    printf("%s\n", path);
    fprintf(stderr, "Carry this file to the program's host (mode 600) and name it there: "
                    "AIDERMESH_MESH_KEY=FILE.\n"
                    "Programs of this user on this host need none: they show \"local\".\n");
    free(path);
    free(dir);
    return MESH_EXIT_STOPPED;
}

static int
revoke_key(const mesh_settings_t *settings, int argc, char *argv[])
{
    if (argc != 1) {
        fputs("aidermesh keys: say which: aidermesh keys revoke NAME\n", stderr);
        return MESH_EXIT_USAGE;
    }
    char *error = NULL;
    char *dir = mesh_key_store_dir(settings, &error);
    int rc = dir ? mesh_key_store_revoke(dir, argv[0], &error) : -1;
    free(dir);
    return rc == 0 ? MESH_EXIT_STOPPED : fail(error);
}

static int
show_keys(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argv;
    if (argc != 0) {
        fputs("aidermesh keys: show takes no name\n", stderr);
        return MESH_EXIT_USAGE;
    }
    char *error = NULL;
    mesh_key_entry_t *entries = NULL;
    size_t count = 0;
    char *dir = mesh_key_store_dir(settings, &error);
    if (!dir || mesh_key_store_list(dir, &entries, &count, &error) != 0) {
        free(dir);
        return fail(error);
    }
    if (count == 0)
        fprintf(stderr, "There are no keys in %s.\n", dir);
    for (size_t i = 0; i < count; i++)
        printf("%-9s  %-9s  %s  %s\n", entries[i].revoked ? "revoked" : "may enter",
               mesh_role_name(entries[i].role),
               *entries[i].public_key ? entries[i].public_key : "(its file cannot be read)",
               entries[i].name);
    free(entries);
    free(dir);
    return error ? fail(error) : MESH_EXIT_STOPPED;
}

int
keys_main(int argc, char *argv[])
{
    static const struct {
        const char *word;
        mesh_program_t program;
    } WORDS[] = {
        {"new",
         {.name = "aidermesh keys new",
          .summary =
              "Make a key for a program of the mesh and let it in. The first key closes the "
              "mesh to\nall who have none, also while the broker runs.",
          .usage = "NAME publish|subscribe|operate",
          .run = new_key}},
        {"show",
         {.name = "aidermesh keys show",
          .summary = "List who may enter the mesh, and who no longer may.",
          .usage = "",
          .run = show_keys}},
        {"revoke",
         {.name = "aidermesh keys revoke",
          .summary = "Let a key in no more; within a second its connections are closed.",
          .usage = "NAME",
          .run = revoke_key}},
    };
    for (size_t i = 0; argc > 1 && i < sizeof WORDS / sizeof *WORDS; i++)
        if (strcmp(argv[1], WORDS[i].word) == 0)
            return mesh_program_main(&WORDS[i].program, argc - 1, argv + 1);
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    fputs("usage: aidermesh keys new NAME publish|subscribe|operate\n"
          "       aidermesh keys show\n"
          "       aidermesh keys revoke NAME\n",
          help ? stdout : stderr);
    return help ? MESH_EXIT_STOPPED : MESH_EXIT_USAGE;
}
