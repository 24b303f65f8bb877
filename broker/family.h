// family - the kinds of events that retention and cursors tell apart
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_FAMILY_H
#define BROKER_FAMILY_H

typedef enum {
    FAMILY_ERRORS,      // rate limits, errors, throttling
    FAMILY_PROGRESS,    // aider.session_progress
    FAMILY_SESSIONS,    // the other aider.*
    FAMILY_MESH,        // mesh.*
    FAMILY_OTHER,
    FAMILIES,
} family_t;

// The family of an event type. The numbers are kept in journals: they never change.
family_t family_of(const char *type);

// Its name in control messages, e.g. "errors".
const char *family_name(family_t self);

#endif
