// event_reader - the few members of an event's payload that the monitor needs
// SPDX-License-Identifier: MPL-2.0
#ifndef MONITOR_EVENT_READER_H
#define MONITOR_EVENT_READER_H

#include <stddef.h>

#include "observation.h"

typedef enum {
    EVENT_READER_READ,       // *observation is set
    EVENT_READER_IGNORED,    // an event that tells the monitor nothing
    EVENT_READER_REFUSED,    // no JSON object, a member of the wrong kind, an id that is
                             // missing, too long or has control characters
} event_reader_outcome_t;

// Read the payload of an event of this type. An id that does not fit is refused, since two cut
// ids could be one; a descriptive text that does not fit is cut at a character's end. Nothing
// is kept of payload.
event_reader_outcome_t event_reader_read(observation_t *observation, const char *type,
                                         const char *payload, size_t payload_bytes);

#endif
