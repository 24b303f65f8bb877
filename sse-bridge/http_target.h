// http_target - the path and query of a request, and the ticket in it
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_HTTP_TARGET_H
#define SSE_HTTP_TARGET_H

#include <stddef.h>

#include "ticket.h"

typedef struct http_target {
    const char *path;    // borrowed, as all below but the two arrays
    size_t path_bytes;
    const char *query;           // what follows '?', or NULL
    char ticket[TICKET_SIZE];    // "" for none
    char *plain;                 // owned: path and query without ticket and last_event_id
} http_target_t;

// Take a target apart. base_path ("" or "/mesh", without a slash at its end) is taken off the
// path where it stands: some proxies take it off themselves. The caller ends it with
// http_target_clear.
void http_target_parse(http_target_t *self, const char *target, const char *base_path);
void http_target_clear(http_target_t *self);

#endif
