// handover - gives what this broker has kept to another broker of the mesh, before it leaves
// SPDX-License-Identifier: MPL-2.0
//
// First the other is told which sessions this one was told to forget. Then this is
// a publisher of sources that are not its own: each event goes with the source and number it
// came with, so that the other broker sees what it has already, and programs that follow there
// go on where they were. At most SOURCES_AT_ONCE sources are under way at a time, a chunk of
// them within the other's window; the next chunk goes when this one is acknowledged.
#ifndef BROKER_HANDOVER_H
#define BROKER_HANDOVER_H

#include <czmq.h>

#include "forgotten.h"
#include "journal.h"
#include "mesh/settings.h"
#include "mesh/uuid.h"

typedef struct handover handover_t;

// Told from the loop, never from within a call of ours. begun: the other broker has welcomed
// us, and is the one that was meant; from now on the journal must not grow. Then either done,
// all is there, or failed. handover_destroy may be called from within both of them.
typedef struct handover_events {
    void (*begun)(void *arg);
    void (*done)(void *arg, uint64_t events);
    void (*failed)(void *arg, const char *why);
} handover_events_t;

// Begin. endpoint is the other's control socket, other its id. settings, journal, forgotten and
// events are borrowed; of forgotten what is there when it has begun is told. Returns NULL with
// *error_p a sentence the caller frees.
handover_t *handover_new(zloop_t *loop, const mesh_settings_t *settings, const char *host,
                         const char *endpoint, const mesh_uuid_t *other, journal_t *journal,
                         forgotten_t *forgotten, const handover_events_t *events, void *arg,
                         char **error_p);
void handover_destroy(handover_t **self_p);

#endif
