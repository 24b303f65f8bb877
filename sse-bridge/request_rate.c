// request_rate - how many requests each token or address may make to the API
// SPDX-License-Identifier: MPL-2.0
#include "request_rate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

// Each request pushes `full` on by window / requests; the bucket is empty when it lies a whole
// window ahead. Microseconds, so that no part of a request is lost.
typedef struct caller {
    char *name;         // owned
    int64_t full_us;    // when the bucket is full again
    void *place;        // in the order of last requests
} caller_t;

struct request_rate {
    zhashx_t *by_name;    // caller_t, owned
    zlistx_t *order;      // the same; who was here longest ago is first
    uint64_t requests;
    int64_t window_us;
};

static void
caller_destroy(void **item_p)
{
    caller_t *caller = *item_p;
    free(caller->name);
    free(caller);
    *item_p = NULL;
}

request_rate_t *
request_rate_new(uint64_t requests, int64_t window_ms)
{
    assert(window_ms > 0);
    request_rate_t *self = calloc(1, sizeof *self);
    assert(self);
    self->by_name = zhashx_new();
    self->order = zlistx_new();
    zhashx_set_destructor(self->by_name, caller_destroy);
    self->requests = requests;
    self->window_us = window_ms * 1000;
    return self;
}

void
request_rate_destroy(request_rate_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->order);
        zhashx_destroy(&(*self_p)->by_name);
        free(*self_p);
        *self_p = NULL;
    }
}

static caller_t *
caller_of(request_rate_t *self, const char *name)
{
    caller_t *caller = zhashx_lookup(self->by_name, name);
    if (caller) {
        zlistx_move_end(self->order, caller->place);
        return caller;
    }
    if (zhashx_size(self->by_name) >= REQUEST_RATE_CALLERS) {
        const caller_t *oldest = zlistx_first(self->order);
        zlistx_detach(self->order, oldest->place);
        zhashx_delete(self->by_name, oldest->name);
    }
    caller = calloc(1, sizeof *caller);
    assert(caller);
    caller->name = strdup(name);
    assert(caller->name);
    caller->place = zlistx_add_end(self->order, caller);
    zhashx_insert(self->by_name, name, caller);
    return caller;
}

static uint64_t
seconds_up(int64_t us)
{
    return us > 0 ? (uint64_t) ((us + 999999) / 1000000) : 0;
}

request_rate_left_t
request_rate_look(const request_rate_t *self, const char *name, int64_t now_ms)
{
    request_rate_left_t left = {.requests = self->requests, .left = self->requests};
    const caller_t *caller = zhashx_lookup(self->by_name, name);
    int64_t used_us = caller ? caller->full_us - now_ms * 1000 : 0;
    if (used_us > 0) {
        int64_t each_us = self->window_us / (int64_t) self->requests;
        left.left = (uint64_t) ((self->window_us - used_us) / each_us);
        left.full_in_s = seconds_up(used_us);
    }
    return left;
}

request_rate_left_t
request_rate_take(request_rate_t *self, const char *name, int64_t now_ms)
{
    request_rate_left_t left = {.requests = self->requests};
    if (self->requests == 0)
        return left;
    caller_t *caller = caller_of(self, name);
    int64_t now_us = now_ms * 1000;
    int64_t each_us = self->window_us / (int64_t) self->requests;
    if (caller->full_us < now_us)
        caller->full_us = now_us;
    int64_t spare_us = self->window_us - (caller->full_us - now_us);
    if (spare_us < each_us) {
        left.retry_in_s = seconds_up(each_us - spare_us);
    } else {
        caller->full_us += each_us;
        left.left = (uint64_t) ((spare_us - each_us) / each_us);
    }
    left.full_in_s = seconds_up(caller->full_us - now_us);
    return left;
}

size_t
request_rate_callers(const request_rate_t *self)
{
    return zhashx_size(self->by_name);
}
