// page_matches - which entries of a page match which filters, each worked out once
// SPDX-License-Identifier: MPL-2.0
//
// Streams and answers with the same filter that read the same page share what was worked out,
// as those in the ring do by stream_group. Bounded: the filter that was not asked for the
// longest makes room, and is worked out again if it comes back.
#ifndef SSE_PAGE_MATCHES_H
#define SSE_PAGE_MATCHES_H

#include "event_ring.h"
#include "filter.h"
#include "session_table.h"

enum { PAGE_MATCHES_FILTERS = 64 };    // a page knows; each takes two bits for each entry

typedef struct page_matches page_matches_t;
typedef struct page_match page_match_t;    // of one filter

// ring holds the page's entries, from serial 0 on, and no more come; borrowed.
page_matches_t *page_matches_new(const event_ring_t *ring);
void page_matches_destroy(page_matches_t **self_p);

// What is known of a filter, sealed and borrowed. Valid until the next call.
page_match_t *page_matches_of(page_matches_t *self, const filter_t *filter);

// Whether an entry matches; *budget (evaluations, see stream_group.h) is reduced, by what it
// costs where it had to be worked out.
bool page_match_entry(page_match_t *self, uint64_t serial, const session_table_t *sessions,
                      int64_t *budget);

#endif
