// family - the kinds of events that retention and cursors tell apart
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_FAMILY_H
#define MESH_FAMILY_H

typedef enum {
    MESH_FAMILY_ERRORS,      // rate limits, errors, throttling
    MESH_FAMILY_PROGRESS,    // aider.session_progress
    MESH_FAMILY_SESSIONS,    // the other aider.*
    MESH_FAMILY_MESH,        // mesh.*
    MESH_FAMILY_OTHER,
    MESH_FAMILIES,
} mesh_family_t;

// The family of an event type. The numbers are kept in journals: they never change.
mesh_family_t mesh_family_of(const char *type);

// Its name in control messages, e.g. "errors".
const char *mesh_family_name(mesh_family_t self);

#endif
