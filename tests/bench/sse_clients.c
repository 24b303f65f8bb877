// sse_clients - thousands of connections to one event stream server, in one loop
// SPDX-License-Identifier: MPL-2.0
#include "sse_clients.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sse_tls.h"
#include "sse_unzip.h"

enum {
    UNDER_WAY = 256,    // connections that are being made, at most
    POLL_EVENTS = 512,
    READ_BYTES = 256 * 1024,
    REQUEST_BYTES = 1024,
    STALLED_BYTES = 2048,    // of the kernel's, for a client that does not read
};

typedef enum { CLOSED, QUEUED, CONNECTING, SHAKING_HANDS, ASKED, OPEN } state_t;

typedef struct client {
    int fd;    // owned; -1 while closed
    uint8_t state;
    uint8_t reading;    // sse_clients_reading_t
    bool stalls;
    bool queued;    // stands in the queue, also when it was closed since
    size_t next;
    char path[SSE_CLIENTS_PATH_SIZE];
    char last_id[SSE_SCAN_ID_SIZE];
    sse_scan_t scan;
    sse_tls_t *tls;        // owned; NULL for none
    sse_unzip_t *unzip;    // owned; NULL unless it unpacks
} client_t;

struct sse_clients {
    zloop_t *loop;                           // borrowed
    const sse_clients_handler_t *handler;    // borrowed
    void *arg;
    client_t *clients;    // owned
    size_t count;
    size_t first, last;    // of the queue; count for none
    size_t under_way;
    size_t open;
    uint64_t bytes;
    uint16_t port;
    const char *header;    // borrowed
    bool tls;
    int epoll_fd;    // owned
    zmq_pollitem_t poll;
    size_t reading;    // the client whose bytes are being looked at
    char *buffer;      // owned; READ_BYTES
};

static bool
is_under_way(state_t state)
{
    return state == CONNECTING || state == SHAKING_HANDS || state == ASKED;
}

static void
leave_state(sse_clients_t *self, client_t *client)
{
    self->under_way -= is_under_way((state_t) client->state);
    self->open -= client->state == OPEN;
}

static void
enter_state(sse_clients_t *self, client_t *client, state_t state)
{
    leave_state(self, client);
    client->state = (uint8_t) state;
    self->under_way += is_under_way(state);
    self->open += state == OPEN;
}

static void
hang_up(sse_clients_t *self, client_t *client)
{
    enter_state(self, client, CLOSED);
    sse_tls_destroy(&client->tls);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

static void
end(sse_clients_t *self, client_t *client, sse_clients_end_t why)
{
    unsigned status = client->scan.status;
    hang_up(self, client);
    if (self->handler->on_end)
        self->handler->on_end(self->arg, (size_t) (client - self->clients), why, status);
}

// Begin the connection. Returns 0, or -1 when there is none.
static int
dial(sse_clients_t *self, client_t *client)
{
    client->scan = (sse_scan_t){0};
    if (client->unzip)
        sse_unzip_begin_anew(client->unzip);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return -1;
    int few = STALLED_BYTES;
    if (client->stalls)
        (void) setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
    struct linger reset = {.l_onoff = 1};
    (void) setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    struct sockaddr_in place = {.sin_family = AF_INET,
                                .sin_port = htons(self->port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event watch = {.events = EPOLLOUT,
                                .data.u64 = (uint64_t) (client - self->clients)};
    if (connect(client->fd, (const struct sockaddr *) &place, sizeof place) != 0 &&
        errno != EINPROGRESS)
        return -1;
    return epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, client->fd, &watch);
}

// Let the next of the queue have their turn.
static void
pump(sse_clients_t *self)
{
    while (self->first < self->count && self->under_way < UNDER_WAY) {
        client_t *client = &self->clients[self->first];
        self->first = client->next;
        client->queued = false;
        if (client->state != QUEUED)
            continue;    // closed while it waited
        enter_state(self, client, CONNECTING);
        if (dial(self, client) != 0)
            end(self, client, SSE_CLIENTS_REFUSED);
    }
}

static void
ask(sse_clients_t *self, client_t *client)
{
    char request[REQUEST_BYTES];
    bool resumes = client->last_id[0] != '\0';
    int bytes =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.0\r\nHost: 127.0.0.1:%u\r\n"
                 "Accept: text/event-stream\r\n%s%s%s%s\r\n",
                 client->path, self->port, self->header, resumes ? "Last-Event-ID: " : "",
                 client->last_id, resumes ? "\r\n" : "");
    assert(bytes > 0 && (size_t) bytes < sizeof request);
    int error = 0;
    socklen_t size = sizeof error;
    struct epoll_event watch = {.events = EPOLLIN | EPOLLRDHUP,
                                .data.u64 = (uint64_t) (client - self->clients)};
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0 ||
        (client->tls ? sse_tls_send(client->tls, request, (size_t) bytes)
                     : send(client->fd, request, (size_t) bytes, MSG_NOSIGNAL)) != bytes ||
        epoll_ctl(self->epoll_fd, EPOLL_CTL_MOD, client->fd, &watch) != 0) {
        end(self, client, SSE_CLIENTS_REFUSED);
        return;
    }
    enter_state(self, client, ASKED);
}

