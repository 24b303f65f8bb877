// sse_feed - the ways by which the events of a bench get into an event stream server
// SPDX-License-Identifier: MPL-2.0
#include "sse_feed.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mesh/wire.h"

enum {
    GATHERED_BYTES = 64 * 1024,
    HEAD_BYTES = 256,    // of one event, beside its payload
    KERNEL_BYTES = 4 * 1024 * 1024,
    TOPIC_SIZE = 64,
};

struct sse_feed {
    zloop_t *loop;    // borrowed
    sse_feed_kind_t kind;
    size_t payload_bytes;
    int fd;            // owned; -1 for none
    char *gathered;    // owned
    size_t gathered_bytes;
    zsock_t *socket;    // owned; NULL for none
    bool subscribed;
    uint64_t seq;    // of the one source that all channels are of
};

static int
connect_tcp(sse_feed_t *self, const char *port)
{
    struct sockaddr_in place = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t) strtoul(port, NULL, 10)),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int bytes = KERNEL_BYTES, on = 1;
    self->gathered = zmalloc(GATHERED_BYTES);
    self->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return -1;
    (void) setsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    (void) setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(self->fd, (const struct sockaddr *) &place, sizeof place);
}

// zloop_reader_fn: the broker's subscription has come; no further one will.
static int
on_subscription(zloop_t *loop, zsock_t *socket, void *arg)
{
    sse_feed_t *self = arg;
    zframe_t *frame = zframe_recv(socket);
    zframe_destroy(&frame);
    self->subscribed = true;
    zloop_reader_end(loop, socket);
    return 0;
}

static int
connect_mesh(sse_feed_t *self, const char *endpoint)
{
    self->socket = zsock_new(ZMQ_XPUB);
    assert(self->socket);
    zsock_set_sndhwm(self->socket, 0);    // the load's window is the limit
    zsock_set_linger(self->socket, 0);
    if (zsock_connect(self->socket, "%s", endpoint) != 0)
        return -1;
    zloop_reader(self->loop, self->socket, on_subscription, self);
    return 0;
}

sse_feed_t *
sse_feed_new(zloop_t *loop, sse_feed_kind_t kind, const char *place, size_t payload_bytes)
{
    sse_feed_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->kind = kind;
    self->payload_bytes = payload_bytes;
    self->fd = -1;
    int rc = kind == SSE_FEED_MESH ? connect_mesh(self, place) : connect_tcp(self, place);
    if (rc != 0) {
        fprintf(stderr, "sse_feed: cannot connect to %s\n", place);
        sse_feed_destroy(&self);
    }
    return self;
}

void
sse_feed_destroy(sse_feed_t **self_p)
{
    assert(self_p);
    sse_feed_t *self = *self_p;
    if (self) {
        if (self->fd >= 0)
            close(self->fd);
        if (self->socket)
            zloop_reader_end(self->loop, self->socket);
        zsock_destroy(&self->socket);
        free(self->gathered);
        free(self);
        *self_p = NULL;
    }
}

bool
sse_feed_is_ready(const sse_feed_t *self)
{
    return self->kind != SSE_FEED_MESH || self->subscribed;
}

static void
send_to_mesh(sse_feed_t *self, const sse_message_t *message)
{
    mesh_header_t header = {.covers = 1, .seq = ++self->seq, .timestamp_us = message->sent_us};
    static const char name[] = "sse_load";
    memcpy(header.source.bytes, name, sizeof name - 1);
    char topic[TOPIC_SIZE];
    int topic_bytes = snprintf(topic, sizeof topic, "aider.session_progress/bench/s%u",
                               (unsigned) message->channel);
    zmq_msg_t body;
    int rc = zmq_msg_init_size(&body, MESH_WIRE_HEADER_BYTES + self->payload_bytes);
    assert(rc == 0);
    uint8_t *bytes = zmq_msg_data(&body);
    mesh_wire_encode(&header, self->payload_bytes, bytes);
    sse_message_payload(message, (char *) bytes + MESH_WIRE_HEADER_BYTES, self->payload_bytes);
    void *socket = zsock_resolve(self->socket);
    if (zmq_send(socket, topic, (size_t) topic_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(&body, socket, ZMQ_DONTWAIT) < 0)
        zmq_msg_close(&body);    // it is missed where it should have arrived
}

void
sse_feed_send(sse_feed_t *self, const sse_message_t *message)
{
    if (self->kind == SSE_FEED_MESH) {
        send_to_mesh(self, message);
        return;
    }
    if (self->gathered_bytes + HEAD_BYTES + self->payload_bytes > GATHERED_BYTES)
        sse_feed_flush(self);
    char *out = self->gathered + self->gathered_bytes;
    int head = 0;
    if (self->kind == SSE_FEED_LINES)
        head = snprintf(out, HEAD_BYTES, "%u ", (unsigned) message->channel);
    else
        head = snprintf(out, HEAD_BYTES,
                        "POST /pub/%u HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        "X-EventSource-Event: aider.session_progress\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        (unsigned) message->channel, self->payload_bytes);
    assert(head > 0 && head < HEAD_BYTES);
    sse_message_payload(message, out + head, self->payload_bytes);
    self->gathered_bytes += (size_t) head + self->payload_bytes;
    if (self->kind == SSE_FEED_LINES)
        self->gathered[self->gathered_bytes++] = '\n';
}

void
sse_feed_flush(sse_feed_t *self)
{
    if (self->fd < 0)
        return;
    const char *bytes = self->gathered;
    while (self->gathered_bytes > 0) {
        ssize_t sent = send(self->fd, bytes, self->gathered_bytes, MSG_NOSIGNAL);
        if (sent < 0)
            break;    // the server is gone: it will be missed
        bytes += sent;
        self->gathered_bytes -= (size_t) sent;
    }
    self->gathered_bytes = 0;
    // What is answered says nothing that the events' arrival does not.
    char answers[4096];
    while (recv(self->fd, answers, sizeof answers, MSG_DONTWAIT) > 0)
        continue;
}
