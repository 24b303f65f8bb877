// hung_disk - a disk that answers nothing until a file is there: preloaded into a program
// SPDX-License-Identifier: MPL-2.0
//
// What is written with pwrite below $HUNG_DISK waits for the file $HUNG_DISK_ANSWERS.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int
is_below(int fd, const char *place)
{
    char link[sizeof "/proc/self/fd/" + 3 * sizeof fd];
    char path[PATH_MAX];
    (void) snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path);
    size_t length = strlen(place);
    return size > (ssize_t) length && memcmp(path, place, length) == 0;
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    const char *place = getenv("HUNG_DISK");
    const char *answers = getenv("HUNG_DISK_ANSWERS");
    if (place && answers && is_below(fd, place))
        while (access(answers, F_OK) != 0)
            (void) nanosleep(&pause, NULL);
    return syscall(SYS_pwrite64, fd, bytes, size, at);
}
