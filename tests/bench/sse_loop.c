// sse_loop - the bare loop: a server of event streams that does nothing but write
// SPDX-License-Identifier: MPL-2.0
//
// usage: sse_loop COALESCE
//
// The least that any server can cost. It takes "CHANNEL PAYLOAD" LF on one port, and GET
// /s/CHANNEL on another; both are said on stdout. Up to COALESCE events that wait are made into
// frames once and written to each client of their channel by one call. What a client's socket
// does not take is kept for it, up to a limit; then it is closed. No filter, no resume, no
// access, no limit, no log.
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CHANNELS = 100000,
    FILES = 65536,
    COALESCE_LIMIT = 256,
    FEED_BYTES = 1024 * 1024,
    FRAME_BYTES = 8 * 1024,
    HELD_BYTES = 256 * 1024,    // kept for a client that does not read
    POLL_EVENTS = 512,
    REQUEST_BYTES = 1024,
    BACKLOG = 4096,
};

typedef struct client {
    int fd;
    bool streams;
    struct client *previous, *next;    // of its channel
    uint32_t channel;
    char *held;    // owned; NULL while nothing waits for it
    size_t held_bytes;
} client_t;

typedef struct server {
    int epoll_fd, http_fd, feed_listen_fd, feed_fd;
    size_t coalesce;
    client_t *channels[CHANNELS];
    client_t clients[FILES];    // by their socket
    char feed[FEED_BYTES];
    size_t feed_bytes;
    char frames[COALESCE_LIMIT * FRAME_BYTES];
    uint64_t offset;
} server_t;

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Cache-Control: no-store\r\nConnection: close\r\n\r\n";

static void
watch(const server_t *self, int fd, void *what, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = what};
    int rc = epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    assert(rc == 0);
}

static int
listen_on(uint16_t *port)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof place;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = fd >= 0 ? bind(fd, (const struct sockaddr *) &place, size) : -1;
    rc = rc == 0 ? listen(fd, BACKLOG) : rc;
    rc = rc == 0 ? getsockname(fd, (struct sockaddr *) &place, &size) : rc;
    if (rc != 0) {
        perror("sse_loop: cannot listen");
        exit(1);
    }
    *port = ntohs(place.sin_port);
    return fd;
}

static void
leave(server_t *self, client_t *client)
{
    if (client->streams) {
        if (client->previous)
            client->previous->next = client->next;
        else
            self->channels[client->channel] = client->next;
        if (client->next)
            client->next->previous = client->previous;
    }
    close(client->fd);
    free(client->held);
    *client = (client_t){0};
}

static void
join(server_t *self, client_t *client, uint32_t channel)
{
    client->streams = true;
    client->channel = channel;
    client->next = self->channels[channel];
    if (client->next)
        client->next->previous = client;
    self->channels[channel] = client;
}

// Returns 0, or -1 when the client is to be left.
static int
hold(client_t *client, const char *bytes, size_t count)
{
    if (client->held_bytes + count > HELD_BYTES)
        return -1;
    if (!client->held)
        client->held = malloc(HELD_BYTES);
    if (!client->held)
        return -1;
    memcpy(client->held + client->held_bytes, bytes, count);
    client->held_bytes += count;
    return 0;
}

static int
write_to(client_t *client, const char *bytes, size_t count)
{
    if (client->held)
        return hold(client, bytes, count);
    ssize_t sent = send(client->fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN)
        return -1;
    size_t done = sent > 0 ? (size_t) sent : 0;
    return done < count ? hold(client, bytes + done, count - done) : 0;
}

