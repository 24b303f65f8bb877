// stream_group - the streams that share one filter, and which entries of the ring match it
// SPDX-License-Identifier: MPL-2.0
//
// Whether an entry matches is worked out once for all streams of the group and kept as one bit
// for each entry of the ring, from a serial (`known_from`) up to the newest. New entries are
// added as they come, or passed over: what was not added does not match. Older ones are added
// backwards, in portions, when a stream goes back to them.
#ifndef SSE_STREAM_GROUP_H
#define SSE_STREAM_GROUP_H

#include "event_ring.h"
#include "event_types.h"
#include "filter.h"
#include "session_table.h"
#include "stream.h"
#include "zipper.h"

// What the streams in step that are sent as gzip get, in one envelope.
typedef struct stream_zip {
    size_t streams;      // how many of the group's there are
    zipper_t *zipper;    // owned; NULL before it is needed
    uint32_t portion;    // number of the last portion it made; 0 is none
} stream_zip_t;

typedef struct stream_group {
    filter_t *filter;    // owned
    uint64_t *bits;      // one for each entry of the ring, by serial % capacity; owned; NULL
                         // until one is set
    size_t capacity;     // of the ring; a multiple of 64
    uint64_t known_from;
    uint64_t known_to;      // no bit is set, or clear, from here on: nothing there matches
    stream_list_t idle;     // streams that have all that matches
    size_t streams;         // all that have this filter
    bool dirty;             // something matched since the streams were last written to
    uint64_t dirty_from;    // ... first at this serial
    stream_zip_t zips[ENVELOPES];
    struct stream_group *next_dirty;
    struct stream_group *next_indexed;    // of group_index
} stream_group_t;

enum {
    // What evaluating costs: a topic one unit, a payload that is parsed many.
    STREAM_GROUP_TOPIC_COST = 1,
    STREAM_GROUP_PAYLOAD_COST = 64,
};

// Takes the filter. Nothing older than the newest entry is known yet.
stream_group_t *stream_group_new(filter_t **filter_p, const event_ring_t *ring);
void stream_group_destroy(stream_group_t **self_p);

// Look at the newest entry, after all that were passed over. event is the same for all groups,
// so that its payload is parsed once. Returns whether it matches.
bool stream_group_add(stream_group_t *self, uint64_t serial, bool everyone,
                      filter_event_t *event);

// Look at older entries until serial down_to is known, or budget is used up; budget is reduced.
// Returns whether it is known.
bool stream_group_look_back(stream_group_t *self, const event_ring_t *ring,
                            const session_table_t *sessions, uint64_t down_to, int64_t *budget);

// An entry is none that matches any more.
void stream_group_forget(stream_group_t *self, uint64_t serial);

// The first match in [from, to), or to. from must be known.
uint64_t stream_group_match(const stream_group_t *self, uint64_t from, uint64_t to);

// How many match in [from, to), and the serial of the nth from the end (1 is the last), which
// is `from` when there are fewer. from must be known.
size_t stream_group_count(const stream_group_t *self, uint64_t from, uint64_t to);
uint64_t stream_group_nth_last(const stream_group_t *self, uint64_t from, uint64_t to,
                               size_t nth);

#endif
