// descriptor - a connection that is libzmq's, by its descriptor
// SPDX-License-Identifier: MPL-2.0
//
// libzmq says by which descriptor a message came (ZMQ_SRCFD) and has no way to end one
// connection. The descriptor may be another connection's since: callers make sure.
#ifndef BROKER_DESCRIPTOR_H
#define BROKER_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

#include <czmq.h>

// The descriptor that a message came by, given its first frame; -1 where it is not known.
int descriptor_of(zframe_t *frame);

// What no other connection has for as long as this one is open; 0 where the descriptor is not
// that of a connection.
uint64_t descriptor_identity(int descriptor);

// End the connection: libzmq then finds it closed. Does nothing to what is no connection.
void descriptor_end(int descriptor);

#endif
