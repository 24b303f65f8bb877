// raw_ends - XPUB and SUB sockets that speak the mesh's event frames and nothing else
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "ends.h"

enum { TOPIC_SIZE = 64 };

typedef struct publisher {
    zsock_t *socket;    // owned
    char topic[TOPIC_SIZE];
    size_t topic_bytes;
} publisher_t;

struct raw_ends {
    zloop_t *loop;                    // borrowed
    const load_options_t *options;    // borrowed
    publisher_t *publishers;          // owned
    size_t subscribed;                // publishers whom a subscription has reached
    subscribers_t *subscribers;       // owned
};

void
ends_fill_body(uint8_t *body, size_t body_bytes, size_t publisher, uint64_t number,
               int64_t timestamp_us)
{
    static const char opening[] = "{\"message\":\"", closing[] = "\"}", name[] = "mesh_load";
    size_t text_bytes = body_bytes - MESH_WIRE_HEADER_BYTES;
    assert(text_bytes >= sizeof opening + sizeof closing);
    mesh_header_t header = {.covers = 1, .seq = number, .timestamp_us = timestamp_us};
    memcpy(header.source.bytes, name, sizeof name - 1);
    // The end of a UUID is what differs between sources, as in those made at random.
    header.source.bytes[MESH_UUID_BYTES - 2] = (uint8_t) (publisher >> 8);
    header.source.bytes[MESH_UUID_BYTES - 1] = (uint8_t) publisher;
    mesh_wire_encode(&header, text_bytes, body);
    char *text = (char *) body + MESH_WIRE_HEADER_BYTES;
    memset(text, 'x', text_bytes);
    memcpy(text, opening, sizeof opening - 1);
    memcpy(text + text_bytes - (sizeof closing - 1), closing, sizeof closing - 1);
}

// zloop_reader_fn: the subscription has come; no further one will.
static int
on_subscription(zloop_t *loop, zsock_t *socket, void *arg)
{
    raw_ends_t *self = arg;
    zframe_t *frame = zframe_recv(socket);
    zframe_destroy(&frame);
    self->subscribed++;
    zloop_reader_end(loop, socket);
    return 0;
}

raw_ends_t *
raw_ends_new(zloop_t *loop, load_t *load, const load_options_t *options)
{
    raw_ends_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->options = options;
    self->publishers = zmalloc(options->publishers * sizeof *self->publishers);
    for (size_t i = 0; i < options->publishers; i++) {
        publisher_t *publisher = &self->publishers[i];
        publisher->topic_bytes = (size_t) snprintf(publisher->topic, TOPIC_SIZE,
                                                   "aider.session_progress/bench/%zu", i);
        publisher->socket = zsock_new(ZMQ_XPUB);
        assert(publisher->socket);
        zsock_set_sndhwm(publisher->socket, 0);    // the load's window is the limit
        zsock_set_linger(publisher->socket, 0);
        if (zsock_connect(publisher->socket, "%s", options->publish) != 0) {
            fprintf(stderr, "mesh_load: cannot connect to %s\n", options->publish);
            raw_ends_destroy(&self);
            return NULL;
        }
        zloop_reader(loop, publisher->socket, on_subscription, self);
    }
    self->subscribers = subscribers_new(loop, load, options);
    if (!self->subscribers)
        raw_ends_destroy(&self);
    return self;
}

void
raw_ends_destroy(raw_ends_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        raw_ends_t *self = *self_p;
        for (size_t i = 0; i < self->options->publishers; i++) {
            if (self->publishers[i].socket)
                zloop_reader_end(self->loop, self->publishers[i].socket);
            zsock_destroy(&self->publishers[i].socket);
        }
        subscribers_destroy(&self->subscribers);
        free(self->publishers);
        free(self);
        *self_p = NULL;
    }
}

static bool
ready(void *arg)
{
    const raw_ends_t *self = arg;
    return self->subscribed == self->options->publishers;
}

static void
send_event(void *arg, size_t index, uint64_t number, int64_t timestamp_us)
{
    raw_ends_t *self = arg;
    publisher_t *publisher = &self->publishers[index];
    zmq_msg_t body;
    int rc = zmq_msg_init_size(&body, self->options->body_bytes);
    assert(rc == 0);
    ends_fill_body(zmq_msg_data(&body), self->options->body_bytes, index, number, timestamp_us);
    void *socket = zsock_resolve(publisher->socket);
    if (zmq_send(socket, publisher->topic, publisher->topic_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) <
            0 ||
        zmq_msg_send(&body, socket, ZMQ_DONTWAIT) < 0)
        zmq_msg_close(&body);    // it is missed where it should have arrived
}

const load_ends_t raw_ends = {.ready = ready, .send = send_event};
