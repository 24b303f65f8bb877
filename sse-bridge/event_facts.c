// event_facts - an entry of the ring as filters see it
// SPDX-License-Identifier: MPL-2.0
#include "event_facts.h"

filter_event_t
event_facts(const event_ring_t *ring, const event_ring_entry_t *entry,
            const session_table_t *sessions)
{
    filter_event_t event = {.type = event_ring_type(ring, entry),
                            .host = event_ring_host(ring, entry),
                            .session = event_ring_session(ring, entry)};
    event.payload = event_ring_payload(ring, entry, &event.payload_bytes);
    event.session_labels = session_table_labels(sessions, event.session);
    return event;
}
