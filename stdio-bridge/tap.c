// tap - carries the relay's copy to the observer: a ring in shared memory and a door bell
// SPDX-License-Identifier: MPL-2.0
#include "tap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STREAMS = 3,
    // Kept free of stream bytes: what tap_end has to say, and the padding before it.
    RESERVED_BYTES = 8 * TAP_RECORD_HEADER_BYTES,
    NO_FD = -1,
};

// In shared memory. Positions only grow; a place in the ring is position modulo its size.
typedef struct ring {
    _Alignas(64) _Atomic uint64_t written;
    _Alignas(64) _Atomic uint64_t read;
    _Alignas(64) _Atomic uint32_t reader_sleeps;    // the writer then rings
    _Alignas(64) tap_note_t note;
    _Alignas(64) uint8_t bytes[TAP_RING_BYTES];
} ring_t;

struct tap {
    ring_t *ring;
    int memory;      // the ring's, for the reader; NO_FD once handed on
    int bells[2];    // 0 the reader's, 1 the writer's
    bool reads;
    uint64_t lost_bytes[STREAMS];    // the writer's
    size_t taken_bytes;    // the reader's: room of the record that the caller looks at
    bool writer_gone;
};

static void
close_fd(int *fd_p)
{
    if (*fd_p != NO_FD)
        close(*fd_p);
    *fd_p = NO_FD;
}

static tap_t *
tap_empty(void)
{
    tap_t *self = calloc(1, sizeof *self);
    if (self)
        self->memory = self->bells[0] = self->bells[1] = NO_FD;
    return self;
}

static int
map_ring(tap_t *self)
{
    void *ring =
        mmap(NULL, sizeof(ring_t), PROT_READ | PROT_WRITE, MAP_SHARED, self->memory, 0);
    if (ring == MAP_FAILED)
        return -1;
    self->ring = ring;
    return 0;
}

// Give the memory its size. A limit on files (ulimit -f) counts for it too, and is meant for
// files: it is put aside for the moment, as far as its hard limit allows.
static int
size_memory(int memory)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return -1;
    if (limit.rlim_max < sizeof(ring_t)) {
        errno = EFBIG;    // asked all the same, the kernel would end us by SIGXFSZ
        return -1;
    }
    const struct rlimit most = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    bool small = limit.rlim_cur < sizeof(ring_t);
    if (small && setrlimit(RLIMIT_FSIZE, &most) != 0)
        return -1;
    int rc = ftruncate(memory, sizeof(ring_t));
    int error = errno;
    if (small && setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return -1;
    errno = error;
    return rc;
}

tap_t *
tap_new(const tap_note_t *note)
{
    tap_t *self = tap_empty();
    if (!self)
        return NULL;
    // A socket pair rather than an eventfd: the reader sees the writer's end, however it ends.
    // Its packets are rings one way, and words the other.
    // The memory is sealed, so that nobody can cut the memory short under the writer.
    self->memory = memfd_create("aidermesh-tap", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (self->memory >= 0 && size_memory(self->memory) == 0 &&
        fcntl(self->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0 &&
        map_ring(self) == 0 &&
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, self->bells) ==
            0) {
        self->ring->note = *note;
        return self;
    }
    int error = errno;
    tap_destroy(&self);
    errno = error;
    return NULL;
}

tap_t *
tap_new_reader(int bell, int ring)
{
    struct stat status;
    if (fstat(ring, &status) < 0)
        return NULL;
    if (status.st_size != sizeof(ring_t)) {
        errno = EINVAL;
        return NULL;
    }
    tap_t *self = tap_empty();
    if (!self)
        return NULL;
    self->memory = ring;
    self->bells[0] = bell;
    self->reads = true;
    if (map_ring(self) < 0) {
        int error = errno;
        tap_destroy(&self);
        errno = error;
    }
    return self;
}

void
tap_let_go(tap_t *self)
{
    close_fd(&self->memory);
    close_fd(&self->bells[0]);
}

bool
tap_is_heard(const tap_t *self)
{
    struct pollfd bell = {.fd = self->bells[1]};
    return self->bells[0] == NO_FD && (poll(&bell, 1, 0) == 0 || !(bell.revents & POLLHUP));
}

void
tap_destroy(tap_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        tap_t *self = *self_p;
        close_fd(&self->memory);
        close_fd(&self->bells[0]);
        close_fd(&self->bells[1]);
        if (self->ring)
            munmap(self->ring, sizeof *self->ring);
        free(self);
        *self_p = NULL;
    }
}

const tap_note_t *
tap_note(const tap_t *self)
{
    return &self->ring->note;
}

int
tap_reader_bell(const tap_t *self)
{
    return self->bells[0];
}

int
tap_reader_ring(const tap_t *self)
{
    return self->memory;
}

int
tap_fd(const tap_t *self)
{
    return self->bells[self->reads ? 0 : 1];
}

static uint8_t *
place(tap_t *self, uint64_t position)
{
    return self->ring->bytes + position % TAP_RING_BYTES;
}

