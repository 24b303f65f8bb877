// link_requests - what a link has asked and was not yet answered; each is answered exactly once
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_LINK_REQUESTS_H
#define MESH_LINK_REQUESTS_H

#include "mesh/link.h"

typedef struct link_requests link_requests_t;

// In place of a deadline: there is no broker, the next expiry answers with code "away".
#define LINK_REQUEST_AWAY INT64_MIN

link_requests_t *link_requests_new(void);

// Answers what is open with "error", code "away", first.
void link_requests_destroy(link_requests_t **self_p);

// Note a request due by deadline_ms (CLOCK_MONOTONIC). Returns its id, from 1, or 0 when 1 000
// are open.
uint64_t link_requests_add(link_requests_t *self, int64_t deadline_ms,
                           mesh_link_reply_fn *reply, void *arg);

// Give the answer to the request with this id, if it is open. body and frames are borrowed.
void link_requests_answer(link_requests_t *self, uint64_t id, const char *verb,
                          const json_t *body, zmsg_t *frames);

// Forget the request without an answer, if it is open.
void link_requests_cancel(link_requests_t *self, uint64_t id);

// Answer "error" to all with this code and message, or to those whose deadline is not after
// now_ms. What is asked anew from within an answer waits for the next time.
void link_requests_fail_all(link_requests_t *self, const char *code, const char *message);
void link_requests_expire(link_requests_t *self, int64_t now_ms);

#endif
