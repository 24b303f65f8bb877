// stream_writer - writes what one stream has waiting, in one system call
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_STREAM_WRITER_H
#define SSE_STREAM_WRITER_H

#include "event_ring.h"
#include "stream.h"

enum {
    STREAM_WRITER_EVENTS = 64,    // coalesced at most
    // Frames that may have to be made first are coalesced up to so many bytes and one of them:
    // what is made and not taken has to be made again where others need its room.
    STREAM_WRITER_MADE_BYTES = 64 * 1024,
};

typedef enum {
    STREAM_WRITER_DONE,       // nothing is left
    STREAM_WRITER_MORE,       // more is left than one call takes
    STREAM_WRITER_BLOCKED,    // the socket takes no more for now
    STREAM_WRITER_GONE,       // the client is
} stream_writer_outcome_t;

typedef struct stream_writer_count {
    uint64_t events;
    uint64_t bytes;
    uint64_t calls;
} stream_writer_count_t;

// Write what is the stream's own, then, while it is open, what matches in the ring from its
// position on; everything there must be known to its group. Adds to *count.
stream_writer_outcome_t stream_writer_write(stream_t *stream, const event_ring_t *ring,
                                            stream_writer_count_t *count);

// The same for a stream that is pulled: whether there is something to write, and copy what
// there is, at most bytes, to buffer. Returns how much.
bool stream_writer_waits(stream_t *stream, const event_ring_t *ring);
size_t stream_writer_fill(stream_t *stream, const event_ring_t *ring, char *buffer,
                          size_t bytes, stream_writer_count_t *count);

// The same with these entries of a ring, of which all up to the stream's position are written
// afterwards, and frame_sent bytes of the one there.
stream_writer_outcome_t stream_writer_write_entries(stream_t *stream, const event_ring_t *ring,
                                                    const uint64_t serials[],
                                                    size_t serial_count,
                                                    stream_writer_count_t *count);

#endif
