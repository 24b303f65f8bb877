// topics - what topic frames say, remembered for those that come again
// SPDX-License-Identifier: MPL-2.0
//
// A session's events come under a few topics, each read anew costs as much as the rest of
// taking an event in.
#ifndef BROKER_TOPICS_H
#define BROKER_TOPICS_H

#include <stdbool.h>
#include <stddef.h>

#include "mesh/family.h"
#include "mesh/topic.h"

typedef struct topics topics_t;

// What is known of a topic.
typedef struct topics_entry {
    mesh_topic_t parts;
    mesh_family_t family;
    bool reserved;    // for the broker, or an sse-bridge: a publisher may not use it
} topics_entry_t;

topics_t *topics_new(void);
void topics_destroy(topics_t **self_p);

// What a topic frame says; borrowed until the next call. NULL when it is no topic.
const topics_entry_t *topics_read(topics_t *self, const void *text, size_t bytes);

#endif
