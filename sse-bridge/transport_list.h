// transport_list - the programs of the mesh, as the broker last listed them
// SPDX-License-Identifier: MPL-2.0
//
// The list is asked for after each welcome, and again when an event tells that somebody came or
// went. Belongs to the link's thread.
#ifndef SSE_TRANSPORT_LIST_H
#define SSE_TRANSPORT_LIST_H

#include <jansson.h>

#include "api_query.h"
#include "mesh/link.h"
#include "mesh/wire.h"

typedef struct transport_list transport_list_t;

transport_list_t *transport_list_new(void);
void transport_list_destroy(transport_list_t **self_p);

// Ask by this link, which is borrowed and must outlive the list.
void transport_list_join(transport_list_t *self, mesh_link_t *link);

// A broker has welcomed us; an event came; a second or so is over.
void transport_list_welcomed(transport_list_t *self);
void transport_list_note(transport_list_t *self, const mesh_event_t *event);
void transport_list_tick(transport_list_t *self);

// A page, by transport_id: an object with "transports" and, where there are more,
// "next_cursor"; NULL while the broker has not told. The caller owns it.
json_t *transport_list_page(const transport_list_t *self, const api_query_t *query);

// How many of each transport_type there are, an object that the caller owns; NULL while the
// broker has not told.
json_t *transport_list_counts(const transport_list_t *self);

#endif
