// event_facts - an entry of the ring as filters see it
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_EVENT_FACTS_H
#define SSE_EVENT_FACTS_H

#include "event_ring.h"
#include "filter.h"
#include "session_table.h"

// All members point into the ring and the table, until one of them changes. The caller ends it
// with filter_event_clear.
filter_event_t event_facts(const event_ring_t *ring, const event_ring_entry_t *entry,
                           const session_table_t *sessions);

#endif
