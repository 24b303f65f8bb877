// token - aidermesh token: shows the mesh's own token, makes, lists and revokes further ones
// SPDX-License-Identifier: MPL-2.0
#include "token.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "mesh/program.h"
#include "mesh/token.h"
#include "mesh/token_store.h"

static const char name[] = "aidermesh token";

static int
fail(char *error)
{
    fprintf(stderr, "%s: %s\n", name, error);
    free(error);
    return MESH_EXIT_FAILED;
}

static int
written(void)
{
    if (fflush(stdout) == 0)
        return MESH_EXIT_STOPPED;
    fprintf(stderr, "%s: cannot write: %s\n", name, strerror(errno));
    return MESH_EXIT_FAILED;
}

static int
usage(const char *sentence)
{
    fprintf(stderr, "%s: %s\n", name, sentence);
    return MESH_EXIT_USAGE;
}

static int
show_token(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argv;
    if (argc != 0)
        return usage("show takes no name; only the mesh's own token can be shown");
    char *error = NULL;
    char *token = mesh_token_load(settings, &error);
    if (!token)
        return fail(error);
    printf("%s\n", token);
    free(token);
    return written();
}

static int
new_token(const mesh_settings_t *settings, int argc, char *argv[])
{
    const char *scopes[MESH_TOKEN_SCOPES] = {"*"};
    size_t count = mesh_settings_list_size(settings, "token/scopes");
    if (argc > 1)
        return usage("say at most one name: aidermesh token new [--scope SCOPE]... "
                     "[--expires DURATION] [NAME]");
    if (count > MESH_TOKEN_SCOPES)
        return usage("a token has at most 16 scopes");
    for (size_t at = 0; at < count; at++)
        scopes[at] = mesh_settings_list_item(settings, "token/scopes", at);
    int64_t now_s = mesh_clock_unix_us() / 1000000;
    int64_t expires_ms = mesh_settings_ms(settings, "token/expires");
    char *error = NULL;
    char *path = mesh_token_store_path(settings, &error);
    char *token =
        path ? mesh_token_store_new(path, argc == 1 ? argv[0] : "", scopes, count ? count : 1,
                                    now_s, expires_ms ? now_s + expires_ms / 1000 : 0, &error)
             : NULL;
    free(path);
    if (!token)
        return fail(error);
    printf("%s\n", token);
    free(token);
    fputs("This is the only time it is shown. The sse-bridges of this state directory take it "
          "from now on.\n",
          stderr);
    return written();
}

static void
print_time(int64_t time_s, const char *without)
{
    char text[32];
    time_t time = (time_t) time_s;
    struct tm parts;
    if (time_s == 0 || !gmtime_r(&time, &parts) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        printf("  %-20s", without);
    else
        printf("  %-20s", text);
}

static int
list_tokens(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argv;
    if (argc != 0)
        return usage("list takes no name");
    char *error = NULL;
    char *path = mesh_token_store_path(settings, &error);
    mesh_token_store_t *store = path ? mesh_token_store_load(path, &error) : NULL;
    free(path);
    if (!store)
        return fail(error);
    if (mesh_token_store_size(store) == 0)
        fputs("There are none beside the mesh's own (aidermesh token show).\n", stderr);
    else
        printf("%-12s  %-20s  %-20s  %-16s  %s\n", "ID", "MADE", "EXPIRES", "NAME", "SCOPES");
    for (size_t at = 0; at < mesh_token_store_size(store); at++) {
        const mesh_token_entry_t *entry = mesh_token_store_entry(store, at);
        printf("%s", entry->id);
        print_time(entry->made_s, "");
        print_time(entry->expires_s, "never");
        printf("  %-16s ", entry->name);
        for (size_t scope = 0; scope < entry->scope_count; scope++)
            printf(" %s", entry->scope_texts[scope]);
        putchar('\n');
    }
    mesh_token_store_destroy(&store);
    return written();
}

static int
revoke_token(const mesh_settings_t *settings, int argc, char *argv[])
{
    if (argc != 1)
        return usage("say which: aidermesh token revoke ID|NAME");
    char *error = NULL;
    char *path = mesh_token_store_path(settings, &error);
    int rc = path ? mesh_token_store_revoke(path, argv[0], &error) : -1;
    free(path);
    return rc == 0 ? MESH_EXIT_STOPPED : fail(error);
}

int
token_main(int argc, char *argv[])
{
    static const mesh_program_flag_t NEW_FLAGS[] = {
        {"--scope", "SCOPE", "token/scopes", NULL,
         "what it is good for, e.g. 'events;types=aider.*;host=laptop'; may be repeated"},
        {"--expires", "DURATION", "token/expires", NULL, "how long it is good, e.g. 30d"},
        {0},
    };
    static const struct {
        const char *word;
        mesh_program_t program;
    } WORDS[] = {
        {"show",
         {.name = "aidermesh token show",
          .summary = "Print the mesh's own token, which is good for everything. It is made by "
                     "the first start\nof the mesh (aidermesh up); before that there is none, "
                     "and the exit status is 1.",
          .usage = "",
          .run = show_token}},
        {"new",
         {.name = "aidermesh token new",
          .summary =
              "Make a token for somebody else, and print it. Without a scope it is good for "
              "everything.\nA scope is AREA[;types=TYPE,...][;host=HOST,...]"
              "[;session=SESSION,...]; areas are events, api\nand metrics. Only a hash of the "
              "token is kept.",
          .usage = "[NAME]",
          .flags = NEW_FLAGS,
          .run = new_token}},
        {"list",
         {.name = "aidermesh token list",
          .summary = "List the tokens that were made here, without the tokens themselves.",
          .usage = "",
          .run = list_tokens}},
        {"revoke",
         {.name = "aidermesh token revoke",
          .summary = "Take a token back; within two seconds its streams are closed.",
          .usage = "ID|NAME",
          .run = revoke_token}},
    };
    for (size_t i = 0; argc > 1 && i < sizeof WORDS / sizeof *WORDS; i++)
        if (strcmp(argv[1], WORDS[i].word) == 0)
            return mesh_program_main(&WORDS[i].program, argc - 1, argv + 1);
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    fputs("usage: aidermesh token show\n"
          "       aidermesh token new [--scope SCOPE]... [--expires DURATION] [NAME]\n"
          "       aidermesh token list\n"
          "       aidermesh token revoke ID|NAME\n",
          help ? stdout : stderr);
    return help ? MESH_EXIT_STOPPED : MESH_EXIT_USAGE;
}
