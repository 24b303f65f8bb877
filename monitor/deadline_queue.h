// deadline_queue - what is due next, of many
// SPDX-License-Identifier: MPL-2.0
//
// A binary heap: adding, moving and removing cost O(log n), looking costs nothing. Items say
// where they stand by a deadline_t inside them. Times are CLOCK_MONOTONIC milliseconds.
#ifndef MONITOR_DEADLINE_QUEUE_H
#define MONITOR_DEADLINE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

typedef struct deadline_queue deadline_queue_t;

// A part of an item; zero before the first use. item is the owner's to set, the rest is the
// queue's.
typedef struct deadline {
    void *item;    // borrowed
    int64_t due_ms;
    size_t place;    // 1 and up; 0 is not in a queue
} deadline_t;

deadline_queue_t *deadline_queue_new(void);

// End the queue. Its items are not touched.
void deadline_queue_destroy(deadline_queue_t **self_p);

// Add the deadline, or move it when it is in the queue. It stays the caller's and must be
// removed before it ends.
void deadline_queue_set(deadline_queue_t *self, deadline_t *deadline, int64_t due_ms);

// Remove the deadline. Does nothing when it is not in the queue.
void deadline_queue_remove(deadline_queue_t *self, deadline_t *deadline);

// The earliest deadline, or NULL when the queue is empty. It stays in the queue.
deadline_t *deadline_queue_first(const deadline_queue_t *self);

#endif
