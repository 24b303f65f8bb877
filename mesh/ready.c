// ready - tells systemd (NOTIFY_SOCKET) what the program is doing
// SPDX-License-Identifier: MPL-2.0
#include "mesh/ready.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
mesh_ready_notify(const char *state)
{
    assert(state);
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;

    size_t length = strlen(path);
    memcpy(address.sun_path, path, length);
    // An abstract name begins with NUL, written as @, and is not ended by one.
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length);

    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void) sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                  (const struct sockaddr *) &address, size);
    (void) close(fd);
}
