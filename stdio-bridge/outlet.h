// outlet - the bridge's way into the mesh: loop, link and publisher, and their end
// SPDX-License-Identifier: MPL-2.0
//
// One outlet is one source, whose events wait in a spool on disk until a broker has them. It
// also delivers what bridges that died have left. It belongs to the process that makes it and
// to one thread.
#ifndef OUTLET_H
#define OUTLET_H

#include <czmq.h>
#include <jansson.h>

#include "mesh/settings.h"
#include "redaction.h"

typedef struct outlet outlet_t;

// Create it and start to look for the broker; metadata (an object, stolen) goes with the hello.
// CZMQ must have been started (mesh_program_start_zmq). Returns NULL when the settings name an
// endpoint, or a rule of redaction, that cannot be used; that has been logged.
outlet_t *outlet_new(const mesh_settings_t *settings, json_t *metadata);
void outlet_destroy(outlet_t **self_p);

// The loop that everything hangs on. Borrowed.
zloop_t *outlet_loop(outlet_t *self);

// What takes secrets out of what is published. Borrowed.
redaction_t *outlet_redaction(outlet_t *self);

// As mesh_publisher_publish, without secrets; steals payload. A session's completion says what
// was taken out (redactions). Returns whether it could be an event.
bool outlet_publish(outlet_t *self, const char *type, const char *session_id,
                    const char *request_id, double timestamp, json_t *payload);

// Have fn called when the process is told to stop (SIGTERM, SIGINT, SIGHUP); outlet_finish
// follows by itself, with a time short enough to end within a second.
typedef void outlet_stop_fn(void *arg);
void outlet_on_stop(outlet_t *self, outlet_stop_fn *fn, void *arg);

// Nothing more will be published: end the loop when all is acknowledged, or after within_ms.
// for_others: also what the dead left, as far as it goes in that time.
void outlet_finish(outlet_t *self, int64_t within_ms, bool for_others);

// Whether what is not acknowledged waits on disk for who comes later, and does not end with
// this program.
bool outlet_keeps(const outlet_t *self);

// Run the loop until it ends. Returns how many events were not acknowledged.
size_t outlet_run(outlet_t *self);

#endif
