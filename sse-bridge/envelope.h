// envelope - in which form a client is shown events
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_ENVELOPE_H
#define SSE_ENVELOPE_H

typedef enum {
    ENVELOPE_DATA,           // the payload as it was published
    ENVELOPE_CLOUDEVENTS,    // a CloudEvent of which the payload is the data (cloud_event.h)
    ENVELOPES,
} envelope_t;

#endif
