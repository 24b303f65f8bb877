// descriptor - a connection that is libzmq's, by its descriptor
// SPDX-License-Identifier: MPL-2.0
#include "descriptor.h"

#include <sys/socket.h>
#include <sys/stat.h>

int
descriptor_of(zframe_t *frame)
{
    const char *text = frame ? zframe_meta(frame, "__fd") : NULL;
    return text ? (int) strtol(text, NULL, 10) : -1;
}

static bool
is_connection(int descriptor)
{
    int listens = 1;
    socklen_t bytes = sizeof listens;
    return descriptor >= 0 &&
           getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) == 0 && !listens;
}

uint64_t
descriptor_identity(int descriptor)
{
    struct stat status;
    if (!is_connection(descriptor) || fstat(descriptor, &status) != 0)
        return 0;
    return (uint64_t) status.st_ino;
}

void
descriptor_end(int descriptor)
{
    if (is_connection(descriptor))
        (void) shutdown(descriptor, SHUT_RDWR);
}
