// announcement - what the mesh is told of this sse-bridge: where it is, and what it streams
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_ANNOUNCEMENT_H
#define SSE_ANNOUNCEMENT_H

#include <stdint.h>

#include <jansson.h>

#include "mesh/settings.h"

// The metadata of our hello, which the broker puts into the discovery file; its
// streaming_capabilities are those that readers of the predecessor's file know. The caller owns
// the object.
json_t *announcement_new(const mesh_settings_t *settings, uint16_t port);

#endif
