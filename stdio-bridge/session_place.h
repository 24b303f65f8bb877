// session_place - where a session runs: who, in which directory, repository and branch
// SPDX-License-Identifier: MPL-2.0
#ifndef SESSION_PLACE_H
#define SESSION_PLACE_H

#include <jansson.h>

// What an event may tell of the place: working_dir, repo (the name of the git working tree's
// top directory), branch and user, each where it is known. The caller owns the object.
json_t *session_place_members(const char *working_dir);

// The name of the branch that is checked out where HEAD holds this text; NULL when it is none
// (a detached HEAD). The caller frees it.
char *session_place_branch_of(const char *head);

#endif
