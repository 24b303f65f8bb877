// record - one ordered event as it goes to subscribers
// SPDX-License-Identifier: MPL-2.0
#include "record.h"

#include <assert.h>
#include <czmq.h>

record_t *
record_new(uint64_t offset, const void *topic, size_t topic_bytes, const void *body,
           size_t body_bytes)
{
    assert(topic_bytes <= UINT32_MAX && body_bytes <= UINT32_MAX);
    // Not zmalloc: all of it is written here, and calloc passes by the allocator's cache, which
    // has the place of the record that just made room.
    record_t *self = malloc(sizeof *self + topic_bytes + body_bytes);
    assert(self);
    self->holders = 1;
    self->offset = offset;
    self->topic_bytes = (uint32_t) topic_bytes;
    self->body_bytes = (uint32_t) body_bytes;
    memcpy(self->bytes, topic, topic_bytes);
    memcpy(self->bytes + topic_bytes, body, body_bytes);
    return self;
}

record_t *
record_hold(record_t *self)
{
    assert(self->holders < UINT32_MAX);
    self->holders++;
    return self;
}

void
record_release(record_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        record_t *self = *self_p;
        assert(self->holders > 0);
        if (--self->holders == 0)
            free(self);
        *self_p = NULL;
    }
}

const void *
record_topic(const record_t *self)
{
    return self->bytes;
}

const void *
record_body(const record_t *self)
{
    return self->bytes + self->topic_bytes;
}

size_t
record_cost(const record_t *self)
{
    return sizeof *self + self->topic_bytes + self->body_bytes;
}
