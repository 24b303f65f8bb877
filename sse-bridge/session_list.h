// session_list - the sessions that events told of, as the API shows them
// SPDX-License-Identifier: MPL-2.0
//
// Bounded: where there is no room the session that has ended and began longest ago goes first,
// then the one that began longest ago.
#ifndef SSE_SESSION_LIST_H
#define SSE_SESSION_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "api_query.h"
#include "filter.h"
#include "mesh/wire.h"

typedef struct session_list session_list_t;

session_list_t *session_list_new(size_t limit);
void session_list_destroy(session_list_t **self_p);

// An event came, of a session or not. Payloads are looked into only where a session starts,
// ends, or is forgotten.
void session_list_note(session_list_t *self, const mesh_event_t *event);

// A page of what the query asks for and its scopes allow, the session that began last first:
// an object with "sessions" and, where there are more, "next_cursor". The caller owns it.
json_t *session_list_page(session_list_t *self, const api_query_t *query);

// One session; NULL when it is not known, or not for these scopes. The caller owns it.
json_t *session_list_one(session_list_t *self, const char *session, const api_query_t *query);

// The sessions that have not ended and that the filter is about (filter_takes_session), as the
// text of a JSON array of the same rows, in the same order: at most `most` of them, in at most
// most_bytes; where one does not fit, none after it is there either. The caller frees the text;
// *left_out is how many there are besides.
char *session_list_live(session_list_t *self, const filter_t *filter, size_t most,
                        size_t most_bytes, size_t *text_bytes, size_t *left_out);

size_t session_list_size(const session_list_t *self);

#endif
