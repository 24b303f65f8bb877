// head_watch - connections whose request has not come whole, and since when
// SPDX-License-Identifier: MPL-2.0
//
// libmicrohttpd's own time-out counts inactivity, which a byte every few seconds outlives. All
// connections have the same time, so the one that came first is due first.
#ifndef SSE_HEAD_WATCH_H
#define SSE_HEAD_WATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct head_wait {
    struct head_wait *previous;
    struct head_wait *next;
    bool waiting;
    int64_t since_ms;
    int fd;
} head_wait_t;

// Zeroed is empty.
typedef struct head_watch {
    head_wait_t *first;
    head_wait_t *last;
} head_watch_t;

// The wait is the caller's, zeroed before the first use, and must be removed before it ends.
void head_watch_add(head_watch_t *self, head_wait_t *wait, int64_t now_ms);
void head_watch_remove(head_watch_t *self, head_wait_t *wait);

// Take out one that has waited for limit_ms; NULL when there is none.
head_wait_t *head_watch_expired(head_watch_t *self, int64_t limit_ms, int64_t now_ms);

#endif
