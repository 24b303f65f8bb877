// ring_event - events as the mesh gives them, for tests of the sse-bridge
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_RING_EVENT_H
#define TESTS_RING_EVENT_H

#include <stdio.h>
#include <string.h>

#include "mesh/topic.h"
#include "mesh/wire.h"

enum { RING_EVENT_EPOCH = 0xe9 };

// Memory for one event's topic.
typedef struct ring_event {
    char topic[MESH_TOPIC_SIZE];
    mesh_event_t event;
} ring_event_t;

// An event of RING_EVENT_EPOCH, recorded offset seconds after the beginning of time. payload is
// borrowed.
static inline const mesh_event_t *
ring_event(ring_event_t *self, const char *type, const char *session, const char *payload,
           uint64_t offset)
{
    memset(self, 0, sizeof *self);
    self->event.topic = self->topic;
    self->event.topic_bytes = mesh_topic_format(self->topic, type, "here", session);
    self->event.payload = payload;
    self->event.payload_bytes = strlen(payload);
    self->event.header.epoch = RING_EVENT_EPOCH;
    self->event.header.offset = offset;
    self->event.header.covers = 1;
    self->event.header.source = (mesh_uuid_t){{0x01, 0x90, [15] = 0x0F}};
    self->event.header.seq = offset > 0 ? offset : 1;
    self->event.header.timestamp_us = (int64_t) offset * 1000000 + 7;
    self->event.header.recorded_us = (int64_t) offset * 1000000;
    return &self->event;
}

#endif
