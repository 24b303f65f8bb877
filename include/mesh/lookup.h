// lookup - where a broker may be, in the order in which to try
// SPDX-License-Identifier: MPL-2.0
//
// The seeds of mesh/seeds, where there are any, and then nothing else: who names a mesh means
// that one. Otherwise the brokers of the discovery file that live, the socket in the runtime
// directory, and the brokers whose beacons were heard. A broker that another one sends us to
// comes before all of them for a while. Knows no sockets and is told the time
// (CLOCK_MONOTONIC milliseconds).
#ifndef MESH_LOOKUP_H
#define MESH_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/endpoints.h"
#include "mesh/settings.h"

typedef struct mesh_lookup mesh_lookup_t;

typedef enum {
    MESH_FOUND_BY_SEED,
    MESH_FOUND_BY_DISCOVERY,
    MESH_FOUND_BY_DEFAULT,    // the socket in the runtime directory
    MESH_FOUND_BY_BEACON,
    MESH_FOUND_BY_FALLBACK,    // that socket, of a broker that was started for want of one
    MESH_FOUND_BY_REDIRECT,    // another broker sent us
} mesh_found_by_t;

// "seed", "discovery", "default", "beacon", "fallback", "redirect".
const char *mesh_found_by_name(mesh_found_by_t by);

typedef struct mesh_candidate {
    char endpoint[MESH_ENDPOINT_LIMIT + 1];    // of the control socket
    mesh_found_by_t by;
} mesh_candidate_t;

enum {
    MESH_LOOKUP_BEACONS_LIMIT = 8,
    MESH_LOOKUP_BEACON_MS = 30 * 1000,    // a broker not heard for so long is no candidate
    MESH_LOOKUP_REDIRECT_MS = 60 * 1000,
};

// settings are borrowed. Returns NULL with *error_p a sentence the caller frees when a seed is
// none or no directory can be used.
mesh_lookup_t *mesh_lookup_new(const mesh_settings_t *settings, char **error_p);
// The same with one place only, which is taken for a seed.
mesh_lookup_t *mesh_lookup_new_at(const mesh_settings_t *settings, const char *endpoint);
void mesh_lookup_destroy(mesh_lookup_t **self_p);

// The next candidate of the round; after the last one, what there is now is gathered anew and a
// new round begins. Never NULL: where nothing is configured, the runtime directory's socket is
// tried. Borrowed until the next call.
const mesh_candidate_t *mesh_lookup_next(mesh_lookup_t *self, int64_t now_ms);

// How many candidates this round has, and how many rounds have been gone through.
size_t mesh_lookup_count(const mesh_lookup_t *self);
uint64_t mesh_lookup_rounds(const mesh_lookup_t *self);

// Begin the next round with the next call.
void mesh_lookup_restart(mesh_lookup_t *self);

// A beacon that is to be obeyed named this endpoint. Returns whether it was not known; then it
// is also the last candidate of this round.
bool mesh_lookup_heard(mesh_lookup_t *self, const char *endpoint, int64_t now_ms);

// A broker says that this endpoint is the one to go to.
void mesh_lookup_redirect(mesh_lookup_t *self, const char *endpoint, int64_t now_ms);

// How the broker that has now taken our connection was found: by, unless it is the one of the
// runtime directory and was started for want of one.
mesh_found_by_t mesh_lookup_found_by(const mesh_lookup_t *self, const char *endpoint,
                                     mesh_found_by_t by);

// Whether anything names a mesh: a seed, a mesh id, a discovery file by setting or environment.
// (A key does too, which the lookup does not know.)
bool mesh_lookup_names_a_mesh(const mesh_settings_t *settings);

#endif
