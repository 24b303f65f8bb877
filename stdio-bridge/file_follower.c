// file_follower - the bytes appended to a file, as they come
// SPDX-License-Identifier: MPL-2.0
#include "file_follower.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_follower {
    char *path;      // owned
    char *folder;    // owned; where path is
    int notify_fd;
    int folder_watch;
    int file_watch;
    int file_fd;
    off_t offset;    // up to where it was read
    file_mark_t since;
    bool started;    // what exists from now on is new, and read from its beginning
    char error[256];
};

// Watch the folder for the file's coming, and the file for its growing. Either may fail for
// want of watches (a per-user limit of the system); reading from time to time still works.
static void
watch_folder(file_follower_t *self)
{
    if (self->folder_watch >= 0)
        return;
    if (self->notify_fd < 0)
        self->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (self->notify_fd >= 0)
        self->folder_watch = inotify_add_watch(self->notify_fd, self->folder,
                                               IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

static void
watch_file(file_follower_t *self)
{
    if (self->notify_fd >= 0)
        self->file_watch = inotify_add_watch(self->notify_fd, self->path,
                                             IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
}

static void
close_file(file_follower_t *self)
{
    if (self->file_watch >= 0)
        inotify_rm_watch(self->notify_fd, self->file_watch);
    self->file_watch = -1;
    if (self->file_fd >= 0)
        close(self->file_fd);
    self->file_fd = -1;
}

static file_follower_outcome_t
fail(file_follower_t *self, const char *what)
{
    snprintf(self->error, sizeof self->error, "%s", what);
    return FILE_FOLLOWER_FAILED;
}

// One byte no file reaches: the lock is a sign to other followers, not a lock of the content.
static struct flock
claim_of(short type)
{
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t) 1 << 40, .l_len = 1};
}

// Open the file. Returns IDLE when there is none yet, RESTARTED when it is open, or FAILED.
static file_follower_outcome_t
open_file(file_follower_t *self)
{
    // Without O_NONBLOCK a pipe of that name would hold us until somebody writes to it.
    int fd = open(self->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? FILE_FOLLOWER_IDLE : fail(self, strerror(errno));
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return fail(self, "not a regular file");
    }
    self->file_fd = fd;
    // Where locks are not to be had nobody is told of the other; that is all.
    struct flock claim = claim_of(F_RDLCK);
    (void) fcntl(fd, F_OFD_SETLK, &claim);
    self->offset = self->started ? 0 : (off_t) file_mark_since(&self->since, &status);
    watch_file(self);
    return FILE_FOLLOWER_RESTARTED;
}

file_follower_t *
file_follower_new(const char *path, const file_mark_t *since)
{
    assert(path && path[0] && since);
    file_follower_t *self = zmalloc(sizeof *self);
    self->since = *since;
    self->path = strdup(path);
    const char *slash = strrchr(path, '/');
    if (!slash)
        self->folder = strdup(".");
    else
        self->folder = strndup(path, slash == path ? 1 : (size_t) (slash - path));
    self->notify_fd = self->folder_watch = self->file_watch = self->file_fd = -1;
    // The watch comes first: a file made in between is then seen twice rather than never.
    watch_folder(self);
    open_file(self);
    self->started = true;
    return self;
}

void
file_follower_destroy(file_follower_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        file_follower_t *self = *self_p;
        close_file(self);
        if (self->notify_fd >= 0)
            close(self->notify_fd);
        free(self->path);
        free(self->folder);
        free(self);
        *self_p = NULL;
    }
}

int
file_follower_fd(const file_follower_t *self)
{
    assert(self);
    return self->folder_watch >= 0 ? self->notify_fd : -1;
}

// The notices only wake us; what is true is asked of the file itself.
static void
drain_notices(file_follower_t *self)
{
    enum { NOTICES_BYTES = 4096 };
    char notices[NOTICES_BYTES];
    if (self->notify_fd >= 0) {
        while (read(self->notify_fd, notices, sizeof notices) > 0)
            ;
    }
}

// At the end of the open file: whether it is still the one at the path, and as long as it was.
static bool
is_replaced(const file_follower_t *self)
{
    struct stat open_status;
    struct stat path_status;
    if (fstat(self->file_fd, &open_status) != 0 || stat(self->path, &path_status) != 0)
        return false;    // gone for now: whatever takes its place will show
    return open_status.st_ino != path_status.st_ino || open_status.st_dev != path_status.st_dev;
}

file_follower_outcome_t
file_follower_read(file_follower_t *self, void *buffer, size_t capacity, size_t *size)
{
    assert(self && buffer && capacity > 0 && size);
    *size = 0;
    self->error[0] = '\0';
    drain_notices(self);
    watch_folder(self);
    if (self->file_fd < 0)
        return open_file(self);

    struct stat status;
    if (fstat(self->file_fd, &status) == 0 && status.st_size < self->offset) {
        self->offset = 0;
        return FILE_FOLLOWER_RESTARTED;
    }
    ssize_t got = pread(self->file_fd, buffer, capacity, self->offset);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? FILE_FOLLOWER_IDLE
                                                 : fail(self, strerror(errno));
    if (got > 0) {
        self->offset += got;
        *size = (size_t) got;
        return FILE_FOLLOWER_BYTES;
    }
    if (!is_replaced(self))
        return FILE_FOLLOWER_IDLE;
    close_file(self);
    return open_file(self);
}

bool
file_follower_is_shared(const file_follower_t *self)
{
    assert(self);
    struct flock question = claim_of(F_WRLCK);
    return self->file_fd >= 0 && fcntl(self->file_fd, F_OFD_GETLK, &question) == 0 &&
           question.l_type != F_UNLCK;
}

const char *
file_follower_error(const file_follower_t *self)
{
    assert(self);
    return self->error;
}
