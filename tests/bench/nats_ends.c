// nats_ends - clients of a NATS server, in its text protocol
// SPDX-License-Identifier: MPL-2.0
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ends.h"

enum {
    BUFFER_BYTES = 256 * 1024,    // above the longest line with its message
    FLUSH_BYTES = 64 * 1024,
    LINE_LIMIT = 128,    // what stands before and after a message that is sent
    READS_LIMIT = 8,     // of one connection in one turn
};

typedef struct connection {
    int fd;    // owned; -1 when there is none
    bool ready;
    size_t index;
    nats_ends_t *ends;    // borrowed
    char *in, *out;       // owned; BUFFER_BYTES each
    size_t in_bytes, out_bytes;
} connection_t;

struct nats_ends {
    zloop_t *loop;                    // borrowed
    load_t *load;                     // borrowed
    const load_options_t *options;    // borrowed
    connection_t *connections;        // owned; the publishers, then the subscribers
    size_t count;
    bool failed;
};

// Write what has been gathered, however long the server takes: it reads on whatever becomes of
// its own writes.
static void
flush_connection(connection_t *self)
{
    size_t done = 0;
    while (done < self->out_bytes) {
        ssize_t written =
            send(self->fd, self->out + done, self->out_bytes - done, MSG_NOSIGNAL);
        if (written < 0 && errno != EINTR) {
            self->ends->failed = true;
            break;
        }
        if (written > 0)
            done += (size_t) written;
    }
    self->out_bytes = 0;
}

static void
gather(connection_t *self, const void *bytes, size_t count)
{
    assert(self->out_bytes + count <= BUFFER_BYTES);
    memcpy(self->out + self->out_bytes, bytes, count);
    self->out_bytes += count;
}

static void
say(connection_t *self, const char *text)
{
    gather(self, text, strlen(text));
    flush_connection(self);
}

// Deal with the line at `at`, whose end (CR LF) is known, and a message behind it. Returns the
// bytes it took; 0 when the message is not there in full.
static size_t
take_line(connection_t *self, const char *at, size_t line_bytes, size_t available)
{
    size_t whole = line_bytes + 2;
    if (strncmp(at, "MSG ", 4) == 0) {
        const char *name = at + 4;
        const char *name_end = memchr(name, ' ', line_bytes - 4);
        const char *size = at + line_bytes;
        while (size[-1] != ' ')
            size--;
        size_t body_bytes = (size_t) strtoul(size, NULL, 10);
        if (available < whole + body_bytes + 2)
            return 0;
        load_received(self->ends->load, self->index - self->ends->options->publishers, name,
                      (size_t) (name_end - name), at + whole, body_bytes);
        return whole + body_bytes + 2;
    }
    if (strncmp(at, "PING", 4) == 0)
        say(self, "PONG\r\n");
    else if (strncmp(at, "PONG", 4) == 0)
        self->ready = true;
    else if (strncmp(at, "-ERR", 4) == 0)
        self->ends->failed = true;
    return whole;
}

static void
take_lines(connection_t *self)
{
    size_t done = 0;
    while (done < self->in_bytes) {
        const char *at = self->in + done;
        size_t available = self->in_bytes - done;
        const char *end = memchr(at, '\r', available);
        if (!end || (size_t) (end - at) + 2 > available)
            break;
        size_t taken = take_line(self, at, (size_t) (end - at), available);
        if (taken == 0)
            break;
        done += taken;
    }
    memmove(self->in, self->in + done, self->in_bytes - done);
    self->in_bytes -= done;
}

static int
on_readable(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    connection_t *self = arg;
    for (int i = 0; i < READS_LIMIT; i++) {
        ssize_t got = recv(item->fd, self->in + self->in_bytes, BUFFER_BYTES - self->in_bytes,
                           MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (got <= 0) {
            self->ends->failed = true;
            zloop_poller_end(loop, item);
            return 0;
        }
        self->in_bytes += (size_t) got;
        take_lines(self);
    }
    load_go_on(self->ends->load);
    return 0;
}

static int
connect_to(const char *endpoint)
{
    char address[INET_ADDRSTRLEN] = "";
    const char *colon = strrchr(endpoint, ':');
    if (!colon || (size_t) (colon - endpoint) >= sizeof address)
        return -1;
    memcpy(address, endpoint, (size_t) (colon - endpoint));
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t) strtoul(colon + 1, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *) &to, sizeof to) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

nats_ends_t *
nats_ends_new(zloop_t *loop, load_t *load, const load_options_t *options)
{
    nats_ends_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->load = load;
    self->options = options;
    self->connections =
        zmalloc((options->publishers + options->subscribers) * sizeof *self->connections);
    while (self->count < options->publishers + options->subscribers) {
        connection_t *connection = &self->connections[self->count];
        *connection = (connection_t){
            .fd = connect_to(options->publish), .index = self->count, .ends = self};
        if (connection->fd < 0) {
            fprintf(stderr, "mesh_load: cannot connect to %s\n", options->publish);
            nats_ends_destroy(&self);
            return NULL;
        }
        connection->in = zmalloc(BUFFER_BYTES);
        connection->out = zmalloc(BUFFER_BYTES);
        zmq_pollitem_t item = {.fd = connection->fd, .events = ZMQ_POLLIN};
        zloop_poller(loop, &item, on_readable, connection);
        say(connection, self->count < options->publishers
                            ? "CONNECT {\"verbose\":false}\r\nPING\r\n"
                            : "CONNECT {\"verbose\":false}\r\nSUB bench.> 1\r\nPING\r\n");
        self->count++;
    }
    return self;
}

void
nats_ends_destroy(nats_ends_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        nats_ends_t *self = *self_p;
        for (size_t i = 0; i < self->count; i++) {
            connection_t *connection = &self->connections[i];
            zmq_pollitem_t item = {.fd = connection->fd, .events = ZMQ_POLLIN};
            zloop_poller_end(self->loop, &item);
            close(connection->fd);
            free(connection->in);
            free(connection->out);
        }
        free(self->connections);
        free(self);
        *self_p = NULL;
    }
}

static bool
ready(void *arg)
{
    const nats_ends_t *self = arg;
    for (size_t i = 0; i < self->count; i++)
        if (!self->connections[i].ready)
            return false;
    return !self->failed;
}

static void
send_event(void *arg, size_t index, uint64_t number, int64_t timestamp_us)
{
    nats_ends_t *self = arg;
    connection_t *connection = &self->connections[index];
    size_t body_bytes = self->options->body_bytes;
    char line[LINE_LIMIT / 2];
    int line_bytes = snprintf(line, sizeof line, "PUB bench.%zu %zu\r\n", index, body_bytes);
    if (connection->out_bytes + body_bytes + LINE_LIMIT > FLUSH_BYTES)
        flush_connection(connection);
    gather(connection, line, (size_t) line_bytes);
    ends_fill_body((uint8_t *) connection->out + connection->out_bytes, body_bytes, index,
                   number, timestamp_us);
    connection->out_bytes += body_bytes;
    gather(connection, "\r\n", 2);
}

static void
flush_all(void *arg)
{
    nats_ends_t *self = arg;
    for (size_t i = 0; i < self->options->publishers; i++)
        if (self->connections[i].out_bytes > 0)
            flush_connection(&self->connections[i]);
}

const load_ends_t nats_ends = {.ready = ready, .send = send_event, .flush = flush_all};
