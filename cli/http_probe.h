// http_probe - asks an address again and again until it answers 200
// SPDX-License-Identifier: MPL-2.0
//
// In the loop's thread, never blocking. The address must need no name lookup (a number), which
// would take a thread.
#ifndef CLI_HTTP_PROBE_H
#define CLI_HTTP_PROBE_H

#include <czmq.h>

#include "mesh/settings.h"

typedef struct http_probe http_probe_t;

// Called once, when the address has answered 200.
typedef void http_probe_fn(void *arg);

// Begin to ask. url, of the mesh of these settings, is copied. Never returns NULL.
http_probe_t *http_probe_new(zloop_t *loop, const mesh_settings_t *settings, const char *url,
                             http_probe_fn *answered, void *arg);
void http_probe_destroy(http_probe_t **self_p);

// What the last try came to, for a person: "HTTP status 503", "Couldn't connect to server", "no
// answer yet". Borrowed, valid until the next try.
const char *http_probe_last(const http_probe_t *self);

#endif
