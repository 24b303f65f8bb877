// copy - one direction of the relay: from a descriptor to a sink, and then into the tap
// SPDX-License-Identifier: MPL-2.0
#include "copy.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "descriptors.h"
#include "mesh/clock.h"

enum {
    BUFFER_BYTES = 64 * 1024,    // what a pipe holds
    READS_AT_ONCE = 8,           // while there is more, before other streams and signals
};

struct copy {
    int source;    // -1 once it has ended
    bool shared;
    bool paused;
    bool finishing;
    bool done;
    bool read_any;    // the last read gave something
    sink_t *sink;     // owned; NULL once closed
    tap_kind_t stream;
    tap_t *tap;    // borrowed, or NULL
    int error;
    size_t finish_bytes;    // how much more to read, when finishing
    mcp_gate_t *gate;       // borrowed, or NULL
    const uint8_t *left;    // what is still to be written, in buffer or of the gate
    size_t left_size;
    uint64_t read_ns;
    copy_filter_fn *filter;    // or NULL
    void *filter_arg;          // borrowed
    uint8_t buffer[BUFFER_BYTES];
};

copy_t *
copy_new(int source, bool shared, sink_t *sink, tap_kind_t stream, tap_t *tap)
{
    copy_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->source = source;
    self->shared = shared;
    self->sink = sink;
    self->stream = stream;
    self->tap = tap;
    return self;
}

static void
close_source(copy_t *self)
{
    if (self->source < 0)
        return;
    if (self->shared)
        descriptors_blank(self->source);
    else
        close(self->source);
    self->source = -1;
}

static void
end(copy_t *self)
{
    close_source(self);
    sink_destroy(&self->sink);
    self->left_size = 0;
    self->done = true;
}

void
copy_destroy(copy_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        end(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

void
copy_abandon(copy_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        sink_abandon(&(*self_p)->sink);
        free(*self_p);
        *self_p = NULL;
    }
}

void
copy_filter(copy_t *self, copy_filter_fn *filter, void *arg)
{
    self->filter = filter;
    self->filter_arg = arg;
}

void
copy_prepare(const copy_t *self, struct pollfd polls[COPY_POLLS])
{
    bool pending = self->left_size > 0;
    polls[0] = (struct pollfd){.fd = -1, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = -1};
    if (self->done)
        return;
    if (!pending && !self->paused)
        polls[0].fd = self->source;
    if (pending)
        polls[1].events = POLLOUT;
    // Without anything to write: to hear at once that the reader went away.
    if (pending || sink_tells_reader_gone(self->sink))
        polls[1].fd = sink_fd(self->sink);
}

// Have the next bytes to write, where a gate has any.
static bool
take_next(copy_t *self)
{
    return self->left_size ||
           (self->gate && mcp_gate_next(self->gate, &self->left, &self->left_size));
}

static void
write_pending(copy_t *self)
{
    while (take_next(self)) {
        ssize_t written = sink_write(self->sink, self->left, self->left_size);
        if (written == 0)
            return;
        if (written < 0) {
            // Nobody reads: closing the source lets the writer find out as it would have.
            if (errno != EPIPE && errno != ECONNRESET)
                self->error = errno;
            end(self);
            return;
        }
        if (self->tap && !self->gate)
            tap_write(self->tap, self->stream, self->left, (size_t) written, self->read_ns);
        self->left += written;
        self->left_size -= (size_t) written;
    }
    if (self->source < 0)
        end(self);
}

static void
pass_on(copy_t *self, size_t size)
{
    if (self->gate) {
        // The gate needs the whole of what was read, so the tap can have it at once.
        if (self->tap)
            tap_write(self->tap, self->stream, self->buffer, size, self->read_ns);
        mcp_gate_feed(self->gate, self->buffer, size);
    } else {
        self->left = self->buffer;
        self->left_size = size;
    }
    write_pending(self);
}

// Nothing more comes from the source. A gate may still hold something.
static void
end_source(copy_t *self)
{
    close_source(self);
    if (self->tap)
        tap_end_stream(self->tap, self->stream, mesh_clock_mono_ns());
    if (self->gate)
        mcp_gate_finish(self->gate);
    write_pending(self);
}

// As much was read as copy_finish wanted, or there is no more now.
static void
finish_reading(copy_t *self)
{
    self->done = true;
    if (self->gate && !copy_is_left_open(self)) {
        self->done = false;
        end_source(self);
    }
}

static void
read_source(copy_t *self)
{
    size_t most = BUFFER_BYTES;
    if (self->finishing && self->finish_bytes < most)
        most = self->finish_bytes;
    ssize_t size = most ? read(self->source, self->buffer, most) : 0;
    self->read_any = size > 0;
    if (size < 0 && errno == EINTR)
        return;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        if (self->finishing)
            finish_reading(self);
        return;
    }
    if (self->finishing && !most) {
        finish_reading(self);
        return;
    }
    if (size <= 0) {
        // A pseudo-terminal ends with EIO.
        end_source(self);
        return;
    }
    self->read_ns = mesh_clock_mono_ns();
    if (self->finishing)
        self->finish_bytes -= (size_t) size;
    pass_on(self, self->filter ? self->filter(self->filter_arg, self->buffer, (size_t) size)
                               : (size_t) size);
}

void
copy_proceed(copy_t *self, const struct pollfd polls[COPY_POLLS])
{
    if (self->done)
        return;
    if (polls[1].fd >= 0 && polls[1].revents) {
        if (polls[1].revents & POLLOUT)
            write_pending(self);
        else if (sink_tells_reader_gone(self->sink) ||
                 (polls[1].revents & (POLLERR | POLLHUP | POLLNVAL)))
            end(self);
        return;
    }
    if (polls[0].fd < 0 || !polls[0].revents)
        return;
    read_source(self);
    // A source of our own says when it has no more: that saves a poll for each read.
    for (int i = 1; i < READS_AT_ONCE && !self->shared && self->read_any && !self->done &&
                    self->left_size == 0;
         i++)
        read_source(self);
}

void
copy_pause(copy_t *self, bool paused)
{
    self->paused = paused;
}

void
copy_finish(copy_t *self)
{
    if (self->done)
        return;
    int waiting = 0;
    if (ioctl(self->source, FIONREAD, &waiting) < 0 || waiting < 0)
        waiting = 0;
    // A pseudo-terminal may still be moving bytes; its buffer is no larger than this.
    self->finish_bytes = (size_t) waiting > BUFFER_BYTES ? (size_t) waiting : BUFFER_BYTES;
    self->finishing = true;
    self->paused = false;
    while (!self->done && self->left_size == 0)
        read_source(self);
}

void
copy_set_gate(copy_t *self, mcp_gate_t *gate)
{
    self->gate = gate;
}

bool
copy_let_in(copy_t *self, const uint8_t *line, size_t size, uint64_t seen_bytes)
{
    assert(self->gate);
    if (self->done || self->left_size || !mcp_gate_let_in(self->gate, line, size, seen_bytes))
        return false;
    write_pending(self);
    return true;
}

bool
copy_is_done(const copy_t *self)
{
    return self->done;
}

bool
copy_is_left_open(const copy_t *self)
{
    struct pollfd source = {.fd = self->source, .events = POLLIN};
    return self->done && self->source >= 0 && self->sink &&
           (poll(&source, 1, 0) == 0 || !(source.revents & (POLLHUP | POLLERR)));
}

void
copy_resume(copy_t *self)
{
    self->tap = NULL;
    self->finishing = false;
    self->done = false;
}

int
copy_error(const copy_t *self)
{
    return self->error;
}
