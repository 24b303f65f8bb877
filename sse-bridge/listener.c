// listener - the TCP socket that clients connect to
// SPDX-License-Identifier: MPL-2.0
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} place_t;

static int
read_address(const char *address, place_t *place, socklen_t *bytes)
{
    memset(place, 0, sizeof *place);
    if (strcmp(address, "localhost") == 0)
        address = "127.0.0.1";
    if (inet_pton(AF_INET, address, &place->v4.sin_addr) == 1) {
        place->v4.sin_family = AF_INET;
        *bytes = sizeof place->v4;
        return 0;
    }
    if (inet_pton(AF_INET6, address, &place->v6.sin6_addr) == 1) {
        place->v6.sin6_family = AF_INET6;
        *bytes = sizeof place->v6;
        return 0;
    }
    return -1;
}

int
listener_is_loopback(const char *address)
{
    place_t place;
    socklen_t bytes;
    if (read_address(address, &place, &bytes) != 0)
        return -1;
    if (place.any.sa_family == AF_INET)
        return ntohl(place.v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&place.v6.sin6_addr) ? 1 : 0;
}

static int
fail(int fd, char **error_p, const char *address, uint16_t port, const char *what)
{
    int rc = asprintf(error_p, "cannot listen on %s port %u: %s", address, port, what);
    assert(rc >= 0);
    if (fd >= 0)
        close(fd);
    return -1;
}

int
listener_open(const char *address, uint16_t port, uint16_t *bound_port, char **error_p)
{
    place_t place;
    socklen_t bytes;
    if (read_address(address, &place, &bytes) != 0)
        return fail(-1, error_p, address, port, "it is no numeric address");
    place.v4.sin_port = htons(port);    // at the same place in both kinds
    int fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(-1, error_p, address, port, strerror(errno));
    int on = 1;
    (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &place.any, bytes) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, &place.any, &bytes) != 0)
        return fail(fd, error_p, address, port, strerror(errno));
    *bound_port = ntohs(place.v4.sin_port);
    return fd;
}
