// connection - how a socket of the mesh notices that the other side is gone
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_CONNECTION_H
#define MESH_CONNECTION_H

#include <czmq.h>

// Before the socket is bound or connected: have it end a TCP connection whose other side has
// not answered for about that long, and a connection of any kind whose handshake is not done in
// MESH_HANDSHAKE_MS. A local connection ends with the process at its other end.
//
// The kernel looks after it, not libzmq: ZMTP heartbeats (ZMQ_HEARTBEAT_IVL) end the process
// where the other side hangs up while the queue of what it sent is full; docs/RATIONALE.md has
// the details.
void mesh_connection_watch(zsock_t *socket, int64_t lost_after_ms);

enum { MESH_HANDSHAKE_MS = 10000 };

#endif
