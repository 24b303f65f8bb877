// split_brain - which other brokers of this mesh are there, and which of us stays
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and is told the time (CLOCK_MONOTONIC milliseconds).
#ifndef BROKER_SPLIT_BRAIN_H
#define BROKER_SPLIT_BRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/uuid.h"

typedef struct split_brain split_brain_t;

enum {
    SPLIT_BRAIN_LIMIT = 16,               // other brokers kept in mind
    SPLIT_BRAIN_SILENT_MS = 10 * 1000,    // not heard for so long, a broker is gone
};

split_brain_t *split_brain_new(void);
void split_brain_destroy(split_brain_t **self_p);

// An authentic beacon of another broker of this mesh has come. Returns whether that is news.
bool split_brain_heard(split_brain_t *self, const mesh_uuid_t *other, int64_t now_ms);

// Take out one that is gone. Returns false when there is none.
bool split_brain_gone(split_brain_t *self, mesh_uuid_t *other, int64_t now_ms);

// Whether a broker is to make room for another: the younger does. An id begins with the time of
// its making, so that the lesser is the elder, also where two began in the same millisecond.
bool split_brain_yields(const mesh_uuid_t *own, const mesh_uuid_t *other);

#endif
