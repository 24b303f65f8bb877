// discovery - the file in which the mesh of this host can be found
// SPDX-License-Identifier: MPL-2.0
//
// A JSON array of entries, readable by the predecessor's clients: each has coordinator_id,
// host, port, transport_type, start_time, last_heartbeat, metadata and streaming_capabilities.
// A broker writes its own entry, of type "zmq" with metadata.endpoints and metadata.lock, and
// one of type "sse" with its HTTP port for each sse-bridge. The file may have other writers,
// who read, change and rewrite it without a lock.
#ifndef MESH_DISCOVERY_H
#define MESH_DISCOVERY_H

#include <jansson.h>

enum {
    MESH_DISCOVERY_LIMIT = 1024 * 1024,    // bytes of the file
    MESH_DISCOVERY_SILENT_S = 30,          // as the predecessor's readers take it
};

// Read the file's entries that have the members every entry must have; others are passed over.
// Returns an array the caller owns, empty when there is no file. A file that cannot be read, is
// too large, or is no JSON array gives an empty array too, with *complaint_p a sentence (the
// caller frees it; else NULL).
json_t *mesh_discovery_read(const char *path, char **complaint_p);

// Replace the file by these entries, atomically (a new file, renamed over it), mode 0600.
// Returns 0, or -1 with *error_p a sentence the caller frees.
int mesh_discovery_write(const char *path, const json_t *entries, char **error_p);

// Whether the writer of an entry lives.
typedef enum {
    MESH_DISCOVERY_LIVE,
    MESH_DISCOVERY_DEAD,      // on this host, and the lock it named is free
    MESH_DISCOVERY_SILENT,    // its lock cannot be seen from here, its heartbeat is too old
} mesh_discovery_life_t;

// Judge an entry that mesh_discovery_read gave: by the lock that metadata.lock describes
// (mesh/lock_file.h), where that is on this host; else by last_heartbeat, which may be
// MESH_DISCOVERY_SILENT_S old at now_s (Unix seconds).
mesh_discovery_life_t mesh_discovery_life(const json_t *entry, double now_s);
const char *mesh_discovery_life_name(mesh_discovery_life_t life);

// Where a broker's entry says that its control socket is, as one who reads the file can connect
// to it: the caller frees it. NULL when the entry is of no broker.
char *mesh_discovery_control_endpoint(const json_t *entry);

#endif
