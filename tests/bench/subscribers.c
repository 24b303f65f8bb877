// subscribers - SUB sockets whose events are the load's
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "ends.h"

enum { DRAIN_LIMIT = 1000 };    // events of one subscriber in one turn

typedef struct subscriber {
    zsock_t *socket;    // owned
    size_t index;
    load_t *load;    // borrowed
} subscriber_t;

struct subscribers {
    zloop_t *loop;    // borrowed
    size_t count;
    subscriber_t *all;    // owned
};

// zloop_reader_fn: events have come.
static int
on_events(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    subscriber_t *self = arg;
    void *handle = zsock_resolve(socket);
    zmq_msg_t topic, body;
    zmq_msg_init(&topic);
    zmq_msg_init(&body);
    for (int i = 0; i < DRAIN_LIMIT; i++) {
        if (zmq_msg_recv(&topic, handle, ZMQ_DONTWAIT) < 0 || !zmq_msg_more(&topic) ||
            zmq_msg_recv(&body, handle, ZMQ_DONTWAIT) < 0)
            break;
        load_received(self->load, self->index, zmq_msg_data(&topic), zmq_msg_size(&topic),
                      zmq_msg_data(&body), zmq_msg_size(&body));
    }
    zmq_msg_close(&topic);
    zmq_msg_close(&body);
    load_go_on(self->load);
    return 0;
}

subscribers_t *
subscribers_new(zloop_t *loop, load_t *load, const load_options_t *options)
{
    subscribers_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->count = options->subscribers;
    self->all = zmalloc(self->count * sizeof *self->all);
    for (size_t i = 0; i < self->count; i++) {
        subscriber_t *subscriber = &self->all[i];
        *subscriber = (subscriber_t){.socket = zsock_new(ZMQ_SUB), .index = i, .load = load};
        assert(subscriber->socket);
        zsock_set_rcvhwm(subscriber->socket, 0);    // the load's window is the limit
        zsock_set_linger(subscriber->socket, 0);
        zsock_set_subscribe(subscriber->socket, "aider.");
        if (zsock_connect(subscriber->socket, "%s", options->subscribe) != 0) {
            fprintf(stderr, "mesh_load: cannot connect to %s\n", options->subscribe);
            subscribers_destroy(&self);
            return NULL;
        }
        zloop_reader(loop, subscriber->socket, on_events, subscriber);
        zloop_reader_set_tolerant(loop, subscriber->socket);
    }
    return self;
}

void
subscribers_destroy(subscribers_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        subscribers_t *self = *self_p;
        for (size_t i = 0; i < self->count; i++) {
            if (self->all[i].socket)
                zloop_reader_end(self->loop, self->all[i].socket);
            zsock_destroy(&self->all[i].socket);
        }
        free(self->all);
        free(self);
        *self_p = NULL;
    }
}
