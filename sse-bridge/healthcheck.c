// healthcheck - asks the sse-bridge of these settings whether it is ready
// SPDX-License-Identifier: MPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "port_file.h"
#include "sse_bridge.h"

enum { LIMIT_S = 2 };    // for each of connecting, sending and the first line of the answer

static int
connect_to(const char *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct timeval limit = {.tv_sec = LIMIT_S};
    // One that listens everywhere is asked at home.
    if (strcmp(address, "localhost") == 0 || strcmp(address, "0.0.0.0") == 0)
        address = "127.0.0.1";
    if (strcmp(address, "::") == 0)
        address = "::1";
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
        return -1;
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int rc = is_v4 ? connect(fd, (const struct sockaddr *) &v4, sizeof v4)
                   : connect(fd, (const struct sockaddr *) &v6, sizeof v6);
    if (rc != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int
sse_bridge_healthcheck(const mesh_settings_t *settings)
{
    static const char request[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    static const char yes[] = "HTTP/1.1 200 ";
    const char *address = mesh_settings_string(settings, "http/address");
    uint16_t port = (uint16_t) mesh_settings_number(settings, "http/port");
    if (port == 0)
        port = port_file_read(mesh_settings_string(settings, "http/port_file"));
    int fd = connect_to(address, port);
    if (fd < 0) {
        fprintf(stderr, "nothing answers on %s port %u\n", address, port);
        return 1;
    }
    char answer[sizeof yes] = "";
    bool ready = send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1 &&
                 recv(fd, answer, sizeof yes - 1, MSG_WAITALL) == sizeof yes - 1 &&
                 memcmp(answer, yes, sizeof yes - 1) == 0;
    close(fd);
    if (!ready)
        fprintf(stderr, "the sse-bridge on %s port %u is not ready\n", address, port);
    return ready ? 0 : 1;
}
