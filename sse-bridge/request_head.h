// request_head - what the head of a request says of its body, and of itself
// SPDX-License-Identifier: MPL-2.0
//
// All of these may be asked once libmicrohttpd has the whole head.
#ifndef SSE_REQUEST_HEAD_H
#define SSE_REQUEST_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include <microhttpd.h>

// Whether a body follows.
bool request_head_has_body(struct MHD_Connection *connection);

// The length of the body that the head announces; SIZE_MAX when it announces none, or no
// number.
size_t request_head_body_bytes(struct MHD_Connection *connection);

// How long the head is.
size_t request_head_bytes(struct MHD_Connection *connection);

// A sentence that says why the head is refused, see head_rules.h; NULL when it is not.
const char *request_head_problem(struct MHD_Connection *connection);

#endif
