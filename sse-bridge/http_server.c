// http_server - libmicrohttpd in a zloop, without a thread of its own
// SPDX-License-Identifier: MPL-2.0
#include "http_server.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include "address_table.h"
#include "head_watch.h"
#include "mesh/log.h"
#include "request_head.h"
#include "tls_credentials.h"

enum {
    // How often heads that are late are looked for, and libmicrohttpd's own time-outs.
    TICK_MS = 250,
    // libmicrohttpd asks to be called again at once while it has more to do. Others want their
    // turn too.
    RUNS_AT_ONCE = 4,
    IDLE_SPARE_S = 5,
    // Of a connection's memory, beside the head of the request: the parsed request, and the
    // head of the response.
    CONNECTION_SPARE_BYTES = 4096,
    // That all connections are taken is said again when they were not for so long.
    FULL_SAID_AGAIN_MS = 60 * 1000,
};

// GnuTLS's own choice, of the two versions that have no known weakness.
static char tls_versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

struct http_server {
    struct MHD_Daemon *daemon;    // owned
    zloop_t *loop;                // borrowed
    zmq_pollitem_t poll;          // libmicrohttpd's epoll set
    int tick_timer;
    int run_timer;    // -1 when it has nothing due before the tick
    bool goes_on;     // what is due is due at once
    head_watch_t heads;
    http_server_limits_t limits;
    http_server_answer_fn *answer;
    void *arg;
    uint64_t heads_late;
    uint64_t requests;
    uint64_t mute;
    int64_t full_ms;    // when all connections were last seen taken; 0 for never
};

// What we know of a connection.
typedef struct caller {
    head_wait_t wait;
    bool spoke;    // a first line has come
} caller_t;

// One request between its first line and its answer.
typedef struct exchange {
    char *target;    // owned
    char *body;      // owned; NULL before the first byte of it
    size_t body_bytes;
    bool seen;              // the head has been shown to us
    http_later_t *later;    // borrowed; NULL unless the answer is given later
} exchange_t;

static caller_t *
caller_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

// MHD_OPTION_URI_LOG_CALLBACK, the one place that shows the target as it came.
static void *
on_target(void *arg, const char *uri, struct MHD_Connection *connection)
{
    (void) arg;
    caller_t *caller = caller_of(connection);
    if (caller)
        caller->spoke = true;
    exchange_t *exchange = calloc(1, sizeof *exchange);
    assert(exchange);
    exchange->target = strdup(uri);
    assert(exchange->target);
    return exchange;
}

// MHD_RequestCompletedCallback: the answer has gone, or cannot go.
static void
on_completed(void *arg, struct MHD_Connection *connection, void **context,
             enum MHD_RequestTerminationCode why)
{
    http_server_t *self = arg;
    (void) why;
    exchange_t *exchange = *context;
    if (exchange) {
        if (exchange->later)
            exchange->later->over(exchange->later);
        free(exchange->target);
        free(exchange->body);
        free(exchange);
        *context = NULL;
    }
    caller_t *caller = caller_of(connection);
    if (caller)
        head_watch_add(&self->heads, &caller->wait, zclock_mono());
}

// Whatever it was, one line of the log is enough; the rest is counted.
static void
note_mute(http_server_t *self, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char address[ADDRESS_TEXT_SIZE];
    (void) address_text(info ? info->client_addr : NULL, address);
    if (self->mute++ == 0)
        mesh_log_warning("http-no-request",
                         "%s connected and said nothing that is %s; others are counted only",
                         address, self->limits.encrypted ? "HTTPS" : "HTTP");
}

// MHD_NotifyConnectionCallback
static void
on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
              enum MHD_ConnectionNotificationCode what)
{
    http_server_t *self = arg;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        caller_t *caller = calloc(1, sizeof *caller);
        assert(caller);
        caller->wait.fd = info ? info->connect_fd : -1;
        *socket_context = caller;
        head_watch_add(&self->heads, &caller->wait, zclock_mono());
    } else if (*socket_context) {
        caller_t *caller = *socket_context;
        head_watch_remove(&self->heads, &caller->wait);
        if (!caller->spoke)
            note_mute(self, connection);
        free(caller);
        *socket_context = NULL;
    }
}

