// whole_file - a small file that is replaced as a whole: a reader finds the old or the new one
// SPDX-License-Identifier: MPL-2.0
#include "whole_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "text.h"

static int
write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        size -= (size_t) written;
    }
    return 0;
}

int
mesh_whole_file_write(const char *path, const char *bytes, size_t size, bool durable)
{
    assert(path && bytes);
    char *fresh = mesh_text_printf("%s.XXXXXX", path);
    int fd = mkostemp(fresh, O_CLOEXEC);    // mode 0600
    int rc = fd < 0 ? -1 : 0;
    if (rc == 0 && (write_all(fd, bytes, size) != 0 || (durable && fsync(fd) != 0)))
        rc = -1;
    if (fd >= 0 && close(fd) != 0)
        rc = -1;
    if (rc == 0)
        rc = rename(fresh, path);
    int why = errno;
    if (rc != 0 && fd >= 0)
        (void) unlink(fresh);
    free(fresh);
    errno = why;
    return rc;
}
