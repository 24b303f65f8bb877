// port_file - says in a file which port is listened on, where the kernel chose it
// SPDX-License-Identifier: MPL-2.0
#include "port_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
port_file_write(const char *path, uint16_t port, char **error_p)
{
    char *fresh = NULL;
    int rc = asprintf(&fresh, "%s.%ld", path, (long) getpid());
    assert(rc >= 0);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = fd >= 0 && dprintf(fd, "%u\n", port) > 0;
    if (fd >= 0 && close(fd) != 0)
        written = false;
    if (!written || rename(fresh, path) != 0) {
        rc =
            asprintf(error_p, "http/port_file %s cannot be written: %s", path, strerror(errno));
        assert(rc >= 0);
        (void) unlink(fresh);
        free(fresh);
        return -1;
    }
    free(fresh);
    return 0;
}

uint16_t
port_file_read(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    char text[16] = "";
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = '\0';
    char *end = text;
    unsigned long port = strtoul(text, &end, 10);
    return *end == '\n' && port <= UINT16_MAX ? (uint16_t) port : 0;
}
