// descriptors - which descriptors a process holds
// SPDX-License-Identifier: MPL-2.0
#include "descriptors.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

int
descriptors_fill_standard(bool closed[3])
{
    for (int fd = 0; fd < 3; fd++) {
        closed[fd] = fcntl(fd, F_GETFD) < 0 && errno == EBADF;
        // The lowest free number is this one, since all below are open by now.
        if (closed[fd] && open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
            return -1;
    }
    return 0;
}

size_t
descriptors_inherited(int fds[], size_t most)
{
    size_t count = 0;
    DIR *open_files = opendir("/proc/self/fd");
    if (!open_files)
        return 0;
    const struct dirent *entry = NULL;
    while (count < most && (entry = readdir(open_files))) {
        int fd = (int) strtol(entry->d_name, NULL, 10);
        if (fd > 2 && fd != dirfd(open_files))
            fds[count++] = fd;
    }
    (void) closedir(open_files);
    return count;
}

static int
move_above(int *fd_p, int lowest)
{
    int moved = fcntl(*fd_p, F_DUPFD_CLOEXEC, lowest);
    if (moved < 0)
        return -1;
    *fd_p = moved;
    return 0;
}

int
descriptors_keep_only(int kept[], size_t count, bool keep_stderr)
{
    assert(count <= DESCRIPTORS_KEPT_MOST);
    // First out of the way of 3, 4, ..., then into place: the order of kept[] is the caller's.
    for (size_t i = 0; i < count; i++)
        if (kept[i] >= 0 && move_above(&kept[i], 3 + DESCRIPTORS_KEPT_MOST) < 0)
            return -1;
    int next = 3;
    for (size_t i = 0; i < count; i++) {
        if (kept[i] < 0)
            continue;
        if (dup3(kept[i], next, O_CLOEXEC) < 0)
            return -1;
        kept[i] = next++;
    }
    if (close_range((unsigned) next, UINT_MAX, 0) < 0)
        return -1;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0)
        return -1;
    for (int fd = 0; fd < (keep_stderr ? 2 : 3); fd++)
        if (dup2(nothing, fd) < 0)
            return -1;
    return close(nothing);
}
