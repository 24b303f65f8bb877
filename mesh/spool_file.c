// spool_file - one source's events on disk: locked for life, appended to, cut where it is torn
// SPDX-License-Identifier: MPL-2.0
#include "mesh/spool_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mesh/lock_file.h"
#include "text.h"

enum { BUFFER_BYTES = MESH_SPOOL_RECORD_MOST };

struct mesh_spool_file {
    int fd;
    char *path;    // owned
    mesh_spool_head_t head;
    mesh_spool_mark_t mark;
    uint64_t end;           // what lies beyond was never acknowledged to anybody
    uint8_t *buffer;        // owned; what was read last
    uint64_t buffer_at;     // where it was read
    size_t buffer_bytes;    // how much
    uint8_t *record;        // owned; room for one to write
};

static mesh_spool_file_t *
file_new(int fd, const char *path)
{
    mesh_spool_file_t *self = calloc(1, sizeof *self);
    uint8_t *buffer = malloc(BUFFER_BYTES);
    uint8_t *record = malloc(MESH_SPOOL_RECORD_MOST);
    char *copy = strdup(path);
    if (!self || !buffer || !record || !copy)
        abort();
    self->fd = fd;
    self->path = copy;
    self->buffer = buffer;
    self->record = record;
    self->end = MESH_SPOOL_HEAD_BYTES;
    return self;
}

void
mesh_spool_file_destroy(mesh_spool_file_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_spool_file_t *self = *self_p;
        (void) close(self->fd);
        free(self->path);
        free(self->buffer);
        free(self->record);
        free(self);
        *self_p = NULL;
    }
}

// Destroy it and leave errno as it is; *self_p becomes NULL.
static void
destroy_quietly(mesh_spool_file_t **self_p)
{
    int why = errno;
    mesh_spool_file_destroy(self_p);
    errno = why;
}

static bool
lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return true;
    if (errno == EACCES)
        errno = EAGAIN;
    return false;
}

static bool
write_at(int fd, const void *bytes, size_t size_bytes, uint64_t at)
{
    ssize_t written = pwrite(fd, bytes, size_bytes, (off_t) at);
    if (written >= 0 && (size_t) written < size_bytes)
        errno = ENOSPC;    // a part is written where no more fits
    return written == (ssize_t) size_bytes;
}

// Make a locked file with a whole head under the path.
static mesh_spool_file_t *
make(const char *path, const mesh_spool_head_t *head, const mesh_spool_mark_t *mark)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return NULL;
    mesh_spool_file_t *self = file_new(fd, path);
    uint8_t bytes[MESH_SPOOL_HEAD_BYTES];
    self->head = *head;
    self->mark = *mark;
    mesh_spool_head_encode(head, bytes);
    mesh_spool_mark_encode(mark, bytes + MESH_SPOOL_MARK_AT);
    if (!lock(fd) || !write_at(fd, bytes, sizeof bytes, 0)) {
        int why = errno;
        (void) unlink(path);
        errno = why;
        destroy_quietly(&self);
    }
    return self;
}

mesh_spool_file_t *
mesh_spool_file_new(const char *path, const mesh_uuid_t *source)
{
    assert(path && source);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    mesh_spool_head_t head = {
        .source = *source,
        .created_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000,
    };
    char boot[MESH_LOCK_BOOT_ID_SIZE];
    mesh_lock_file_boot_id(boot);
    (void) mesh_uuid_parse(&head.boot, boot);
    // Under its own name only when it is whole and locked: who looks for what the dead left
    // behind would take it for that.
    char *begun = mesh_text_printf("%s" MESH_SPOOL_BEGUN, path);
    mesh_spool_file_t *self = make(begun, &head, &(mesh_spool_mark_t){0});
    if (self && rename(begun, path) == 0) {
        free(self->path);
        self->path = strdup(path);
    } else if (self) {
        int why = errno;
        (void) unlink(begun);
        errno = why;
        destroy_quietly(&self);
    }
    int why = errno;
    free(begun);
    errno = why;
    return self;
}

// Whether the path is still the file that was opened: whoever held it may have taken it away or
// put another in its place before we had the lock.
static bool
is_in_place(int fd, const char *path)
{
    struct stat opened, found;
    return fstat(fd, &opened) == 0 && lstat(path, &found) == 0 &&
           opened.st_dev == found.st_dev && opened.st_ino == found.st_ino;
}

mesh_spool_file_t *
mesh_spool_file_open(const char *path)
{
    assert(path);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    mesh_spool_file_t *self = file_new(fd, path);
    uint8_t bytes[MESH_SPOOL_HEAD_BYTES];
    struct stat status;
    if (!lock(fd)) {
        destroy_quietly(&self);
    } else if (!is_in_place(fd, path)) {
        errno = ENOENT;
        destroy_quietly(&self);
    } else if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
               pread(fd, bytes, sizeof bytes, 0) != (ssize_t) sizeof bytes ||
               mesh_spool_head_decode(&self->head, bytes) != 0) {
        errno = EBADMSG;
        destroy_quietly(&self);
    } else {
        self->end = (uint64_t) status.st_size;
        if (mesh_spool_mark_decode(&self->mark, bytes + MESH_SPOOL_MARK_AT) != 0)
            self->mark = (mesh_spool_mark_t){0};
    }
    return self;
}

