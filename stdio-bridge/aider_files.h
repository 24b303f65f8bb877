// aider_files - where this AIDER session writes, and what else it was told outside its argv
// SPDX-License-Identifier: MPL-2.0
//
// Looks where AIDER looks, in AIDER's order: the command line; the environment, which .env
// files (home, repository, working directory, --env-file) overrule; .aider.conf.yml (home,
// repository, working directory, --config; the later the stronger); AIDER's own default. Of the
// files it reads plain "KEY=VALUE" and top-level "key: value" lines; anything cleverer is left
// out.
#ifndef AIDER_FILES_H
#define AIDER_FILES_H

#include <stdbool.h>
#include <stddef.h>

enum { AIDER_FILES_READ_LIMIT_BYTES = 64 * 1024 };    // of one .env or .aider.conf.yml

// The value of an environment variable, or NULL. Borrowed.
typedef const char *aider_files_env_fn(void *arg, const char *name);

// The first limit_bytes of a file as a string that the caller frees, or NULL when it cannot be
// read.
typedef char *aider_files_read_fn(void *arg, const char *path, size_t limit_bytes);

// Whether anything is at path.
typedef bool aider_files_exists_fn(void *arg, const char *path);

// What the session is started with. All borrowed.
typedef struct aider_files_source {
    const char *const *argv;    // ends with NULL
    const char *working_dir;    // absolute
    aider_files_env_fn *env;
    aider_files_read_fn *read;
    aider_files_exists_fn *exists;
    void *arg;    // handed to the three
} aider_files_source_t;

typedef struct aider_files {
    char *git_root;         // NULL outside a repository or with --no-git
    char *chat_history;     // never NULL
    char *analytics_log;    // NULL when the user set none
    char *model;            // NULL when not set, or only by argv's short names such as --sonnet
    char *message;          // NULL when not set
} aider_files_t;

// Find out. Never returns NULL; the caller ends it with aider_files_destroy.
aider_files_t *aider_files_find(const aider_files_source_t *source);

// End it and set *self_p to NULL.
void aider_files_destroy(aider_files_t **self_p);

// The value of one setting by AIDER's name without dashes, such as "chat-history-file"; the
// caller frees it. NULL when it is set nowhere.
char *aider_files_setting(const aider_files_source_t *source, const char *git_root,
                          const char *name);

// Find out about a command on the real system: its words, NULL-ended, in an absolute folder.
aider_files_t *aider_files_find_real(char *const words[], const char *working_dir);

// The three callbacks on the real system; arg is not used.
const char *aider_files_real_env(void *arg, const char *name);
char *aider_files_real_read(void *arg, const char *path, size_t limit_bytes);
bool aider_files_real_exists(void *arg, const char *path);

#endif
