// descriptors - which descriptors a process holds
// SPDX-License-Identifier: MPL-2.0
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

enum { DESCRIPTORS_KEPT_MOST = 8, DESCRIPTORS_INHERITED_MOST = 256 };

// Open /dev/null, close-on-exec, in the place of each of 0, 1 and 2 that is closed, so that
// nothing else lands there. closed[i] tells which were. Returns 0, or -1 with errno.
int descriptors_fill_standard(bool closed[3]);

// List what is open above 2, at the start: descriptors the user means for the command.
// Returns how many; what is beyond `most` is left out.
size_t descriptors_inherited(int fds[], size_t most);

// Let a helper process hold nothing of its user's: 0, 1 and 2 become /dev/null (2 only unless
// keep_stderr), all else is closed except kept[0..count), which move to 3, 4, ... and are
// renumbered in place. An entry of -1 stays -1. Close-on-exec is set on what is kept.
// Returns 0, or -1 with errno.
int descriptors_keep_only(int kept[], size_t count, bool keep_stderr);

#endif