// Written past libmicrohttpd, in whose memory the head may have left no room for a response: it
// would close the connection without a word.
static enum MHD_Result
refuse_head(struct MHD_Connection *connection)
{
    static const char body[] = "{\"title\": \"Request Header Fields Too Large\", "
                               "\"status\": 431, \"detail\": \"the head of the request is "
                               "longer than http/head_limit\"}\n";
    char text[512];
    int bytes = snprintf(text, sizeof text,
                         "HTTP/1.1 431 Request Header Fields Too Large\r\n"
                         "Connection: close\r\n"
                         "Content-Type: application/problem+json\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         sizeof body - 1, body);
    assert(bytes > 0 && (size_t) bytes < sizeof text);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        (void) send(info->connect_fd, text, (size_t) bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    return MHD_NO;    // close it
}

// Only a POST whose length is known and allowed is read: what else comes with a body is
// answered at once, and libmicrohttpd closes the connection, as it should where a body follows
// that nobody will read.
static bool
wants_body(const http_server_t *self, struct MHD_Connection *connection, const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_POST) == 0 &&
           request_head_body_bytes(connection) <= self->limits.body_bytes;
}

static void
take_body(const http_server_t *self, exchange_t *exchange, const char *bytes, size_t count)
{
    if (!exchange->body) {
        assert(self->limits.body_bytes < SIZE_MAX);
        exchange->body = malloc(self->limits.body_bytes + 1);
        assert(exchange->body);
    }
    // libmicrohttpd passes on no more than was announced.
    assert(count <= self->limits.body_bytes - exchange->body_bytes);
    memcpy(exchange->body + exchange->body_bytes, bytes, count);
    exchange->body_bytes += count;
}

// MHD_AccessHandlerCallback: called when the head is here, for each part of a body, and when
// the request is whole.
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *upload, size_t *upload_bytes, void **context)
{
    http_server_t *self = arg;
    (void) url;
    (void) version;
    exchange_t *exchange = *context;
    if (exchange->later)
        return exchange->later->answer(exchange->later);
    size_t part_bytes = *upload_bytes;
    *upload_bytes = 0;
    const char *head_problem = exchange->seen ? NULL : request_head_problem(connection);
    bool reads_body = wants_body(self, connection, method);
    if (!exchange->seen) {
        exchange->seen = true;
        if (request_head_bytes(connection) > self->limits.head_bytes)
            return refuse_head(connection);
        // To answer at once has the connection closed; else it is kept for the next request.
        if (!head_problem && (!request_head_has_body(connection) || reads_body))
            return MHD_YES;
    } else if (part_bytes > 0) {
        if (reads_body)
            take_body(self, exchange, upload, part_bytes);
        return MHD_YES;
    }
    caller_t *caller = caller_of(connection);
    if (caller)
        head_watch_remove(&self->heads, &caller->wait);
    self->requests++;
    if (exchange->body)
        exchange->body[exchange->body_bytes] = '\0';
    http_request_t request = {
        .connection = connection,
        .method = method,
        .target = exchange->target,
        .body = exchange->body ? exchange->body : "",
        .body_bytes = exchange->body_bytes,
        .body_too_long = request_head_has_body(connection) && !reads_body,
        .head_problem = head_problem,
        .later = &exchange->later,
    };
    return self->answer(self->arg, &request);
}

static void __attribute__((format(printf, 2, 0)))
on_log(void *arg, const char *format, va_list arguments)
{
    (void) arg;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    mesh_log_debug("http-library", "%s", text);
}

static int on_run_due(zloop_t *loop, int timer, void *arg);

static void
run(http_server_t *self)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    bool due = true;
    for (int runs = 0; due && wait_ms == 0 && runs < RUNS_AT_ONCE; runs++) {
        MHD_run(self->daemon);
        due = MHD_get_timeout(self->daemon, &wait_ms) == MHD_YES;
    }
    // What is due later than the tick is seen at a tick.
    if (due && wait_ms < TICK_MS && self->run_timer == -1)
        self->run_timer = zloop_timer(self->loop, (size_t) wait_ms, 1, on_run_due, self);
}

static int
on_run_due(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    http_server_t *self = arg;
    self->run_timer = -1;
    self->goes_on = false;
    run(self);
    return 0;
}

