// group_index - which groups of streams an event may concern, found by its session
// SPDX-License-Identifier: MPL-2.0
//
// A group whose filter takes one session by name is not looked at for events of others: among
// thousands of groups an event costs those that it may concern.
#ifndef SSE_GROUP_INDEX_H
#define SSE_GROUP_INDEX_H

#include "stream_group.h"

typedef struct group_index group_index_t;

group_index_t *group_index_new(void);
void group_index_destroy(group_index_t **self_p);

// A group is borrowed until it is removed. It stands in one index at most.
void group_index_add(group_index_t *self, stream_group_t *group);
void group_index_remove(group_index_t *self, stream_group_t *group);

// The first group that takes this session by name, and the first that takes none by name; NULL
// for none. More follow by next_indexed.
stream_group_t *group_index_of_session(const group_index_t *self, const char *session);
stream_group_t *group_index_of_any(const group_index_t *self);

#endif
