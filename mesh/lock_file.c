// lock_file - a lock that a process holds as long as it lives, and that others can look at
// SPDX-License-Identifier: MPL-2.0
#include "mesh/lock_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
mesh_lock_file_take(const char *path, const char *text)
{
    assert(path && (!text || strlen(text) < MESH_LOCK_TEXT_SIZE));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool taken = fcntl(fd, F_OFD_SETLK, &lock) == 0;
    // Others read the text only while the lock is held.
    if (taken && text &&
        (ftruncate(fd, 0) != 0 || write(fd, text, strlen(text)) != (ssize_t) strlen(text)))
        taken = false;
    if (taken)
        return fd;
    int why = errno == EACCES ? EAGAIN : errno;
    (void) close(fd);
    errno = why;
    return -1;
}

static bool
is_held(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool
mesh_lock_file_is_held(const char *path, char *text, size_t size_bytes)
{
    assert(path && (!text || size_bytes > 0));
    if (text)
        text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool held = is_held(fd);
    if (held && text) {
        ssize_t got = read(fd, text, size_bytes - 1);
        text[got > 0 ? got : 0] = '\0';
    }
    (void) close(fd);
    return held;
}

void
mesh_lock_file_boot_id(char text[static MESH_LOCK_BOOT_ID_SIZE])
{
    text[0] = '\0';
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t got = read(fd, text, MESH_LOCK_BOOT_ID_SIZE - 1);
    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    (void) close(fd);
}

static bool
has_text(int fd, const char *text)
{
    char found[MESH_LOCK_TEXT_SIZE];
    ssize_t got = pread(fd, found, sizeof found, 0);
    return got >= 0 && (size_t) got == strlen(text) && memcmp(found, text, (size_t) got) == 0;
}

json_t *
mesh_lock_file_describe(int fd, const char *path, const char *text)
{
    assert(fd >= 0 && path && text);
    struct stat status;
    char boot[MESH_LOCK_BOOT_ID_SIZE];
    mesh_lock_file_boot_id(boot);
    if (fstat(fd, &status) != 0)
        return json_object();
    json_t *description =
        json_pack("{s:s, s:s, s:s, s:I, s:I}", "file", path, "text", text, "boot_id", boot,
                  "device", (json_int_t) status.st_dev, "inode", (json_int_t) status.st_ino);
    return description ? description : json_object();
}

mesh_lock_state_t
mesh_lock_file_look(const json_t *description)
{
    const char *path = json_string_value(json_object_get(description, "file"));
    const char *their_text = json_string_value(json_object_get(description, "text"));
    const char *their_boot = json_string_value(json_object_get(description, "boot_id"));
    const json_t *device = json_object_get(description, "device");
    const json_t *inode = json_object_get(description, "inode");
    char boot[MESH_LOCK_BOOT_ID_SIZE];
    mesh_lock_file_boot_id(boot);
    if (!path || !their_text || !their_boot || !*boot || strcmp(boot, their_boot) != 0 ||
        !json_is_integer(device) || !json_is_integer(inode))
        return MESH_LOCK_UNKNOWN;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return MESH_LOCK_UNKNOWN;
    struct stat status;
    mesh_lock_state_t state = MESH_LOCK_UNKNOWN;
    // The same name may be another file, in a container or after the directory was made anew.
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        (json_int_t) status.st_dev == json_integer_value(device) &&
        (json_int_t) status.st_ino == json_integer_value(inode))
        state = is_held(fd) && has_text(fd, their_text) ? MESH_LOCK_HELD : MESH_LOCK_FREE;
    (void) close(fd);
    return state;
}
