// http_server - libmicrohttpd in a zloop, without a thread of its own
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_HTTP_SERVER_H
#define SSE_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <czmq.h>
#include <microhttpd.h>

typedef struct http_server http_server_t;

typedef struct http_server_limits {
    unsigned connections;
    size_t head_bytes;    // of one request; more is answered 431
    size_t body_bytes;    // of a POST; more is answered 413
    // From the connection, or the answer before, to a whole request.
    int64_t head_deadline_ms;
    bool encrypted;
} http_server_limits_t;

// An answer that is given later: whoever suspends the connection instead of answering leaves
// one in *request->later.
typedef struct http_later http_later_t;
struct http_later {
    // The connection was resumed: queue the response. May be called once.
    enum MHD_Result (*answer)(http_later_t *self);
    // The request is over, answered or not: the last call.
    void (*over)(http_later_t *self);
};

// One request. All borrowed for the call that shows it.
typedef struct http_request {
    struct MHD_Connection *connection;
    const char *method;
    const char *target;    // path and query as they came, not decoded
    const char *body;      // of a POST, ended with NUL
    size_t body_bytes;
    bool body_too_long;          // then there is none
    const char *head_problem;    // a sentence; NULL where the head can be read in one way only
    http_later_t **later;
} http_request_t;

// Queue a response; as MHD_AccessHandlerCallback, but called once a request. The body of a POST
// has come whole; that of another method, which nobody wants, has not.
typedef enum MHD_Result http_server_answer_fn(void *arg, const http_request_t *request);

// Serve on a listening socket, which is taken; HTTPS only where there is an HTTPS certificate
// to be shown (tls_credentials_show). Returns NULL when libmicrohttpd refuses (it logs why).
http_server_t *http_server_new(zloop_t *loop, int listen_fd, const http_server_limits_t *limits,
                               http_server_answer_fn *answer, void *arg);

// Send what can be sent at once, then close all connections. None may be suspended.
void http_server_destroy(http_server_t **self_p);

// A suspended connection was resumed: in the next round of the loop libmicrohttpd goes on with
// it, which without a thread of its own it would do only when something else happens.
void http_server_go_on(http_server_t *self);

// Connections closed because their request did not come in time.
uint64_t http_server_heads_late(const http_server_t *self);
uint64_t http_server_requests(const http_server_t *self);
// Connections that ended without the first line of a request: with TLS, those whose handshake
// failed; whoever speaks something else.
uint64_t http_server_mute(const http_server_t *self);
unsigned http_server_connections(const http_server_t *self);

#endif