void
http_server_go_on(http_server_t *self)
{
    if (self->goes_on)
        return;
    if (self->run_timer != -1)
        zloop_timer_end(self->loop, self->run_timer);
    self->run_timer = zloop_timer(self->loop, 0, 1, on_run_due, self);
    self->goes_on = true;
}

static int
on_readable(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    run(arg);
    return 0;
}

// Once while it lasts, however many come and go.
static void
say_when_full(http_server_t *self, int64_t now_ms)
{
    if (http_server_connections(self) < self->limits.connections)
        return;
    if (self->full_ms == 0 || now_ms - self->full_ms > FULL_SAID_AGAIN_MS)
        mesh_log_warning("http-connections-full",
                         "all %u connections are taken; others wait until one is closed "
                         "(http/clients, http/head_deadline)",
                         self->limits.connections);
    self->full_ms = now_ms;
}

static int
on_tick(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    http_server_t *self = arg;
    int64_t now_ms = zclock_mono();
    say_when_full(self, now_ms);
    head_wait_t *wait;
    while ((wait = head_watch_expired(&self->heads, self->limits.head_deadline_ms, now_ms))) {
        // libmicrohttpd sees the end of the stream and closes the socket, which is its own.
        shutdown(wait->fd, SHUT_RDWR);
        self->heads_late++;
    }
    run(self);
    return 0;
}

http_server_t *
http_server_new(zloop_t *loop, int listen_fd, const http_server_limits_t *limits,
                http_server_answer_fn *answer, void *arg)
{
    http_server_t *self = calloc(1, sizeof *self);
    assert(self);
    self->loop = loop;
    self->limits = *limits;
    self->answer = answer;
    self->arg = arg;
    self->run_timer = -1;
    self->tick_timer = -1;
    // Its own time-out, for clients that do not read an answer; the heads are ours to watch.
    unsigned idle_s = (unsigned) (limits->head_deadline_ms / 1000) + IDLE_SPARE_S;
    // ISO C has no cast from a function to void *.
    const union {
        gnutls_certificate_retrieve_function2 *function;
        void *plain;
    } show = {.function = tls_credentials_show};
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, show.plain},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, tls_versions},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    // TURBO: connections are closed, not shut down, so that one of which we have a descriptor
    // too lives on (stream_door.h). TLS has to say its end.
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (limits->encrypted ? (unsigned) MHD_USE_TLS : (unsigned) MHD_USE_TURBO);
    // The logger comes first, so that it hears what is wrong with the others.
    self->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, self, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, self, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, self, MHD_OPTION_CONNECTION_LIMIT, limits->connections,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        limits->head_bytes + CONNECTION_SPARE_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, limits->encrypted ? tls : none, MHD_OPTION_END);
    if (!self->daemon) {
        free(self);
        return NULL;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    assert(info && info->epoll_fd >= 0);
    self->poll = (zmq_pollitem_t){.fd = info->epoll_fd, .events = ZMQ_POLLIN};
    zloop_poller(loop, &self->poll, on_readable, self);
    zloop_poller_set_tolerant(loop, &self->poll);
    self->tick_timer = zloop_timer(loop, TICK_MS, 0, on_tick, self);
    return self;
}

void
http_server_destroy(http_server_t **self_p)
{
    assert(self_p);
    http_server_t *self = *self_p;
    if (self) {
        // More than once: who was resumed is answered in one run and sent in the next.
        for (int runs = 0; runs < RUNS_AT_ONCE; runs++)
            MHD_run(self->daemon);
        zloop_poller_end(self->loop, &self->poll);
        zloop_timer_end(self->loop, self->tick_timer);
        if (self->run_timer != -1)
            zloop_timer_end(self->loop, self->run_timer);
        MHD_stop_daemon(self->daemon);
        free(self);
        *self_p = NULL;
    }
}

uint64_t
http_server_heads_late(const http_server_t *self)
{
    return self->heads_late;
}

uint64_t
http_server_mute(const http_server_t *self)
{
    return self->mute;
}

uint64_t
http_server_requests(const http_server_t *self)
{
    return self->requests;
}

unsigned
http_server_connections(const http_server_t *self)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}
