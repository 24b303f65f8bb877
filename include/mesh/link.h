// link - one program's control connection to the broker: hello, heartbeat, requests, calls
// SPDX-License-Identifier: MPL-2.0
//
// Finds the broker (mesh/lookup.h says in which order it looks), says hello, keeps the
// registration alive, and notices within three seconds when the broker is gone or another
// incarnation answers. One link belongs to one zloop and its thread. Never blocks. The messages
// are drawn in docs/PROTOCOL.md.
#ifndef MESH_LINK_H
#define MESH_LINK_H

#include <czmq.h>
#include <jansson.h>

#include "mesh/key.h"
#include "mesh/settings.h"

typedef struct mesh_link mesh_link_t;

typedef struct mesh_link_identity {
    const char *transport_type;    // "stdio", "sse", "monitor", "cli"
    const char *host;              // this host's name for events
    json_t *capabilities;    // array of event types or feature names; borrowed; NULL for none
    json_t *metadata;        // object: endpoints, streaming_capabilities, labels ...; borrowed;
                             // NULL for none; "found_by" is added to it in the hello
    bool passing;            // here for a question: nobody is told that it comes and goes
    const char *endpoint;    // the broker's control socket, where it is known and none is to be
                             // looked for; NULL
} mesh_link_identity_t;

// What the broker said in its welcome. All borrowed for the call.
typedef struct mesh_welcome {
    const char *broker_id;
    const char *incarnation;    // changes with each start of the broker
    uint64_t epoch;
    uint64_t first;                  // the oldest offset kept; 0 when nothing is
    uint64_t head;                   // the newest offset given
    const char *publish_endpoint;    // ready to connect to
    const char *subscribe_endpoint;
    uint64_t window_events;    // how much a publisher may have unacknowledged
    uint64_t window_bytes;
    const json_t *body;    // the whole message
} mesh_welcome_t;

// A part of the program that lives on the link (publisher, subscriber). Any member may be NULL.
typedef struct mesh_link_listener {
    // The broker answered our hello: at first, after an absence, and when its incarnation
    // changed.
    void (*on_welcome)(void *arg, const mesh_welcome_t *welcome);
    // Nothing was heard for three seconds. Until the next welcome, requests are answered at
    // once as failed.
    void (*on_away)(void *arg);
    // A message that answers no request: verb "ack", "resend". body is borrowed.
    void (*on_message)(void *arg, const char *verb, const json_t *body);
    // A hello or heartbeat is about to go: add what the part has to say to it.
    void (*on_heartbeat)(void *arg, json_t *body);
} mesh_link_listener_t;

// Create the link and start to look for the broker. identity is copied. Returns NULL with
// *error_p (the caller frees) when an endpoint in the settings cannot be used.
mesh_link_t *mesh_link_new(zloop_t *loop, const mesh_settings_t *settings,
                           const mesh_link_identity_t *identity, char **error_p);

// Say goodbye, if the broker is there, and end the link. Requests still open are answered as
// failed first.
void mesh_link_destroy(mesh_link_t **self_p);

// Add a listener (at most 8). listener is borrowed and must outlive the link or be removed. It
// is welcomed too when the broker is there already: all are, once more.
void mesh_link_listen(mesh_link_t *self, const mesh_link_listener_t *listener, void *arg);
void mesh_link_unlisten(mesh_link_t *self, const mesh_link_listener_t *listener, void *arg);

// Whether a broker has welcomed us and was heard within three seconds.
bool mesh_link_is_up(const mesh_link_t *self);

// Whether every place where a broker may be has been tried once.
bool mesh_link_has_looked(const mesh_link_t *self);

// This program's id in the mesh, made anew with each link ("stdio-0190..."). Borrowed.
const char *mesh_link_transport_id(const mesh_link_t *self);

// This host's name for events. Borrowed.
const char *mesh_link_host(const mesh_link_t *self);

// The key that the link's other sockets show too; NULL without keys. Borrowed.
const mesh_key_t *mesh_link_key(const mesh_link_t *self);

// Another number for each key: while the broker is away the key's file is read again, and a
// socket that shows an earlier one is to be made anew at the next welcome.
unsigned mesh_link_key_number(const mesh_link_t *self);
// Say hello again, because what listeners add to it has changed. The welcome comes as ever.
void mesh_link_hello(mesh_link_t *self);

// Send a heartbeat now, e.g. because something waits for an acknowledgement.
void mesh_link_heartbeat(mesh_link_t *self);

// An answer: verb is the broker's ("events", "snapshot", "result"), or "error", whose body has
// "code" and "message": codes "away" (no broker), "deadline" (no answer in time), and those the
// broker gives. body and frames (what followed the body, may be NULL) are borrowed.
typedef void mesh_link_reply_fn(void *arg, const char *verb, const json_t *body,
                                zmsg_t *frames);

// Ask the broker. Steals body. Returns the request's id: reply is called exactly once, later,
// not from within this call, unless the request is cancelled first. Returns 0 when 1 000
// requests are open: reply is never called.
uint64_t mesh_link_request(mesh_link_t *self, const char *verb, json_t *body,
                           int64_t deadline_ms, mesh_link_reply_fn *reply, void *arg);

// Say something that the broker does not answer. Steals body. Lost while no broker is there.
void mesh_link_tell(mesh_link_t *self, const char *verb, json_t *body);

// Call a service that another program of the mesh offers, by name ("history"). As
// mesh_link_request; steals request. The answer is "result" with a member "result", or "error"
// with code "no_service", "deadline", or the service's own.
uint64_t mesh_link_call(mesh_link_t *self, const char *service, json_t *request,
                        int64_t deadline_ms, mesh_link_reply_fn *reply, void *arg);

// Have reply never called for this request. An id that is not open, as 0, is passed over.
void mesh_link_cancel(mesh_link_t *self, uint64_t id);

// Answers one call. Borrows request; returns a new object, or NULL for the error "refused".
typedef json_t *mesh_link_service_fn(void *arg, const json_t *request);

// Offer a service under a name (at most 8). Takes effect with the next hello.
void mesh_link_serve(mesh_link_t *self, const char *service, mesh_link_service_fn *answer,
                     void *arg);

#endif