// Put one record in when reserve_bytes stay free after it. A record lies in one piece: where
// the end of the ring is too near, padding goes first.
static bool
append(tap_t *self, const tap_record_t *record, size_t reserve_bytes)
{
    uint64_t written = atomic_load_explicit(&self->ring->written, memory_order_relaxed);
    uint64_t read = atomic_load_explicit(&self->ring->read, memory_order_acquire);
    uint64_t free_bytes = TAP_RING_BYTES - (written - read);
    size_t room = tap_record_room(record->length);
    size_t to_end = TAP_RING_BYTES - (size_t) (written % TAP_RING_BYTES);
    size_t padding = to_end < room ? to_end : 0;

    if (padding + room + reserve_bytes > free_bytes)
        return false;
    if (padding) {
        tap_record_t filler = {
            .kind = TAP_PADDING,
            .length = (uint32_t) (padding - TAP_RECORD_HEADER_BYTES),
        };
        tap_record_encode(&filler, place(self, written));
    }
    tap_record_encode(record, place(self, written + padding));
    atomic_store(&self->ring->written, written + padding + room);
    return true;
}

static void
ring_bell(tap_t *self)
{
    if (atomic_exchange(&self->ring->reader_sleeps, 0)) {
        // When the bell's buffer is full, or nobody hears it, nothing is to be done.
        ssize_t sent = send(self->bells[1], "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void) sent;
    }
}

void
tap_write(tap_t *self, tap_kind_t stream, const uint8_t *bytes, size_t size, uint64_t time_ns)
{
    assert(stream <= TAP_STDERR);
    while (size) {
        size_t part = size < TAP_RECORD_BYTES_MOST ? size : TAP_RECORD_BYTES_MOST;
        tap_record_t record = {
            .kind = stream,
            .time_ns = time_ns,
            .lost_bytes = self->lost_bytes[stream],
            .bytes = bytes,
            .length = (uint32_t) part,
        };
        if (append(self, &record, RESERVED_BYTES))
            self->lost_bytes[stream] = 0;
        else
            self->lost_bytes[stream] += part;
        bytes += part;
        size -= part;
    }
    ring_bell(self);
}

void
tap_end_stream(tap_t *self, tap_kind_t stream, uint64_t time_ns)
{
    assert(stream <= TAP_STDERR);
    tap_record_t record = {
        .kind = stream,
        .time_ns = time_ns,
        .lost_bytes = self->lost_bytes[stream],
    };
    if (append(self, &record, RESERVED_BYTES))
        self->lost_bytes[stream] = 0;
    ring_bell(self);
}

void
tap_end(tap_t *self, int status, uint64_t time_ns)
{
    for (int stream = 0; stream < STREAMS; stream++) {
        tap_record_t loss = {
            .kind = (tap_kind_t) stream,
            .time_ns = time_ns,
            .lost_bytes = self->lost_bytes[stream],
        };
        if (loss.lost_bytes && append(self, &loss, 0))
            self->lost_bytes[stream] = 0;
    }
    tap_record_t end = {.kind = TAP_ENDED, .time_ns = time_ns, .status = status};
    (void) append(self, &end, 0);
    ring_bell(self);
}

// Take the bell's rings off its socket; notes when the other end is closed.
static void
hear_bell(tap_t *self)
{
    char rings[64];
    ssize_t heard = 0;
    do
        heard = recv(self->bells[0], rings, sizeof rings, MSG_DONTWAIT);
    while (heard > 0 || (heard < 0 && errno == EINTR));
    if (heard == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        self->writer_gone = true;
}

bool
tap_say(tap_t *self, const void *word, size_t size)
{
    assert(self->reads && size > 0 && size <= TAP_WORD_BYTES);
    return send(self->bells[0], word, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) size;
}

ssize_t
tap_hear(tap_t *self, void *word, size_t capacity)
{
    assert(!self->reads);
    ssize_t size = 0;
    do
        size = recv(self->bells[1], word, capacity, MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size > 0)
        return size;
    return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

static tap_outcome_t
read_at(tap_t *self, tap_record_t *record)
{
    uint64_t read = atomic_load_explicit(&self->ring->read, memory_order_relaxed);
    for (;;) {
        uint64_t waiting = atomic_load(&self->ring->written) - read;
        if (!waiting)
            return TAP_EMPTY;
        if (waiting > TAP_RING_BYTES)
            return TAP_BROKEN;
        size_t to_end = TAP_RING_BYTES - (size_t) (read % TAP_RING_BYTES);
        size_t size = waiting < to_end ? (size_t) waiting : to_end;
        size_t room = tap_record_decode(record, place(self, read), size);
        if (!room)
            return TAP_BROKEN;
        if (record->kind != TAP_PADDING) {
            self->taken_bytes = room;
            return TAP_RECORD;
        }
        read += room;
        atomic_store_explicit(&self->ring->read, read, memory_order_release);
    }
}

tap_outcome_t
tap_next(tap_t *self, tap_record_t *record)
{
    assert(self->reads);
    if (self->taken_bytes) {
        atomic_fetch_add_explicit(&self->ring->read, self->taken_bytes, memory_order_release);
        self->taken_bytes = 0;
    }
    tap_outcome_t outcome = read_at(self, record);
    if (outcome != TAP_EMPTY)
        return outcome;
    // Listen before the last look: whatever is written between the two rings.
    hear_bell(self);
    atomic_store(&self->ring->reader_sleeps, 1);
    outcome = read_at(self, record);
    if (outcome == TAP_EMPTY && self->writer_gone)
        return TAP_CLOSED;
    return outcome;
}
