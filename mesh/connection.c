// connection - how a socket of the mesh notices that the other side is gone
// SPDX-License-Identifier: MPL-2.0
#include "mesh/connection.h"

#include <assert.h>

enum { PROBES = 3 };    // unanswered ones that end a connection on which nothing is sent

void
mesh_connection_watch(zsock_t *socket, int64_t lost_after_ms)
{
    assert(socket && lost_after_ms > 0);
    // The kernel counts in seconds here, and allows a day.
    int64_t every_s = lost_after_ms / (PROBES * (int64_t) 1000);
    if (every_s < 1)
        every_s = 1;
    if (every_s > 3600)
        every_s = 3600;
    zsock_set_tcp_keepalive(socket, 1);
    zsock_set_tcp_keepalive_idle(socket, (int) every_s);
    zsock_set_tcp_keepalive_intvl(socket, (int) every_s);
    zsock_set_tcp_keepalive_cnt(socket, PROBES);
    // Of what was sent and not taken: also a program that lives and does not read.
    zsock_set_tcp_maxrt(socket, lost_after_ms > INT_MAX ? INT_MAX : (int) lost_after_ms);
    zsock_set_handshake_ivl(socket, MESH_HANDSHAKE_MS);
}
