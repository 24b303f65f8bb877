// aider_changes - what a session has changed: the files edited, and how many commits
// SPDX-License-Identifier: MPL-2.0
#ifndef AIDER_CHANGES_H
#define AIDER_CHANGES_H

#include <jansson.h>
#include <stdbool.h>

enum { AIDER_CHANGES_FILES_MOST = 50 };    // named; more are not

// All zero is a session that has changed nothing.
typedef struct aider_changes {
    json_t *files;    // owned; paths, each once; NULL for none
    bool edited;
    bool unnamed;    // a file that is not among them
    unsigned commits;
} aider_changes_t;

void aider_changes_edit(aider_changes_t *self, const char *path);
void aider_changes_commit(aider_changes_t *self);

// The members changes_detected and, where there are any, changes_summary.
void aider_changes_set(const aider_changes_t *self, json_t *payload);

// Free what it holds, and begin anew.
void aider_changes_clear(aider_changes_t *self);

#endif
