// observation - what the monitor takes from one event of the mesh
// SPDX-License-Identifier: MPL-2.0
#ifndef MONITOR_OBSERVATION_H
#define MONITOR_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "throttling.h"

enum {
    OBSERVATION_ID_SIZE = 129,      // session, request, correlation, transport: 128 bytes
    OBSERVATION_HOST_SIZE = 256,    // 255 bytes
    OBSERVATION_WORD_SIZE = 65,     // provider, stage, transport type: 64 bytes
    OBSERVATION_MODEL_SIZE = 129,
};

typedef enum {
    OBSERVED_REQUEST_STARTED,
    OBSERVED_REQUEST_COMPLETED,
    OBSERVED_SESSION_COMPLETED,
    OBSERVED_PROGRESS,         // any stage but "waiting"
    OBSERVED_STILL_WAITING,    // stage "waiting": the bridge lives, the request does not move
    OBSERVED_RETRY,            // a refusal or error after which AIDER tries again
    OBSERVED_FAILURE,          // one after which it does not
    OBSERVED_WAITING_FOR_INPUT,      // a person is asked
    OBSERVED_THROTTLING_DETECTED,    // said by a monitor: another one, or this one's
                                     // predecessor
    OBSERVED_THROTTLING_CLEARED,
    OBSERVED_SESSION_FORGOTTEN,    // its session is no more
    OBSERVED_TRANSPORT_JOINED,
    OBSERVED_TRANSPORT_LEFT,
    OBSERVED_TRANSPORT_LOST,
} observed_t;

// What an event does not say is "" or 0.
typedef struct observation {
    observed_t what;
    char session[OBSERVATION_ID_SIZE];
    char request[OBSERVATION_ID_SIZE];
    char correlation[OBSERVATION_ID_SIZE];
    char host[OBSERVATION_HOST_SIZE];
    char provider[OBSERVATION_WORD_SIZE];
    char model[OBSERVATION_MODEL_SIZE];
    char stage[OBSERVATION_WORD_SIZE];
    int64_t attempt;
    bool streaming;     // of progress: the reply has begun
    bool overloaded;    // of a retry: the provider says it is overloaded

    throttling_step_t step;    // of OBSERVED_THROTTLING_DETECTED
    diagnosis_t diagnosis;

    char transport_id[OBSERVATION_ID_SIZE];    // of OBSERVED_TRANSPORT_...
    char transport_type[OBSERVATION_WORD_SIZE];
} observation_t;

#endif
