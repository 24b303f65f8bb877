// listener - the TCP socket that clients connect to
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_LISTENER_H
#define SSE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

// Whether a numeric address, or "localhost", is of this host only. Returns 1 or 0, or -1 when
// it is no address.
int listener_is_loopback(const char *address);

// Listen on an address (numeric, or "localhost") and port (0: the kernel chooses). Returns the
// socket, which does not block and is the caller's to close, and the port in *bound_port; or -1
// with *error_p a sentence that the caller frees.
int listener_open(const char *address, uint16_t port, uint16_t *bound_port, char **error_p);

#endif
