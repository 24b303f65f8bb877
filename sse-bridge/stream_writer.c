// stream_writer - writes what one stream has waiting, in one system call
// SPDX-License-Identifier: MPL-2.0
#include "stream_writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/uio.h>

#include "stream_group.h"

// What one call will write: pieces of memory, and the entries that they are made of.
typedef struct batch {
    struct iovec pieces[1 + STREAM_WRITER_EVENTS];
    size_t piece_count;
    uint64_t serials[STREAM_WRITER_EVENTS];
    size_t frame_bytes[STREAM_WRITER_EVENTS];    // of each, however much of it was written
    size_t serial_count;
    frame_cache_hold_t hold;
    size_t bytes;
    uint64_t after;    // where to look next once all is written
    bool more;         // whether something that matches is left
} batch_t;

// iovec has no const; what we hand to sendmsg is only read.
static void *
writable(const char *bytes)
{
    union {
        const char *constant;
        void *plain;
    } pointer = {.constant = bytes};
    return pointer.plain;
}

static void
add_piece(batch_t *self, const char *bytes, size_t count)
{
    struct iovec *last = self->piece_count > 0 ? &self->pieces[self->piece_count - 1] : NULL;
    self->bytes += count;
    // Frames of one after the other mostly lie so in the ring.
    if (last && (const char *) last->iov_base + last->iov_len == bytes) {
        last->iov_len += count;
        return;
    }
    self->pieces[self->piece_count++] =
        (struct iovec){.iov_base = writable(bytes), .iov_len = count};
}

// Begin with what is the stream's own.
static void
begin(batch_t *self, const stream_t *stream)
{
    self->piece_count = 0;
    self->serial_count = 0;
    self->hold = FRAME_CACHE_NONE;
    self->bytes = 0;
    self->more = false;
    self->after = stream->position;
    if (stream_own_left(stream) > 0)
        add_piece(self, stream->own + stream->own_sent, stream_own_left(stream));
}

// Returns whether there was room for it; there is for the first.
static bool
add_entry(batch_t *self, const stream_t *stream, const event_ring_t *ring, uint64_t serial,
          uint32_t sent)
{
    if (stream->envelope != ENVELOPE_DATA && self->serial_count > 0 &&
        self->bytes >= STREAM_WRITER_MADE_BYTES)
        return false;
    size_t bytes;
    const char *frame = event_ring_shown(ring, event_ring_entry(ring, serial),
                                         (envelope_t) stream->envelope, &bytes, &self->hold);
    if (!frame)
        return false;
    add_piece(self, frame + sent, bytes - sent);
    self->frame_bytes[self->serial_count] = bytes;
    self->serials[self->serial_count++] = serial;
    self->after = serial + 1;
    return true;
}

static void
collect(batch_t *self, const stream_t *stream, const event_ring_t *ring)
{
    begin(self, stream);
    // Of gzip all that is sent was made its own before.
    if (stream->state != STREAM_OPEN || stream->zipped)
        return;

    uint64_t next = event_ring_next(ring);
    uint64_t serial = stream_group_match(stream->group, stream->position, next);
    uint32_t sent = stream->frame_sent;
    assert(sent == 0 || serial == stream->position);
    while (serial < next && self->serial_count < STREAM_WRITER_EVENTS &&
           add_entry(self, stream, ring, serial, sent)) {
        sent = 0;
        serial = stream_group_match(stream->group, serial + 1, next);
    }
    self->more = serial < next;
    self->after = serial;
}

static void
account(stream_t *stream, const batch_t *batch, size_t written, stream_writer_count_t *count)
{
    size_t own = stream_own_left(stream);
    if (own > written)
        own = written;
    if (own > 0)
        stream_own_written(stream, own);
    written -= own;
    for (size_t at = 0; at < batch->serial_count; at++) {
        size_t left = batch->frame_bytes[at] - stream->frame_sent;
        if (written < left) {
            // A position is moved onto a frame only when part of it is written: before that
            // there is nothing to finish.
            if (written > 0) {
                stream->position = batch->serials[at];
                stream->frame_sent += (uint32_t) written;
            }
            return;
        }
        written -= left;
        stream->position = batch->serials[at] + 1;
        stream->frame_sent = 0;
        count->events++;
    }
    stream->position = batch->after;
}

bool
stream_writer_waits(stream_t *stream, const event_ring_t *ring)
{
    batch_t batch;
    collect(&batch, stream, ring);
    if (batch.bytes == 0)
        stream->position = batch.after;
    return batch.bytes > 0;
}

size_t
stream_writer_fill(stream_t *stream, const event_ring_t *ring, char *buffer, size_t bytes,
                   stream_writer_count_t *count)
{
    batch_t batch;
    collect(&batch, stream, ring);
    size_t filled = 0;
    for (size_t at = 0; at < batch.piece_count && filled < bytes; at++) {
        size_t part = batch.pieces[at].iov_len;
        if (part > bytes - filled)
            part = bytes - filled;
        memcpy(buffer + filled, batch.pieces[at].iov_base, part);
        filled += part;
    }
    if (filled > 0)
        count->calls++;
    count->bytes += filled;
    account(stream, &batch, filled, count);
    return filled;
}

static stream_writer_outcome_t
write_batch(stream_t *stream, batch_t *batch, stream_writer_count_t *count)
{
    if (batch->bytes == 0) {
        stream->position = batch->after;
        return STREAM_WRITER_DONE;
    }
    struct msghdr message = {.msg_iov = batch->pieces, .msg_iovlen = batch->piece_count};
    ssize_t written;
    do {
        written = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (written < 0 && errno == EINTR);
    count->calls++;
    if (written < 0)
        return (errno == EAGAIN || errno == EWOULDBLOCK) ? STREAM_WRITER_BLOCKED
                                                         : STREAM_WRITER_GONE;
    count->bytes += (uint64_t) written;
    account(stream, batch, (size_t) written, count);
    if ((size_t) written < batch->bytes)
        return STREAM_WRITER_BLOCKED;
    return batch->more ? STREAM_WRITER_MORE : STREAM_WRITER_DONE;
}

stream_writer_outcome_t
stream_writer_write(stream_t *stream, const event_ring_t *ring, stream_writer_count_t *count)
{
    batch_t batch;
    collect(&batch, stream, ring);
    return write_batch(stream, &batch, count);
}

stream_writer_outcome_t
stream_writer_write_entries(stream_t *stream, const event_ring_t *ring,
                            const uint64_t serials[], size_t serial_count,
                            stream_writer_count_t *count)
{
    assert(serial_count <= STREAM_WRITER_EVENTS && stream->frame_sent == 0);
    batch_t batch;
    stream->position = serial_count > 0 ? serials[0] : 0;
    stream_writer_outcome_t outcome;
    size_t at = 0;
    // All in one, but where not all frames have room at a time.
    do {
        begin(&batch, stream);
        while (at < serial_count && add_entry(&batch, stream, ring, serials[at], 0))
            at++;
        batch.more = at < serial_count;
        outcome = write_batch(stream, &batch, count);
    } while (outcome == STREAM_WRITER_MORE);
    return outcome;
}