static int
write_held(client_t *client)
{
    if (!client->held)
        return 0;
    ssize_t sent =
        send(client->fd, client->held, client->held_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN ? 0 : -1;
    client->held_bytes -= (size_t) sent;
    memmove(client->held, client->held + sent, client->held_bytes);
    if (client->held_bytes == 0) {
        free(client->held);
        client->held = NULL;
    }
    return 0;
}

static void
publish(server_t *self, uint32_t channel, const char *frames, size_t bytes)
{
    for (client_t *client = self->channels[channel], *next; client; client = next) {
        next = client->next;
        if (write_to(client, frames, bytes) != 0)
            leave(self, client);
    }
}

// Take in up to `coalesce` events that are of one channel and wait one behind the other.
// Returns how much of the feed they were; 0 when there is none.
static size_t
take_some(server_t *self, size_t from)
{
    size_t at = from, bytes = 0, count = 0;
    unsigned long channel = CHANNELS;
    while (count < self->coalesce) {
        const char *line = self->feed + at;
        const char *end = memchr(line, '\n', self->feed_bytes - at);
        const char *space = end ? memchr(line, ' ', (size_t) (end - line)) : NULL;
        if (!space)
            break;
        unsigned long its = strtoul(line, NULL, 10);
        size_t payload_bytes = (size_t) (end - space - 1);
        if (its >= CHANNELS || payload_bytes > FRAME_BYTES - 128 ||
            (count > 0 && its != channel))
            break;
        channel = its;
        bytes += (size_t) sprintf(self->frames + bytes,
                                  "id: 00c0ffee00c0ffee-%" PRIu64
                                  "\nevent: aider.session_progress\ndata: ",
                                  ++self->offset);
        memcpy(self->frames + bytes, space + 1, payload_bytes);
        bytes += payload_bytes;
        self->frames[bytes++] = '\n';
        self->frames[bytes++] = '\n';
        at = (size_t) (end + 1 - self->feed);
        count++;
    }
    if (count > 0)
        publish(self, (uint32_t) channel, self->frames, bytes);
    return at - from;
}

static void
on_feed(server_t *self)
{
    ssize_t bytes = recv(self->feed_fd, self->feed + self->feed_bytes,
                         FEED_BYTES - self->feed_bytes, MSG_DONTWAIT);
    if (bytes <= 0)
        exit(0);    // the load is over
    self->feed_bytes += (size_t) bytes;
    size_t done = 0, some;
    while ((some = take_some(self, done)) > 0)
        done += some;
    self->feed_bytes -= done;
    memmove(self->feed, self->feed + done, self->feed_bytes);
}

static void
on_connections(server_t *self)
{
    int fd;
    while ((fd = accept4(self->http_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        assert(fd < FILES);
        client_t *client = &self->clients[fd];
        client->fd = fd;
        watch(self, fd, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
}

static void
on_client(server_t *self, client_t *client, uint32_t events)
{
    char request[REQUEST_BYTES];
    if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        leave(self, client);
        return;
    }
    if ((events & EPOLLIN) && !client->streams) {
        ssize_t bytes = recv(client->fd, request, sizeof request - 1, 0);
        request[bytes > 0 ? bytes : 0] = '\0';
        const char *path = strstr(request, "GET /s/");
        unsigned long channel = path ? strtoul(path + strlen("GET /s/"), NULL, 10) : CHANNELS;
        if (channel >= CHANNELS || write_to(client, head, sizeof head - 1) != 0) {
            leave(self, client);
            return;
        }
        join(self, client, (uint32_t) channel);
    }
    if ((events & EPOLLOUT) && write_held(client) != 0)
        leave(self, client);
}

int
main(int argc, char *argv[])
{
    static server_t self;
    self.coalesce = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (self.coalesce == 0 || self.coalesce > COALESCE_LIMIT) {
        fprintf(stderr, "usage: sse_loop COALESCE    (1 to %d)\n", COALESCE_LIMIT);
        return 2;
    }
    uint16_t http_port, feed_port;
    self.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self.http_fd = listen_on(&http_port);
    self.feed_listen_fd = listen_on(&feed_port);
    watch(&self, self.http_fd, &self.http_fd, EPOLLIN);
    watch(&self, self.feed_listen_fd, &self.feed_listen_fd, EPOLLIN);
    printf("http %u feed %u\n", http_port, feed_port);
    (void) fflush(stdout);
    struct epoll_event events[POLL_EVENTS];
    for (;;) {
        int count = epoll_wait(self.epoll_fd, events, POLL_EVENTS, -1);
        for (int at = 0; at < count; at++) {
            void *what = events[at].data.ptr;
            if (what == &self.http_fd) {
                on_connections(&self);
            } else if (what == &self.feed_listen_fd) {
                self.feed_fd = accept4(self.feed_listen_fd, NULL, NULL, SOCK_CLOEXEC);
                watch(&self, self.feed_fd, &self.feed_fd, EPOLLIN);
            } else if (what == &self.feed_fd) {
                on_feed(&self);
            } else if (((client_t *) what)->fd > 0) {    // not left a moment ago
                on_client(&self, what, events[at].events);
            }
        }
    }
}
