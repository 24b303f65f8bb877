// sse_tls - the TLS of one connection of a load client, over a socket that does not wait
// SPDX-License-Identifier: MPL-2.0
//
// Believes every certificate: it measures what TLS costs, and asks for nothing else.
#ifndef BENCH_SSE_TLS_H
#define BENCH_SSE_TLS_H

#include <stddef.h>
#include <sys/types.h>

typedef struct sse_tls sse_tls_t;

typedef enum {
    SSE_TLS_DONE,
    SSE_TLS_WANTS_READ,     // go on when the socket can be read
    SSE_TLS_WANTS_WRITE,    // ... written
    SSE_TLS_FAILED,
} sse_tls_step_t;

// fd is borrowed, and connected.
sse_tls_t *sse_tls_new(int fd);
// Says nothing to the peer.
void sse_tls_destroy(sse_tls_t **self_p);

sse_tls_step_t sse_tls_shake_hands(sse_tls_t *self);

// As send and recv of the kernel: -1 with EAGAIN in errno when the socket has to be waited for.
// To recv with room for a whole record, SSE_TLS_RECORD_BYTES, leaves nothing behind that the
// socket would not tell of.
enum { SSE_TLS_RECORD_BYTES = 16 * 1024 };
ssize_t sse_tls_send(sse_tls_t *self, const char *bytes, size_t count);
ssize_t sse_tls_recv(sse_tls_t *self, char *bytes, size_t count);

#endif