static void
shake_hands(sse_clients_t *self, client_t *client)
{
    sse_tls_step_t step = sse_tls_shake_hands(client->tls);
    struct epoll_event watch = {.events = step == SSE_TLS_WANTS_WRITE ? EPOLLOUT : EPOLLIN,
                                .data.u64 = (uint64_t) (client - self->clients)};
    if (step == SSE_TLS_DONE)
        ask(self, client);
    else if (step == SSE_TLS_FAILED ||
             epoll_ctl(self->epoll_fd, EPOLL_CTL_MOD, client->fd, &watch) != 0)
        end(self, client, SSE_CLIENTS_REFUSED);
}

static void
greet(sse_clients_t *self, client_t *client)
{
    if (!self->tls) {
        ask(self, client);
        return;
    }
    client->tls = sse_tls_new(client->fd);
    enter_state(self, client, SHAKING_HANDS);
    shake_hands(self, client);
}

// sse_scan_handler_t
static bool
on_head(void *arg, const sse_scan_t *scan)
{
    sse_clients_t *self = arg;
    client_t *client = &self->clients[self->reading];
    if (scan->status != 200) {
        end(self, client, SSE_CLIENTS_STATUS);
        return false;
    }
    enter_state(self, client, OPEN);
    if (client->stalls) {
        // What it was sent with the head is the last that it looks at.
        epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
    }
    self->handler->on_open(self->arg, self->reading);
    return client->state == OPEN && !client->stalls;
}

static bool
on_event(void *arg, const sse_scan_t *scan)
{
    sse_clients_t *self = arg;
    client_t *client = &self->clients[self->reading];
    if (scan->id[0] != '\0')
        memcpy(client->last_id, scan->id, sizeof client->last_id);
    self->handler->on_event(self->arg, self->reading, scan);
    return client->state == OPEN;
}

static const sse_scan_handler_t scan_handler = {.on_head = on_head, .on_event = on_event};

// sse_unzip_fn
static bool
on_unpacked(void *arg, const char *bytes, size_t count)
{
    sse_clients_t *self = arg;
    client_t *client = &self->clients[self->reading];
    sse_scan_feed(&client->scan, bytes, count, &scan_handler, self);
    return client->state == OPEN;
}

// Read the head of an answer line by line, as what follows it is no lines yet. Returns where
// that begins.
static const char *
take_head(sse_clients_t *self, client_t *client, const char *bytes, const char *stop)
{
    while (client->state == ASKED && bytes < stop) {
        const char *feed = memchr(bytes, '\n', (size_t) (stop - bytes));
        const char *next = feed ? feed + 1 : stop;
        sse_scan_feed(&client->scan, bytes, (size_t) (next - bytes), &scan_handler, self);
        bytes = next;
    }
    return bytes;
}

static void
look_at(sse_clients_t *self, client_t *client, const char *bytes, size_t count)
{
    if (client->reading == SSE_CLIENTS_READS) {
        sse_scan_feed(&client->scan, bytes, count, &scan_handler, self);
        return;
    }
    const char *stop = bytes + count;
    bytes = take_head(self, client, bytes, stop);
    bool unpacks =
        client->reading == SSE_CLIENTS_UNZIPS && client->state == OPEN && !client->stalls;
    if (unpacks &&
        sse_unzip_feed(client->unzip, bytes, (size_t) (stop - bytes), on_unpacked, self) != 0)
        end(self, client, SSE_CLIENTS_GARBLED);
}

static void
take(sse_clients_t *self, client_t *client)
{
    ssize_t bytes = client->tls ? sse_tls_recv(client->tls, self->buffer, READ_BYTES)
                                : recv(client->fd, self->buffer, READ_BYTES, 0);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (bytes <= 0) {
        end(self, client, SSE_CLIENTS_ENDED);
        return;
    }
    self->bytes += (uint64_t) bytes;
    self->reading = (size_t) (client - self->clients);
    look_at(self, client, self->buffer, (size_t) bytes);
}

