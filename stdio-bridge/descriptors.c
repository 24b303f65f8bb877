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

void
descriptors_blank(int fd)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing >= 0) {
        (void) dup3(nothing, fd, O_CLOEXEC);
        close(nothing);
    }
}

static int
compare(const void *left, const void *right)
{
    const int *one = left;
    const int *other = right;
    return (*one > *other) - (*one < *other);
}

static void
close_from_to(int first, unsigned last)
{
    if ((unsigned) first <= last)
        (void) close_range((unsigned) first, last, 0);
}

void
descriptors_close_others(int kept[], size_t count)
{
    qsort(kept, count, sizeof *kept, compare);
    int next = 3;
    for (size_t i = 0; i < count; i++) {
        assert(kept[i] < 0 || kept[i] >= 3);
        if (kept[i] >= next) {
            close_from_to(next, (unsigned) kept[i] - 1);
            next = kept[i] + 1;
        }
    }
    close_from_to(next, UINT_MAX);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        if (nothing < 0 || dup2(nothing, fd) < 0)
            close(fd);
    if (nothing >= 0)
        close(nothing);
}
