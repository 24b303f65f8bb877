// link_dealer - the DEALER socket by which a link speaks to one broker at a time
// SPDX-License-Identifier: MPL-2.0
#include "link_dealer.h"

#include <assert.h>

#include "mesh/connection.h"
#include "mesh/log.h"

enum {
    LINGER_MS = 100,
    SEND_HWM = 1100,    // messages; the open requests and what else is said in a second
    RECEIVE_HWM = 1100,
    RECONNECT_MS = 50,
    RECONNECT_MAX_MS = 500,
    CONNECT_MS = 2000,
    DRAIN_LIMIT = 64,    // messages handled in one wake-up
};

struct link_dealer {
    zloop_t *loop;       // borrowed
    zsock_t *socket;     // owned; NULL when closed
    zsock_t *monitor;    // owned; says when socket is connected
    bool connected;
    link_dealer_connected_fn *on_connected;
    link_dealer_heard_fn *on_heard;
    void *arg;    // borrowed
};

// zloop_reader_fn: the socket is connected, or no longer.
static int
on_connection(zloop_t *loop, zsock_t *monitor, void *arg)
{
    (void) loop;
    link_dealer_t *self = arg;
    uint16_t event = 0;
    zmsg_t *message = zmsg_recv(monitor);
    zframe_t *frame = message ? zmsg_first(message) : NULL;
    if (frame && zframe_size(frame) >= sizeof event)
        memcpy(&event, zframe_data(frame), sizeof event);
    zmsg_destroy(&message);
    self->connected = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    if (self->connected)
        self->on_connected(self->arg);
    return 0;
}

// zloop_reader_fn: the broker says something.
static int
on_message(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    link_dealer_t *self = arg;
    // What is heard may have us connect elsewhere.
    for (int i = 0;
         i < DRAIN_LIMIT && self->socket == socket && (zsock_events(socket) & ZMQ_POLLIN);
         i++) {
        zmsg_t *frames = zmsg_recv(socket);
        if (!frames)
            return 0;
        mesh_control_t message;
        if (mesh_control_unpack(&message, &frames) == MESH_CONTROL_OK) {
            self->on_heard(self->arg, &message);
            mesh_control_clear(&message);
        } else {
            self->on_heard(self->arg, NULL);
        }
    }
    return 0;
}

// Have the socket's connections told. ZMQ_IMMEDIATE, by which a socket can be written only
// while it is connected, would tell them too; but with it libzmq takes a pipe away from whoever
// is in the middle of a message of many frames, and ends the program at the next.
static void
watch(link_dealer_t *self)
{
    static unsigned number;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://mesh-link-%u", ++number);
    int rc = zmq_socket_monitor(zsock_resolve(self->socket), endpoint,
                                ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    assert(rc == 0);
    self->monitor = zsock_new(ZMQ_PAIR);
    assert(self->monitor);
    zsock_set_linger(self->monitor, 0);
    rc = zsock_connect(self->monitor, "%s", endpoint);
    assert(rc == 0);
    zloop_reader(self->loop, self->monitor, on_connection, self);
    zloop_reader_set_tolerant(self->loop, self->monitor);
    zloop_reader(self->loop, self->socket, on_message, self);
    zloop_reader_set_tolerant(self->loop, self->socket);
}

link_dealer_t *
link_dealer_new(zloop_t *loop, link_dealer_connected_fn *connected, link_dealer_heard_fn *heard,
                void *arg)
{
    assert(loop && connected && heard);
    link_dealer_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->on_connected = connected;
    self->on_heard = heard;
    self->arg = arg;
    return self;
}

void
link_dealer_destroy(link_dealer_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    link_dealer_close(*self_p);
    free(*self_p);
    *self_p = NULL;
}

void
link_dealer_open(link_dealer_t *self, const char *endpoint, const mesh_key_t *key,
                 int64_t lost_after_ms)
{
    link_dealer_close(self);
    self->socket = zsock_new(ZMQ_DEALER);
    assert(self->socket);
    watch(self);
    mesh_key_arm(key, self->socket);
    zsock_set_linger(self->socket, LINGER_MS);
    zsock_set_sndhwm(self->socket, SEND_HWM);
    zsock_set_rcvhwm(self->socket, RECEIVE_HWM);
    zsock_set_maxmsgsize(self->socket, MESH_CONTROL_LIMIT);
    zsock_set_reconnect_ivl(self->socket, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(self->socket, RECONNECT_MAX_MS);
    mesh_connection_watch(self->socket, lost_after_ms);
    // TCP asks at ever longer intervals for what does not answer: a link that is mended after a
    // while would be found as late again.
    zsock_set_connect_timeout(self->socket, CONNECT_MS);
    if (zsock_connect(self->socket, "%s", endpoint) != 0)
        mesh_log_warning("broker-endpoint-unusable", "%s: %s", endpoint,
                         zmq_strerror(zmq_errno()));
}

void
link_dealer_close(link_dealer_t *self)
{
    if (self->socket) {
        zloop_reader_end(self->loop, self->socket);
        zloop_reader_end(self->loop, self->monitor);
        (void) zmq_socket_monitor(zsock_resolve(self->socket), NULL, 0);
        zsock_destroy(&self->monitor);
        zsock_destroy(&self->socket);
    }
    self->connected = false;
}

bool
link_dealer_is_open(const link_dealer_t *self)
{
    return self->socket;
}

bool
link_dealer_is_connected(const link_dealer_t *self)
{
    return self->connected;
}

void
link_dealer_send(link_dealer_t *self, const char *verb, const json_t *body)
{
    assert(self->socket);
    zmsg_t *message = mesh_control_pack(verb, body, NULL);
    zsock_set_sndtimeo(self->socket, 0);
    (void) zmsg_send(&message, self->socket);
    zmsg_destroy(&message);
}
