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
#include "tls_credentials.h"

enum {
    LIMIT_S = 2,    // for each of connecting, sending and the first line of the answer
    TRIES = 4,      // of reading it over TLS
};

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

// Ask over TLS. Nothing is told that others must not know, so the other side need not prove who
// it is.
static bool
ask_encrypted(int fd, const char *request, char *answer, size_t answer_bytes)
{
    gnutls_session_t session;
    gnutls_certificate_credentials_t nobody;
    bool done = false;
    if (gnutls_certificate_allocate_credentials(&nobody) < 0)
        return false;
    if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0) {
        gnutls_certificate_free_credentials(nobody);
        return false;
    }
    gnutls_transport_set_int(session, fd);
    if (gnutls_set_default_priority(session) >= 0 &&
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, nobody) >= 0 &&
        gnutls_handshake(session) >= 0 &&
        gnutls_record_send(session, request, strlen(request)) == (ssize_t) strlen(request)) {
        // Tickets for another session may come first.
        ssize_t got = GNUTLS_E_AGAIN;
        for (int tries = 0; got == GNUTLS_E_AGAIN && tries < TRIES; tries++)
            got = gnutls_record_recv(session, answer, answer_bytes);
        done = got == (ssize_t) answer_bytes;
    }
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(nobody);
    return done;
}

static bool
ask_plain(int fd, const char *request, char *answer, size_t answer_bytes)
{
    return send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t) strlen(request) &&
           recv(fd, answer, answer_bytes, MSG_WAITALL) == (ssize_t) answer_bytes;
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
    bool asked = tls_credentials_wanted(settings)
                     ? ask_encrypted(fd, request, answer, sizeof yes - 1)
                     : ask_plain(fd, request, answer, sizeof yes - 1);
    bool ready = asked && memcmp(answer, yes, sizeof yes - 1) == 0;
    close(fd);
    if (!ready)
        fprintf(stderr, "the sse-bridge on %s port %u is not ready\n", address, port);
    return ready ? 0 : 1;
}
