// session_place - where a session runs: who, in which directory, repository and branch
// SPDX-License-Identifier: MPL-2.0
#include "session_place.h"

#include <czmq.h>
#include <pwd.h>

#define BRANCH_REF "ref: refs/heads/"
#define GIT_DIR_POINTER "gitdir: "

enum { SMALL_FILE_BYTES = 4096 };

// The first line of a small file, without its end; NULL when there is none.
static char *
first_line(const char *dir, const char *name)
{
    char path[PATH_MAX];
    char text[SMALL_FILE_BYTES];
    if ((size_t) snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return NULL;
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *line = fgets(text, sizeof text, file);
    (void) fclose(file);
    if (!line)
        return NULL;
    line[strcspn(line, "\r\n")] = '\0';
    return strdup(line);
}

char *
session_place_branch_of(const char *head)
{
    if (strncmp(head, BRANCH_REF, strlen(BRANCH_REF)) != 0 || !head[strlen(BRANCH_REF)])
        return NULL;
    return strdup(head + strlen(BRANCH_REF));
}

static void
set_text(json_t *members, const char *key, const char *text)
{
    json_t *value = text && *text ? json_string(text) : NULL;
    if (value)    // a name that is not UTF-8 has no place in JSON
        json_object_set_new(members, key, value);
}

// The branch of the working tree at top, whose .git is a directory, or a file that points to
// one (worktrees, submodules).
static void
set_branch(json_t *members, const char *top)
{
    char dir[PATH_MAX];
    char *head = NULL;
    char *pointer = first_line(top, ".git");
    if (pointer && strncmp(pointer, GIT_DIR_POINTER, strlen(GIT_DIR_POINTER)) == 0) {
        const char *target = pointer + strlen(GIT_DIR_POINTER);
        bool absolute = *target == '/';
        int size = snprintf(dir, sizeof dir, "%s%s%s", absolute ? "" : top, absolute ? "" : "/",
                            target);
        if (size > 0 && (size_t) size < sizeof dir)
            head = first_line(dir, "HEAD");
    } else {
        head = first_line(top, ".git/HEAD");
    }
    char *branch = head ? session_place_branch_of(head) : NULL;
    set_text(members, "branch", branch);
    free(branch);
    free(head);
    free(pointer);
}

static void
set_repository(json_t *members, const char *working_dir)
{
    char top[PATH_MAX];
    char git[PATH_MAX + sizeof "/.git"];
    if (snprintf(top, sizeof top, "%s", working_dir) >= (int) sizeof top)
        return;
    while (*top) {
        (void) snprintf(git, sizeof git, "%s/.git", top);
        char *slash = strrchr(top, '/');
        if (!slash)
            return;
        if (access(git, F_OK) == 0) {
            set_text(members, "repo", slash + 1);
            set_branch(members, top);
            return;
        }
        *slash = '\0';
    }
}

json_t *
session_place_members(const char *working_dir)
{
    json_t *members = json_object();
    set_text(members, "working_dir", working_dir);
    if (working_dir && *working_dir == '/')
        set_repository(members, working_dir);
    const struct passwd *user = getpwuid(geteuid());
    set_text(members, "user", user ? user->pw_name : getenv("USER"));
    return members;
}
