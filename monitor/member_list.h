// member_list - keeps mesh_health's members those that the broker knows
// SPDX-License-Identifier: MPL-2.0
//
// Members come and go by events; the broker's own list is asked for where events may have been
// missed. Belongs to one link and its thread.
#ifndef MONITOR_MEMBER_LIST_H
#define MONITOR_MEMBER_LIST_H

#include <stdint.h>

#include "mesh/link.h"
#include "mesh_health.h"

typedef struct member_list member_list_t;

// Both are borrowed and must outlive the list.
member_list_t *member_list_new(mesh_link_t *link, mesh_health_t *health);
void member_list_destroy(member_list_t **self_p);

// Have the broker's list taken soon.
void member_list_want(member_list_t *self);

// An event of this offset has told of a member.
void member_list_changed(member_list_t *self, uint64_t offset);

// Offsets count anew: the epoch is another one.
void member_list_new_epoch(member_list_t *self);

// Ask the broker, where that is wanted and it is there. Called now and then.
void member_list_tick(member_list_t *self);

#endif