int
mesh_spool_file_remove(mesh_spool_file_t *self)
{
    return unlink(self->path);
}

const mesh_spool_head_t *
mesh_spool_file_head(const mesh_spool_file_t *self)
{
    return &self->head;
}

const char *
mesh_spool_file_name(const mesh_spool_file_t *self)
{
    const char *slash = strrchr(self->path, '/');
    return slash ? slash + 1 : self->path;
}

const mesh_spool_mark_t *
mesh_spool_file_mark(const mesh_spool_file_t *self)
{
    return &self->mark;
}

int
mesh_spool_file_set_mark(mesh_spool_file_t *self, const mesh_spool_mark_t *mark)
{
    uint8_t bytes[MESH_SPOOL_MARK_BYTES];
    mesh_spool_mark_encode(mark, bytes);
    if (!write_at(self->fd, bytes, sizeof bytes, MESH_SPOOL_MARK_AT))
        return -1;
    self->mark = *mark;
    return 0;
}

uint64_t
mesh_spool_file_begin(const mesh_spool_file_t *self)
{
    (void) self;
    return MESH_SPOOL_HEAD_BYTES;
}

uint64_t
mesh_spool_file_end(const mesh_spool_file_t *self)
{
    return self->end;
}

int
mesh_spool_file_append(mesh_spool_file_t *self, const mesh_spool_record_t *record, uint64_t *at)
{
    size_t size_bytes = mesh_spool_record_size(record);
    mesh_spool_record_encode(record, self->record);
    // What a failed write leaves behind is overwritten by the next.
    if (!write_at(self->fd, self->record, size_bytes, self->end))
        return -1;
    *at = self->end;
    self->end += size_bytes;
    return 0;
}

// Have at least `wanted` bytes from a place on in the buffer, and what follows while it costs
// nothing. Returns how many there are.
static size_t
fill(mesh_spool_file_t *self, uint64_t at, size_t wanted)
{
    if (at < self->buffer_at || at > self->buffer_at + self->buffer_bytes ||
        self->buffer_at + self->buffer_bytes - at < wanted) {
        uint64_t left = self->end - at;
        ssize_t got = pread(self->fd, self->buffer, left < BUFFER_BYTES ? left : BUFFER_BYTES,
                            (off_t) at);
        self->buffer_at = at;
        self->buffer_bytes = got > 0 ? (size_t) got : 0;
    }
    return (size_t) (self->buffer_at + self->buffer_bytes - at);
}

int
mesh_spool_file_read(mesh_spool_file_t *self, uint64_t at, mesh_spool_record_t *record,
                     uint64_t *next)
{
    if (at < MESH_SPOOL_HEAD_BYTES || at >= self->end)
        return -1;
    size_t wanted = MESH_SPOOL_RECORD_BYTES;
    for (int tries = 0; tries < 2; tries++) {
        size_t got = fill(self, at, wanted);
        mesh_spool_outcome_t outcome = mesh_spool_record_decode(
            record, self->buffer + (at - self->buffer_at), got, &wanted);
        if (outcome == MESH_SPOOL_RECORD_OK) {
            *next = at + mesh_spool_record_size(record);
            return 0;
        }
        if (outcome == MESH_SPOOL_RECORD_BROKEN || wanted > self->end - at)
            return -1;
    }
    return -1;
}

int
mesh_spool_file_cut(mesh_spool_file_t *self, uint64_t at)
{
    assert(at >= MESH_SPOOL_HEAD_BYTES && at <= self->end);
    self->buffer_bytes = 0;
    self->end = at;
    return ftruncate(self->fd, (off_t) at);
}

mesh_spool_file_t *
mesh_spool_file_copy_new(const mesh_spool_file_t *self)
{
    char *path = mesh_text_printf("%s" MESH_SPOOL_BEGUN, self->path);
    // One that was begun before and never put in place: we hold the lock of what it is beside.
    (void) unlink(path);
    mesh_spool_file_t *copy = make(path, &self->head, &self->mark);
    int why = errno;
    free(path);
    errno = why;
    return copy;
}

int
mesh_spool_file_replace(mesh_spool_file_t *self, mesh_spool_file_t **copy_p)
{
    assert(self && copy_p && *copy_p);
    mesh_spool_file_t *copy = *copy_p;
    int rc = rename(copy->path, self->path);
    int why = errno;
    if (rc == 0) {
        int fd = self->fd;
        self->fd = copy->fd;
        copy->fd = fd;
        self->end = copy->end;
        self->mark = copy->mark;
        self->buffer_bytes = 0;
    } else {
        (void) unlink(copy->path);
    }
    mesh_spool_file_destroy(copy_p);
    errno = why;
    return rc;
}

bool
mesh_spool_file_is_held(const char *path)
{
    return mesh_lock_file_is_held(path, NULL, 0);
}