// zloop_fn
static int
on_sockets(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    sse_clients_t *self = arg;
    struct epoll_event events[POLL_EVENTS];
    int count = epoll_wait(self->epoll_fd, events, POLL_EVENTS, 0);
    for (int at = 0; at < count; at++) {
        client_t *client = &self->clients[events[at].data.u64];
        // A handler may have closed it, and even opened it anew, since.
        if (client->state == CONNECTING && (events[at].events & (EPOLLOUT | EPOLLERR)))
            greet(self, client);
        else if (client->state == SHAKING_HANDS)
            shake_hands(self, client);
        else if (client->state == ASKED || client->state == OPEN)
            take(self, client);
    }
    pump(self);
    if (self->handler->on_read)
        self->handler->on_read(self->arg);
    return 0;
}

sse_clients_t *
sse_clients_new(zloop_t *loop, size_t count, const sse_clients_handler_t *handler, void *arg)
{
    sse_clients_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->handler = handler;
    self->arg = arg;
    self->count = count;
    self->first = count;
    self->header = "";
    self->clients = zmalloc(count * sizeof *self->clients);
    for (size_t at = 0; at < count; at++)
        self->clients[at].fd = -1;
    self->buffer = zmalloc(READ_BYTES);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert(self->epoll_fd >= 0);
    self->poll = (zmq_pollitem_t){.fd = self->epoll_fd, .events = ZMQ_POLLIN};
    zloop_poller(loop, &self->poll, on_sockets, self);
    return self;
}

void
sse_clients_destroy(sse_clients_t **self_p)
{
    assert(self_p);
    sse_clients_t *self = *self_p;
    if (self) {
        zloop_poller_end(self->loop, &self->poll);
        for (size_t at = 0; at < self->count; at++) {
            hang_up(self, &self->clients[at]);
            sse_unzip_destroy(&self->clients[at].unzip);
        }
        close(self->epoll_fd);
        free(self->clients);
        free(self->buffer);
        free(self);
        *self_p = NULL;
    }
}

void
sse_clients_aim(sse_clients_t *self, uint16_t port, const char *header)
{
    self->port = port;
    self->header = header;
}

void
sse_clients_use_tls(sse_clients_t *self)
{
    assert(self->under_way == 0 && self->open == 0);
    self->tls = true;
}

void
sse_clients_read_as(sse_clients_t *self, size_t index, sse_clients_reading_t reading)
{
    assert(index < self->count && self->clients[index].state == CLOSED);
    client_t *client = &self->clients[index];
    client->reading = (uint8_t) reading;
    if (reading == SSE_CLIENTS_UNZIPS && !client->unzip)
        client->unzip = sse_unzip_new();
}

void
sse_clients_ask(sse_clients_t *self, size_t client, const char *path)
{
    assert(client < self->count);
    int bytes = snprintf(self->clients[client].path, SSE_CLIENTS_PATH_SIZE, "%s", path);
    assert(bytes > 0 && bytes < SSE_CLIENTS_PATH_SIZE);
}

void
sse_clients_stall(sse_clients_t *self, size_t client)
{
    assert(client < self->count);
    self->clients[client].stalls = true;
}

void
sse_clients_connect(sse_clients_t *self, size_t index)
{
    assert(index < self->count && self->clients[index].state == CLOSED);
    client_t *client = &self->clients[index];
    enter_state(self, client, QUEUED);
    if (client->queued)
        return;    // has kept its place
    client->queued = true;
    client->next = self->count;
    if (self->first == self->count)
        self->first = index;
    else
        self->clients[self->last].next = index;
    self->last = index;
    pump(self);
}

void
sse_clients_close(sse_clients_t *self, size_t client)
{
    assert(client < self->count);
    hang_up(self, &self->clients[client]);
}

bool
sse_clients_is_closed(const sse_clients_t *self, size_t client)
{
    assert(client < self->count);
    return self->clients[client].state == CLOSED;
}

const char *
sse_clients_last_id(const sse_clients_t *self, size_t client)
{
    assert(client < self->count);
    return self->clients[client].last_id;
}

void
sse_clients_set_last_id(sse_clients_t *self, size_t client, const char *id)
{
    assert(client < self->count);
    snprintf(self->clients[client].last_id, SSE_SCAN_ID_SIZE, "%s", id);
}

size_t
sse_clients_open(const sse_clients_t *self)
{
    return self->open;
}

uint64_t
sse_clients_bytes(const sse_clients_t *self)
{
    return self->bytes;
}
