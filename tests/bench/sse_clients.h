// sse_clients - thousands of connections to one event stream server, in one loop
// SPDX-License-Identifier: MPL-2.0
//
// Each client asks for a path, reads what comes, and remembers the last id, which it shows when
// it asks again. Requests are HTTP/1.0, so that no server needs chunks. At most a fixed number
// of connections is being made at once, or is at TLS's handshake.
#ifndef BENCH_SSE_CLIENTS_H
#define BENCH_SSE_CLIENTS_H

#include <czmq.h>

#include "sse_scan.h"

typedef struct sse_clients sse_clients_t;

typedef enum {
    SSE_CLIENTS_ENDED,      // the server ended it, or it was cut
    SSE_CLIENTS_REFUSED,    // no connection
    SSE_CLIENTS_STATUS,     // another status than 200
    SSE_CLIENTS_GARBLED,    // what was to be gzip is not
} sse_clients_end_t;

// Called from the loop. A handler may connect and close any client, but one that was refused
// only later.
typedef struct sse_clients_handler {
    void (*on_open)(void *arg, size_t client);    // the head of a 200 has come
    void (*on_event)(void *arg, size_t client, const sse_scan_t *event);
    // The client is closed; status is that of the answer, 0 where none came. May be NULL.
    void (*on_end)(void *arg, size_t client, sse_clients_end_t end, unsigned status);
    // What was there to be read has been read, of many clients. May be NULL.
    void (*on_read)(void *arg);
} sse_clients_handler_t;

// handler is borrowed.
sse_clients_t *sse_clients_new(zloop_t *loop, size_t count,
                               const sse_clients_handler_t *handler, void *arg);
void sse_clients_destroy(sse_clients_t **self_p);

// Where the server is, on loopback; and lines of the head for every request, each ended with
// CRLF. header is borrowed.
void sse_clients_aim(sse_clients_t *self, uint16_t port, const char *header);

// That all connections are TLS. Before any is made.
void sse_clients_use_tls(sse_clients_t *self);

// What a client makes of what follows the head; that it comes as gzip the header asks for.
typedef enum {
    SSE_CLIENTS_READS,     // takes it as events
    SSE_CLIENTS_UNZIPS,    // unpacks it, and takes that as events
    SSE_CLIENTS_COUNTS,    // counts bytes, and has no events
} sse_clients_reading_t;
void sse_clients_read_as(sse_clients_t *self, size_t client, sse_clients_reading_t reading);

// What a client asks for (copied, at most SSE_CLIENTS_PATH_SIZE - 1 bytes); and that it never
// reads, with as little room for what it does not read as the kernel allows.
enum { SSE_CLIENTS_PATH_SIZE = 96 };
void sse_clients_ask(sse_clients_t *self, size_t client, const char *path);
void sse_clients_stall(sse_clients_t *self, size_t client);

// Connect a client that is closed, when its turn comes; close one, with a reset, so that its
// port is free at once. To close one that is closed does nothing.
void sse_clients_connect(sse_clients_t *self, size_t client);
void sse_clients_close(sse_clients_t *self, size_t client);
bool sse_clients_is_closed(const sse_clients_t *self, size_t client);

// The last id the client has seen; "" for none. It may be set, to begin elsewhere.
const char *sse_clients_last_id(const sse_clients_t *self, size_t client);
void sse_clients_set_last_id(sse_clients_t *self, size_t client, const char *id);

// Clients that have the head of a 200; bytes read, of TLS those within its records.
size_t sse_clients_open(const sse_clients_t *self);
uint64_t sse_clients_bytes(const sse_clients_t *self);

#endif
