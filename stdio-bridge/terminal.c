// terminal - the user's terminal around a session, and the pseudo-terminal within
// SPDX-License-Identifier: MPL-2.0
#include "terminal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct terminal {
    int fd;    // our own number of it
    struct termios settings;
    int inner_fd;    // our own number of the pseudo-terminal within; -1 before there is one
    struct termios inner;    // what that was last given
    bool raw;
};

terminal_t *
terminal_new(int fd)
{
    struct termios settings;
    int own = -1;
    if (tcgetattr(fd, &settings) < 0 || (own = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
        return NULL;
    terminal_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->fd = own;
    self->inner_fd = -1;
    self->settings = settings;
    return self;
}

static void
close_inner(terminal_t *self)
{
    if (self->inner_fd >= 0)
        close(self->inner_fd);
    self->inner_fd = -1;
}

void
terminal_destroy(terminal_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        terminal_restore(*self_p);
        close((*self_p)->fd);
        close_inner(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

int
terminal_fd(const terminal_t *self)
{
    return self->fd;
}

bool
terminal_is_ours(const terminal_t *self)
{
    pid_t foreground = tcgetpgrp(self->fd);
    return foreground < 0 || foreground == getpgrp();
}

void
terminal_set_raw(terminal_t *self)
{
    // What a shell or `stty` set while we were stopped is what to go back to.
    if (!self->raw && tcgetattr(self->fd, &self->settings) < 0)
        return;
    struct termios raw = self->settings;
    cfmakeraw(&raw);
    self->raw = tcsetattr(self->fd, TCSANOW, &raw) == 0;
}

void
terminal_restore(terminal_t *self)
{
    if (self->raw)
        (void) tcsetattr(self->fd, TCSANOW, &self->settings);
    self->raw = false;
}

const struct termios *
terminal_settings(const terminal_t *self)
{
    return &self->settings;
}

int
terminal_open_inner(terminal_t *self, bool screen, int *master_p, int *slave_p)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0)
        return -1;
    int slave = -1;
    struct termios settings = self->settings;
    if (screen)
        settings.c_oflag &= (tcflag_t) ~OPOST;
    if (grantpt(master) == 0 && unlockpt(master) == 0) {
        // By the master, since the name may lie in another mount namespace.
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    // Kept when whoever reads from master has closed it: see terminal_leave_inner.
    self->inner_fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
    if (slave < 0 || self->inner_fd < 0 || tcsetattr(slave, TCSANOW, &settings) < 0 ||
        tcgetattr(slave, &self->inner) < 0) {
        int error = errno;
        if (slave >= 0)
            close(slave);
        close(master);
        errno = error;
        return -1;
    }
    terminal_pass_size(self);
    *master_p = master;
    *slave_p = slave;
    return 0;
}

static bool
is_same(const struct termios *left, const struct termios *right)
{
    return left->c_iflag == right->c_iflag && left->c_oflag == right->c_oflag &&
           left->c_cflag == right->c_cflag && left->c_lflag == right->c_lflag &&
           memcmp(left->c_cc, right->c_cc, sizeof left->c_cc) == 0;
}

void
terminal_adopt(terminal_t *self)
{
    struct termios now;
    if (!self->raw || tcgetattr(self->inner_fd, &now) < 0 || is_same(&now, &self->inner))
        return;
    // Only what was changed: a pseudo-terminal need not have all that this one has.
    self->settings.c_iflag ^= now.c_iflag ^ self->inner.c_iflag;
    self->settings.c_oflag ^= now.c_oflag ^ self->inner.c_oflag;
    self->settings.c_cflag ^= now.c_cflag ^ self->inner.c_cflag;
    self->settings.c_lflag ^= now.c_lflag ^ self->inner.c_lflag;
    for (size_t i = 0; i < sizeof now.c_cc; i++)
        if (now.c_cc[i] != self->inner.c_cc[i])
            self->settings.c_cc[i] = now.c_cc[i];
    self->inner = now;
}

void
terminal_leave_inner(terminal_t *self)
{
    terminal_adopt(self);
    close_inner(self);
}

size_t
terminal_undo_newlines(const terminal_t *self, uint8_t *bytes, size_t size)
{
    struct termios inner;
    if (tcgetattr(self->inner_fd, &inner) < 0 || !(inner.c_oflag & OPOST) ||
        !(inner.c_oflag & ONLCR))
        return size;
    size_t kept = 0;
    for (size_t i = 0; i < size; i++)
        if (!(bytes[i] == '\r' && i + 1 < size && bytes[i + 1] == '\n'))
            bytes[kept++] = bytes[i];
    return kept;
}

void
terminal_renew_inner(terminal_t *self)
{
    struct termios now;
    if (is_same(&self->inner, &self->settings) || tcgetattr(self->inner_fd, &now) < 0 ||
        !is_same(&now, &self->inner))
        return;
    if (tcsetattr(self->inner_fd, TCSANOW, &self->settings) == 0)
        (void) tcgetattr(self->inner_fd, &self->inner);
}

void
terminal_pass_size(const terminal_t *self)
{
    struct winsize size;
    if (ioctl(self->fd, TIOCGWINSZ, &size) == 0)
        (void) ioctl(self->inner_fd, TIOCSWINSZ, &size);
}
