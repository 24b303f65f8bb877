// descriptors - which descriptors a process holds
// SPDX-License-Identifier: MPL-2.0
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

enum { DESCRIPTORS_INHERITED_MOST = 256 };

// Open /dev/null, close-on-exec, in the place of each of 0, 1 and 2 that is closed, so that
// nothing else lands there. closed[i] tells which were. Returns 0, or -1 with errno.
int descriptors_fill_standard(bool closed[3]);

// List what is open above 2, at the start: descriptors the user means for the command.
// Returns how many; what is beyond `most` is left out.
size_t descriptors_inherited(int fds[], size_t most);

// Put /dev/null, close-on-exec, in the place of fd, so that the number stays taken and whoever
// is at the other end sees it closed. Left as it is where there is no /dev/null.
void descriptors_blank(int fd);

// Close all but kept[0..count), each of which is above 2 or -1, and 0, 1 and 2, which become
// /dev/null where there is one. kept is sorted by this.
void descriptors_close_others(int kept[], size_t count);

#endif
