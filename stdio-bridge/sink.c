// sink - where relayed bytes go: writing that never blocks, on descriptors others share
// SPDX-License-Identifier: MPL-2.0
#include "sink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum {
    PLAIN,          // does not keep a writer waiting for a reader: files, most devices
    NONBLOCKING,    // its open file is ours and has O_NONBLOCK
    SOCKET,
    CAREFUL,    // shared and could block: only so much as poll promises
} way_t;

struct sink {
    int fd;          // the descriptor given
    int write_fd;    // the one written to: fd, or the same thing opened again
    way_t way;
    bool shared;
    bool has_reader;    // a pipe or a socket
};

static sink_t *
sink_new(int fd)
{
    sink_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->fd = self->write_fd = fd;
    return self;
}

sink_t *
sink_new_own(int fd)
{
    sink_t *self = sink_new(fd);
    struct stat status;
    self->way = NONBLOCKING;
    self->has_reader =
        fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
    return self;
}

// The same pipe or terminal as a new open file. It fails where the file belongs to another
// user.
static void
open_again(sink_t *self)
{
    char path[sizeof "/proc/self/fd/" + 3 * sizeof(int)];
    (void) snprintf(path, sizeof path, "/proc/self/fd/%d", self->fd);
    int again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    self->way = again < 0 ? CAREFUL : NONBLOCKING;
    if (again >= 0)
        self->write_fd = again;
}

// How to write to what others share.
static void
choose_way(sink_t *self)
{
    struct stat status;
    self->way = PLAIN;
    if (fstat(self->fd, &status) < 0)
        return;
    if (S_ISSOCK(status.st_mode)) {
        self->way = SOCKET;
        self->has_reader = true;
    } else if (S_ISFIFO(status.st_mode)) {
        self->has_reader = true;
        open_again(self);
    } else if (isatty(self->fd)) {
        open_again(self);
    }
}

sink_t *
sink_new_shared(int fd)
{
    sink_t *self = sink_new(fd);
    self->shared = true;
    choose_way(self);
    return self;
}

sink_t *
sink_new_beside(int fd)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        return NULL;
    sink_t *self = sink_new(own);
    choose_way(self);
    return self;
}

void
sink_destroy(sink_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    sink_t *self = *self_p;
    if (self->write_fd != self->fd)
        close(self->write_fd);
    if (self->shared) {
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nothing < 0 || dup3(nothing, self->fd, O_CLOEXEC) < 0)
            close(self->fd);
        if (nothing >= 0)
            close(nothing);
    } else {
        close(self->fd);
    }
    free(self);
    *self_p = NULL;
}

void
sink_abandon(sink_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

ssize_t
sink_write(sink_t *self, const void *bytes, size_t size)
{
    ssize_t written = 0;
    if (self->way == CAREFUL) {
        struct pollfd ready = {.fd = self->write_fd, .events = POLLOUT};
        if (poll(&ready, 1, 0) <= 0)
            return 0;
        // A pipe that polls writable has room for this much.
        if (size > PIPE_BUF)
            size = PIPE_BUF;
    }
    do
        written = self->way == SOCKET
                      ? send(self->write_fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                      : write(self->write_fd, bytes, size);
    while (written < 0 && errno == EINTR);
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return written;
}

int
sink_fd(const sink_t *self)
{
    return self->write_fd;
}

bool
sink_tells_reader_gone(const sink_t *self)
{
    return self->has_reader;
}
