// desk_private - what the files of the desk share
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_DESK_PRIVATE_H
#define BROKER_DESK_PRIVATE_H

#include "calls.h"
#include "desk.h"
#include "erasures.h"
#include "gate.h"
#include "receipts.h"
#include "record_list.h"
#include "welcomes.h"

enum { DESK_NAME_LIMIT = 128 };    // bytes of a service's name or an error's code

struct desk {
    zloop_t *loop;                      // borrowed
    relay_t *relay;                     // borrowed
    const desk_identity_t *identity;    // borrowed
    desk_change_fn *on_change;
    void *arg;               // borrowed
    zsock_t *socket;         // owned
    registry_t *registry;    // owned
    calls_t *calls;          // owned
    receipts_t *pages;       // owned; of the past, one for a connection
    receipts_t *passed;      // owned; bytes of calls and results that were passed on
    int64_t probed_ms;       // when connections with something unread were last looked after
    erasures_t *erasures;    // owned
    welcomes_t *welcomes;    // owned
    record_list_t *page;     // owned; what is given now, else empty
    int64_t heartbeat_ms, lost_after_ms;
    json_int_t window_events, window_bytes;
    int timer;
    int64_t tick_ms;    // when the timer last came
    desk_yielding_t yielding;
    char *yield_to;    // owned; NULL while we stay
    uint64_t malformed;
    bool gave_page;    // in this wake-up, which ends with it
};

typedef struct desk_request {
    zframe_t *route;       // owned; who asks
    const json_t *body;    // borrowed
    uint64_t id;           // 0 where there is none
    mesh_role_t role;    // of the key it came under; MESH_ROLE_OPERATE where there are no keys
    const char *user;    // borrowed: the name of that key, "" where there are no keys
    int connection;      // its descriptor, libzmq's; -1 where it is not known
} desk_request_t;

// The peer that asks: it has said hello by this route and under this key. NULL when it has not.
peer_t *desk_peer_of(desk_t *self, const desk_request_t *request);

// Send a message to whom route leads. Steals body. With events: each of them follows as two
// frames.
void desk_send(desk_t *self, zframe_t *route, const char *verb, json_t *body);
void desk_send_events(desk_t *self, zframe_t *route, const char *verb, json_t *body,
                      const record_list_t *events);

// Whether a connection may be given something of this size; where all together have too much
// unread, those who are gone are looked for first, and who does not read is cut off.
receipts_outcome_t desk_ask_receipts(desk_t *self, receipts_t *receipts, zframe_t *route,
                                     size_t size);

// Send a message with a receipt; after RECEIPTS_FREE only. connection is the descriptor of
// route, -1 where it is not known; events may be NULL. Else as desk_send.
void desk_give(desk_t *self, receipts_t *receipts, zframe_t *route, int connection, size_t size,
               const char *verb, json_t *body, const record_list_t *events);

// Pass on what one program says to another, with a receipt where it is large. Steals body.
// Returns false, and nothing is sent, when too much is unread.
bool desk_pass_on(desk_t *self, zframe_t *route, int connection, const char *verb,
                  json_t *body);

// Answer "error"; id is 0 where the request had none.
void desk_send_error(desk_t *self, zframe_t *route, uint64_t id, const char *code,
                     const char *message);

// Count the request and answer that its member is wrong.
void desk_send_malformed(desk_t *self, const desk_request_t *request, const char *member);

// Where another broker takes over: answer a request by sending its sender there. Returns false
// when the request is to be handled as ever.
bool desk_send_away(desk_t *self, const char *verb, const desk_request_t *request);

// What the verbs do.
void desk_on_hello(desk_t *self, const desk_request_t *request);
void desk_on_heartbeat(desk_t *self, const desk_request_t *request);
void desk_on_bye(desk_t *self, const desk_request_t *request);
void desk_on_replay(desk_t *self, const desk_request_t *request);
void desk_on_read(desk_t *self, const desk_request_t *request);
void desk_on_snapshot(desk_t *self, const desk_request_t *request);
void desk_on_call(desk_t *self, const desk_request_t *request);
void desk_on_answer(desk_t *self, const desk_request_t *request);
void desk_on_forget(desk_t *self, const desk_request_t *request);
void desk_on_forgot(desk_t *self, const desk_request_t *request);

// Tell the mesh of programs that were not heard from, and callers of calls that were not
// answered, in time.
void desk_expire_peers(desk_t *self, int64_t now_ms);
void desk_expire_calls(desk_t *self, int64_t now_ms);

// Welcome those whose sources the journal knows, and those who have waited for long.
void desk_welcome_due(desk_t *self, int64_t now_ms);

// Answer who had sessions forgotten, where that is over.
void desk_end_erasures(desk_t *self, int64_t now_ms);

// A service is gone: its callers are told.
void desk_fail_calls_of(desk_t *self, const peer_t *peer);

#endif
