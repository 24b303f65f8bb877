// desk_calls - call and answer: one program asks a service that another offers
// SPDX-License-Identifier: MPL-2.0
#include "desk_private.h"
#include "mesh/control.h"

enum {
    CALL_DEADLINE_MOST_MS = 60000,
    MESSAGE_LIMIT = 1024,    // bytes of what a service says of a call that it refuses
};

void
desk_on_call(desk_t *self, const desk_request_t *request)
{
    const char *service;
    uint64_t deadline_ms;
    json_t *asked = json_object_get(request->body, "request");
    if (mesh_control_get_text(request->body, "service", DESK_NAME_LIMIT, &service) != 0) {
        desk_send_malformed(self, request, "service");
        return;
    }
    if (mesh_control_get_number(request->body, "deadline_ms", &deadline_ms) != 0 ||
        deadline_ms > CALL_DEADLINE_MOST_MS) {
        desk_send_malformed(self, request, "deadline_ms");
        return;
    }
    if (!json_is_object(asked)) {
        desk_send_malformed(self, request, "request");
        return;
    }
    // The one that has offered it for the longest answers.
    peer_t *server = NULL;
    for (peer_t *peer = registry_first(self->registry); peer;
         peer = registry_next(self->registry))
        if (peer_serves(peer, service) && (!server || peer->joined_at < server->joined_at))
            server = peer;
    if (!server) {
        desk_send_error(self, request->route, request->id, "no_service",
                        "nobody answers calls of this name");
        return;
    }
    uint64_t number = calls_add(self->calls, request->id, request->route, request->connection,
                                server, zclock_mono() + (int64_t) deadline_ms);
    if (!number) {
        desk_send_error(self, request->route, request->id, "calls_full",
                        "too many calls are open");
        return;
    }
    if (desk_pass_on(self, server->route, server->connection, "serve",
                     json_pack("{s:I, s:s, s:O}", "call", (json_int_t) number, "service",
                               service, "request", asked)))
        return;
    call_t *call = calls_take(self->calls, number, server);
    call_destroy(&call);
    desk_send_error(self, request->route, request->id, "calls_full",
                    "the service has not read what it was asked before; ask again");
}

void
desk_on_answer(desk_t *self, const desk_request_t *request)
{
    uint64_t number;
    peer_t *server = desk_peer_of(self, request);
    if (!server || mesh_control_get_number(request->body, "call", &number) != 0)
        return;
    call_t *call = calls_take(self->calls, number, server);
    if (!call)
        return;    // it came after the deadline, and the caller was told
    json_t *result = json_object_get(request->body, "result");
    const char *code = "refused", *message = "the service refused the call";
    (void) mesh_control_get_text(request->body, "code", DESK_NAME_LIMIT, &code);
    (void) mesh_control_get_text(request->body, "message", MESSAGE_LIMIT, &message);
    if (!json_is_object(result))
        desk_send_error(self, call->caller, call->id, code, message);
    else if (!desk_pass_on(
                 self, call->caller, call->connection, "result",
                 json_pack("{s:I, s:O}", "id", (json_int_t) call->id, "result", result)))
        desk_send_error(self, call->caller, call->id, "result_unread",
                        "results that were asked for before are not read; ask again");
    call_destroy(&call);
}

void
desk_expire_calls(desk_t *self, int64_t now_ms)
{
    call_t *call;
    while ((call = calls_take_expired(self->calls, now_ms))) {
        desk_send_error(self, call->caller, call->id, "deadline",
                        "the service did not answer in time");
        call_destroy(&call);
    }
}

void
desk_fail_calls_of(desk_t *self, const peer_t *peer)
{
    call_t *call;
    while ((call = calls_take_of(self->calls, peer))) {
        desk_send_error(self, call->caller, call->id, "service_lost", "the service went away");
        call_destroy(&call);
    }
}
