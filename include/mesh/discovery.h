// discovery - the file in which the mesh of this host can be found
// SPDX-License-Identifier: MPL-2.0
//
// A JSON array of entries, readable by the predecessor's clients: each has coordinator_id,
// host, port, transport_type, start_time, last_heartbeat, metadata and streaming_capabilities.
// The broker is the only writer: its own entry is of type "zmq" with metadata.endpoints, each
// sse-bridge's of type "sse" with its HTTP port.
#ifndef MESH_DISCOVERY_H
#define MESH_DISCOVERY_H

#include <jansson.h>

enum { MESH_DISCOVERY_LIMIT = 1024 * 1024 };    // bytes of the file

// Read the file's entries that have the members every entry must have; others are passed over.
// Returns an array the caller owns, empty when there is no file. A file that cannot be read, is
// too large, or is no JSON array gives an empty array too, with *complaint_p a sentence (the
// caller frees it; else NULL).
json_t *mesh_discovery_read(const char *path, char **complaint_p);

// Replace the file by these entries, atomically (a new file, renamed over it), mode 0600.
// Returns 0, or -1 with *error_p a sentence the caller frees.
int mesh_discovery_write(const char *path, const json_t *entries, char **error_p);

// The control endpoint of the youngest broker in entries whose heartbeat is at most max_age_s
// old at now_s (Unix seconds), of equally young ones that with the newest heartbeat; NULL when
// there is none. Borrowed from entries.
const char *mesh_discovery_control_endpoint(const json_t *entries, double now_s,
                                            double max_age_s);

#endif
