// past_answer - what a broker answers to a replay, for tests of the sse-bridge
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_PAST_ANSWER_H
#define TESTS_PAST_ANSWER_H

#include <stdlib.h>

#include <czmq.h>
#include <jansson.h>

#include "mesh/wire.h"
#include "ring_event.h"

typedef struct past_answer {
    json_t *body;
    zmsg_t *frames;
} past_answer_t;

// The events from after `after` up to `to`, one at each offset, errors; `removed` is the
// highest offset that was removed of that family.
static inline past_answer_t
past_answer(uint64_t after, uint64_t to, uint64_t removed, bool more)
{
    past_answer_t answer = {.frames = zmsg_new()};
    answer.body = json_pack("{s:s, s:I, s:b, s:{s:I}}", "epoch", "00000000000000e9", "to",
                            (json_int_t) to, "more", (int) more, "removed", "errors",
                            (json_int_t) removed);
    uint64_t first = after > removed ? after : removed;
    for (uint64_t offset = first + 1; offset <= to; offset++) {
        ring_event_t event;
        char payload[64];
        int payload_bytes = snprintf(payload, sizeof payload, "{\"n\":%d,\"provider\":\"p%d\"}",
                                     (int) offset, (int) (offset % 2));
        (void) ring_event(&event, "aider.error_occurred", "s-1", payload, offset);
        event.event.header.seq = offset;
        uint8_t head[MESH_WIRE_HEADER_BYTES];
        mesh_wire_encode(&event.event.header, (size_t) payload_bytes, head);
        zmsg_addmem(answer.frames, event.topic, event.event.topic_bytes);
        zframe_t *body = zframe_new(NULL, sizeof head + (size_t) payload_bytes);
        memcpy(zframe_data(body), head, sizeof head);
        memcpy(zframe_data(body) + sizeof head, payload, (size_t) payload_bytes);
        zmsg_append(answer.frames, &body);
    }
    return answer;
}

static inline void
past_answer_clear(past_answer_t *self)
{
    json_decref(self->body);
    zmsg_destroy(&self->frames);
}

#endif
