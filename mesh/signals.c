// signals - SIGTERM, SIGINT and SIGHUP as events of a zloop
// SPDX-License-Identifier: MPL-2.0
#include "mesh/signals.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "mesh/log.h"

struct mesh_signals {
    zloop_t *loop;    // borrowed
    mesh_signals_fn *handler;
    void *arg;
    zmq_pollitem_t item;
};

// zloop_fn: a signal waits. Takes one; the loop calls again while more wait.
static int
on_signal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    mesh_signals_t *self = arg;
    struct signalfd_siginfo info;
    ssize_t got = read(item->fd, &info, sizeof info);
    if (got != (ssize_t) sizeof info)
        return 0;    // EAGAIN or EINTR: the loop asks again
    return self->handler((int) info.ssi_signo, self->arg);
}

static int
block_and_open(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t taken;
    (void) sigemptyset(&ignore.sa_mask);
    (void) sigemptyset(&taken);
    (void) sigaddset(&taken, SIGTERM);
    (void) sigaddset(&taken, SIGINT);
    (void) sigaddset(&taken, SIGHUP);
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigprocmask(SIG_BLOCK, &taken, NULL) != 0)
        return -1;
    return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

mesh_signals_t *
mesh_signals_new(zloop_t *loop, mesh_signals_fn *handler, void *arg)
{
    assert(loop && handler);
    mesh_signals_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->handler = handler;
    self->arg = arg;
    self->item = (zmq_pollitem_t){.fd = block_and_open(), .events = ZMQ_POLLIN};
    if (self->item.fd < 0) {
        mesh_log_error("signals-failed", "cannot receive signals: %s", strerror(errno));
        abort();
    }
    (void) zloop_poller(loop, &self->item, on_signal, self);
    zloop_poller_set_tolerant(loop, &self->item);
    return self;
}

void
mesh_signals_destroy(mesh_signals_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_signals_t *self = *self_p;
        zloop_poller_end(self->loop, &self->item);
        (void) close(self->item.fd);
        free(self);
        *self_p = NULL;
    }
}
