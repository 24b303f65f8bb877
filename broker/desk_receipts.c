// desk_receipts - what is large is given only to those who read what they were given before
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <errno.h>

#include "descriptor.h"
#include "desk_private.h"
#include "mesh/control.h"
#include "mesh/log.h"

enum {
    PROBE_EVERY_MS = 500,
    READ_WITHIN_MS = 10000,    // where others wait, what is unread for longer is given up
    // Smaller messages are bounded by the socket's high-water mark.
    SMALL_BYTES = 4096,
};

// End a connection of which libzmq still has the descriptor.
static void
cut_off(desk_t *self, zframe_t *route, int connection)
{
    const peer_t *peer = registry_by_route(self->registry, route);
    mesh_log_warning("reader-cut-off", "%s did not read what it was given for %d s",
                     peer ? peer->transport_id : "a program that is lost",
                     READ_WITHIN_MS / 1000);
    descriptor_end(connection);
}

// receipts_is_gone_fn: a word that changes nothing cannot be sent to a connection that is
// closed.
static bool
is_gone(void *arg, zframe_t *route, int connection, int64_t given_ms)
{
    desk_t *self = arg;
    json_t *body =
        json_pack("{s:s, s:[]}", "incarnation", self->identity->incarnation, "sources");
    zmsg_t *message = mesh_control_pack("ack", body, NULL);
    json_decref(body);
    zframe_t *address = zframe_dup(route);
    zmsg_prepend(message, &address);
    bool gone = zmsg_send(&message, self->socket) != 0 && zmq_errno() == EHOSTUNREACH;
    zmsg_destroy(&message);
    // It is there: the descriptor is still its own.
    if (!gone && zclock_mono() - given_ms >= READ_WITHIN_MS)
        cut_off(self, route, connection);
    return gone;
}

receipts_outcome_t
desk_ask_receipts(desk_t *self, receipts_t *receipts, zframe_t *route, size_t size)
{
    receipts_outcome_t outcome = receipts_ask(receipts, route, size);
    int64_t now_ms = zclock_mono();
    if (outcome == RECEIPTS_FULL && now_ms - self->probed_ms >= PROBE_EVERY_MS) {
        self->probed_ms = now_ms;
        receipts_forget(receipts, is_gone, self);
        outcome = receipts_ask(receipts, route, size);
    }
    return outcome;
}

void
desk_give(desk_t *self, receipts_t *receipts, zframe_t *route, int connection, size_t size,
          const char *verb, json_t *body, const record_list_t *events)
{
    uint64_t receipt = receipts_give(receipts, route, connection, size, zclock_mono());
    json_object_set_new(body, "receipt", json_integer((json_int_t) receipt));
    if (events)
        desk_send_events(self, route, verb, body, events);
    else
        desk_send(self, route, verb, body);
}

bool
desk_pass_on(desk_t *self, zframe_t *route, int connection, const char *verb, json_t *body)
{
    size_t bytes = json_dumpb(body, NULL, 0, JSON_COMPACT);
    if (bytes <= SMALL_BYTES) {
        desk_send(self, route, verb, body);
        return true;
    }
    if (desk_ask_receipts(self, self->passed, route, bytes) != RECEIPTS_FREE) {
        json_decref(body);
        return false;
    }
    desk_give(self, self->passed, route, connection, bytes, verb, body, NULL);
    return true;
}

void
desk_on_read(desk_t *self, const desk_request_t *request)
{
    uint64_t receipt;
    if (mesh_control_get_number(request->body, "receipt", &receipt) != 0)
        desk_send_malformed(self, request, "receipt");
    else if (!receipts_read(self->pages, request->route, receipt))
        (void) receipts_read(self->passed, request->route, receipt);
}
