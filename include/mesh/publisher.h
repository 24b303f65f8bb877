// publisher - a source of events: numbers them, keeps them, sends within the window
// SPDX-License-Identifier: MPL-2.0
//
// What is published waits in an outbox (bounded; in memory or on a spool) until the broker has
// acknowledged it, so that a broker that is away, slow or restarted loses nothing. Never waits
// for the broker.
#ifndef MESH_PUBLISHER_H
#define MESH_PUBLISHER_H

#include <czmq.h>
#include <jansson.h>

#include "mesh/link.h"
#include "mesh/outbox.h"
#include "mesh/uuid.h"

typedef struct mesh_publisher mesh_publisher_t;

// Create a publisher with a new source on the link's loop, whose events wait in memory. link is
// borrowed and must outlive it. store_limit_bytes bounds what waits; past it the oldest
// aider.session_progress goes first, then the oldest of the rest, rate limits and errors last:
// each is counted, and its numbers are covered by the event that follows it.
mesh_publisher_t *mesh_publisher_new(zloop_t *loop, mesh_link_t *link,
                                     size_t store_limit_bytes);

// The same with the events, the source and the limit of an outbox, which is taken and set to
// NULL.
mesh_publisher_t *mesh_publisher_new_on(zloop_t *loop, mesh_link_t *link,
                                        mesh_outbox_t **outbox_p);
void mesh_publisher_destroy(mesh_publisher_t **self_p);

// Publish one event. Steals payload (an object), adds the common members timestamp, host,
// source, seq and, when not NULL, session_id and request_id; correlation_id where the payload
// has none: the request's, else the session's id, else the source's. timestamp is Unix seconds.
// A payload that would pass 64 KiB has its longest strings cut, marked "…" and counted. Returns
// the event's seq, or 0 when type, session_id, timestamp or payload is not legal
// (logged).
uint64_t mesh_publisher_publish(mesh_publisher_t *self, const char *type,
                                const char *session_id, const char *request_id,
                                double timestamp, json_t *payload);

// The same for what happened on another host: the event bears that host's name (1 to 255
// bytes), so that whoever follows the host sees it. NULL is this host.
uint64_t mesh_publisher_publish_from(mesh_publisher_t *self, const char *host, const char *type,
                                     const char *session_id, const char *request_id,
                                     double timestamp, json_t *payload);

// What waits, for an owner who keeps it elsewhere (mesh_outbox_walk). Borrowed, until a
// renewal.
mesh_outbox_t *mesh_publisher_outbox(mesh_publisher_t *self);

// Let numbers up to seq be sent (mesh_outbox_hold_after), and send what the window allows.
void mesh_publisher_allow(mesh_publisher_t *self, uint64_t seq);

// Events published and not yet acknowledged as committed.
size_t mesh_publisher_waiting(const mesh_publisher_t *self);

// Events that left the outbox unsent because it was full.
uint64_t mesh_publisher_dropped(const mesh_publisher_t *self);

// Whether all that waits is on disk, and does not end with this program.
bool mesh_publisher_is_kept(const mesh_publisher_t *self);

// Drop what waits of a session, also on disk; its numbers are covered by what follows. Returns
// how many events there were.
size_t mesh_publisher_forget(mesh_publisher_t *self, const char *session_id);

const mesh_uuid_t *mesh_publisher_source(const mesh_publisher_t *self);

// Have fn called once, in the loop, when nothing waits any more. NULL takes it back.
typedef void mesh_publisher_drained_fn(void *arg);
void mesh_publisher_on_drained(mesh_publisher_t *self, mesh_publisher_drained_fn *fn,
                               void *arg);

// A source that another program holds for MESH_PUBLISHER_HELD_MS (a machine that was cloned
// while we ran; another key's) is left to it: all that waits goes on under a new source. Have
// fn make the outbox of that one; NULL: it waits in memory. Nothing is lost so, but what the
// broker had taken and not acknowledged is told again under the new name. Where there is an fn,
// the same happens at once when the broker has numbers of the source that we have never sent:
// what we know of it is older than what was done with it.
enum { MESH_PUBLISHER_HELD_MS = 5000 };
typedef mesh_outbox_t *mesh_publisher_renew_fn(void *arg);
void mesh_publisher_on_renewal(mesh_publisher_t *self, mesh_publisher_renew_fn *fn, void *arg);

// Have fn called instead, in a handler of the link, whenever the broker refuses the source
// because another program holds it, or did until a moment ago. NULL takes it back.
typedef void mesh_publisher_refused_fn(void *arg);
void mesh_publisher_on_refused(mesh_publisher_t *self, mesh_publisher_refused_fn *fn,
                               void *arg);

#endif
