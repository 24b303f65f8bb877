// fallback - starts a broker on this host when nothing names a mesh and none is found
// SPDX-License-Identifier: MPL-2.0
//
// The broker is nobody's child, outlives us, and leaves when it is not used. However many
// bridges start at once, one of them starts it: a lock beside its sockets sees to that.
#ifndef FALLBACK_H
#define FALLBACK_H

#include "mesh/link.h"
#include "mesh/settings.h"

typedef struct fallback fallback_t;

// What the decision is made of. Times are CLOCK_MONOTONIC milliseconds.
typedef struct fallback_view {
    bool has_looked;    // every place has been tried
    bool was_up;        // a broker was found before
    int64_t away_ms;    // since none was there
} fallback_view_t;

enum { FALLBACK_AWAY_MS = 30 * 1000 };    // a broker that was there may come back by itself

// Whether a broker should be started now, where nothing names a mesh.
bool fallback_is_due(const fallback_view_t *view);

// Watch the link, and start a broker when that is due. NULL where it never is:
// features/fallback is off, or a seed, a key, a setting or the environment names a mesh. All
// borrowed.
fallback_t *fallback_new(zloop_t *loop, mesh_link_t *link, const mesh_settings_t *settings);
void fallback_destroy(fallback_t **self_p);

#endif
