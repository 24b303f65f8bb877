// request_rate - how many requests each token or address may make to the API
// SPDX-License-Identifier: MPL-2.0
//
// A bucket each, of `requests` that come back evenly over `window_ms`. Callers beyond the limit
// of the table push out the one that was here longest ago. Knows no sockets and is told the
// time (CLOCK_MONOTONIC ms).
#ifndef SSE_REQUEST_RATE_H
#define SSE_REQUEST_RATE_H

#include <stddef.h>
#include <stdint.h>

enum { REQUEST_RATE_CALLERS = 10000 };

typedef struct request_rate request_rate_t;

// What a caller has left, after the request that was counted.
typedef struct request_rate_left {
    uint64_t requests;    // that a full bucket has; 0 where nothing is limited
    uint64_t left;
    uint64_t full_in_s;     // until the bucket is full again
    uint64_t retry_in_s;    // until the next request is answered; 0 when this one is
} request_rate_left_t;

// requests 0 limits nothing.
request_rate_t *request_rate_new(uint64_t requests, int64_t window_ms);
void request_rate_destroy(request_rate_t **self_p);

// Count a request of a caller.
request_rate_left_t request_rate_take(request_rate_t *self, const char *caller, int64_t now_ms);

// What a caller has left, without counting.
request_rate_left_t request_rate_look(const request_rate_t *self, const char *caller,
                                      int64_t now_ms);

size_t request_rate_callers(const request_rate_t *self);

#endif
