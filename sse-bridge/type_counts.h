// type_counts - how many events of each known type came; all others are counted together
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_TYPE_COUNTS_H
#define SSE_TYPE_COUNTS_H

#include <stddef.h>
#include <stdint.h>

enum { TYPE_COUNTS_MOST = 64 };    // known types, and one for the others

// Zeroed is ready for use.
typedef struct type_counts {
    uint64_t counts[TYPE_COUNTS_MOST];    // by index of event_type_known; the last: others
} type_counts_t;

// An event came; topic is its first frame, not ended with NUL.
void type_counts_add(type_counts_t *self, const char *topic, size_t topic_bytes);

#endif
