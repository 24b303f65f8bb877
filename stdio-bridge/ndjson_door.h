// ndjson_door - mode ndjson: events that somebody else made, as JSON lines on stdin
// SPDX-License-Identifier: MPL-2.0
#ifndef NDJSON_DOOR_H
#define NDJSON_DOOR_H

#include "mesh/settings.h"

// Publish each line of stdin that is an event (ndjson_event.h) until it ends. A line that is
// none is told on stderr with its number, counted and skipped. Then wait until all is
// acknowledged, for bridge/linger at most. Returns the exit status: 0, or 1 with the number of
// events that no broker took told on stderr.
int ndjson_door_run(const mesh_settings_t *settings);

#endif
