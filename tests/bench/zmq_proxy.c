// zmq_proxy - libzmq's own proxy between XSUB and XPUB: what the broker is measured beside
// SPDX-License-Identifier: MPL-2.0
//
// Prints the two endpoints, publish and subscribe, and runs until it is killed. The sockets
// have the broker's limits.
#include <stdio.h>
#include <zmq.h>

enum { HWM = 10000, ENDPOINT_SIZE = 128 };

static void *
bind_socket(void *context, int type, char endpoint[static ENDPOINT_SIZE])
{
    void *socket = zmq_socket(context, type);
    int hwm = HWM;
    size_t size = ENDPOINT_SIZE;
    if (!socket || zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm) != 0 ||
        zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm) != 0 ||
        zmq_bind(socket, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0)
        return NULL;
    return socket;
}

int
main(void)
{
    char publish[ENDPOINT_SIZE], subscribe[ENDPOINT_SIZE];
    void *context = zmq_ctx_new();
    void *frontend = bind_socket(context, ZMQ_XSUB, publish);
    void *backend = bind_socket(context, ZMQ_XPUB, subscribe);
    if (!frontend || !backend) {
        fprintf(stderr, "zmq_proxy: %s\n", zmq_strerror(zmq_errno()));
        return 1;
    }
    printf("%s %s\n", publish, subscribe);
    fflush(stdout);
    return zmq_proxy(frontend, backend, NULL) == 0 ? 0 : 1;
}
