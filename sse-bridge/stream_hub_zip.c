// stream_hub_zip - what streams that are sent as gzip get, and that it is made once for a group
// SPDX-License-Identifier: MPL-2.0
//
// Streams in step all get the same bytes, made by their group's zipper for their envelope.
// Whoever has anything else in between (its own words, what it was behind with) has that as
// portions by themselves, and comes back to the group where its zipper begins anew.
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <sys/socket.h>

#include "event_frame.h"
#include "stream_hub_private.h"

enum {
    // Of events, before they are made smaller, in one portion: more only when one event is.
    GROUP_BYTES = 64 * 1024,
    OWN_BYTES = 16 * 1024,
};

static stream_zip_t *
zip_of(const stream_t *stream)
{
    return &stream->group->zips[stream->envelope];
}

void
stream_hub_use_gzip(stream_hub_t *self, stream_t *stream)
{
    assert(stream->state == STREAM_ADMITTED && !stream->zipped);
    stream->zipped = true;
    zip_of(stream)->streams++;
    self->stats.zipped++;
}

void
stream_hub_forget_gzip(stream_hub_t *self, stream_t *stream)
{
    if (!stream->zipped)
        return;
    self->stats.zipped--;
    if (--zip_of(stream)->streams == 0)
        zipper_destroy(&zip_of(stream)->zipper);
}

// Put an entry into a portion. Returns how long its frame is.
static size_t
put_entry(zipper_t *zipper, const event_ring_t *ring, uint64_t serial, envelope_t envelope)
{
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    size_t bytes;
    const char *frame =
        event_ring_shown(ring, event_ring_entry(ring, serial), envelope, &bytes, &hold);
    zipper_put(zipper, frame, bytes);
    return bytes;
}

// Put what matches from a serial on into a portion, up to so many bytes. Returns where to go
// on.
static uint64_t
put_events(stream_hub_t *self, const stream_group_t *group, envelope_t envelope,
           zipper_t *zipper, uint64_t from, size_t most_bytes, size_t *count)
{
    uint64_t next = event_ring_next(self->ring);
    uint64_t serial = stream_group_match(group, from, next);
    size_t bytes = 0;
    *count = 0;
    while (serial < next && *count < STREAM_WRITER_EVENTS && bytes < most_bytes) {
        bytes += put_entry(zipper, self->ring, serial, envelope);
        (*count)++;
        serial = stream_group_match(group, serial + 1, next);
    }
    return serial;
}

static zipper_t *
own_zipper(stream_hub_t *self)
{
    if (!self->zipper)
        self->zipper = zipper_new();
    zipper_begin_anew(self->zipper);
    return self->zipper;
}

// Keep a portion, or the rest of one, for a stream. Returns 0, or -1 when too much is kept
// already, for which the stream is to be cut.
static int
keep(stream_hub_t *self, stream_t *stream, const char *bytes, size_t count)
{
    if (self->zipped_bytes + count > STREAM_HUB_ZIPPED_BYTES) {
        self->stats.cut++;
        return -1;
    }
    stream_add_own(stream, bytes, count);
    stream->rest_bytes += count;
    self->zipped_bytes += count;
    return 0;
}

void
stream_hub_say(stream_hub_t *self, stream_t *stream, const char *bytes, size_t count)
{
    if (!stream->zipped) {
        stream_add_own(stream, bytes, count);
        return;
    }
    zipper_t *zipper = own_zipper(self);
    zipper_put(zipper, bytes, count);
    const char *portion = zipper_flush(zipper, &count);
    stream_add_own(stream, portion, count);
    stream->portion = 0;
}

void
stream_hub_comment(stream_hub_t *self, stream_t *stream)
{
    if (stream->zipped)
        stream_hub_say(self, stream, EVENT_FRAME_COMMENT, strlen(EVENT_FRAME_COMMENT));
    else
        stream_set_own(stream, EVENT_FRAME_COMMENT);
}

void
stream_hub_drop_rest(stream_hub_t *self, stream_t *stream)
{
    size_t *kept = stream->zipped ? &self->zipped_bytes : &self->rest_bytes;
    *kept -= stream->rest_bytes;
    stream->rest_bytes = 0;
    self->snapshot_bytes -= stream->snapshot_bytes;
    stream->snapshot_bytes = 0;
}

void
stream_hub_zip_ahead(stream_hub_t *self, stream_t *stream)
{
    if (!stream->zipped || stream->state != STREAM_OPEN || stream_own_left(stream) > 0)
        return;
    zipper_t *zipper = own_zipper(self);
    size_t count;
    stream->position = put_events(self, stream->group, (envelope_t) stream->envelope, zipper,
                                  stream->position, OWN_BYTES, &count);
    if (count == 0)
        return;
    self->stats.written.events += count;
    stream->portion = 0;
    size_t bytes;
    const char *portion = zipper_flush(zipper, &bytes);
    if (keep(self, stream, portion, bytes) != 0)
        stream_hub_end(self, stream, true);
}

size_t
stream_hub_zip_entries(stream_hub_t *self, stream_t *stream, const event_ring_t *ring,
                       const uint64_t serials[], size_t count)
{
    zipper_t *zipper = own_zipper(self);
    size_t bytes = 0;
    size_t at = 0;
    while (at < count && bytes < OWN_BYTES)
        bytes += put_entry(zipper, ring, serials[at++], (envelope_t) stream->envelope);
    stream->portion = 0;
    const char *portion = zipper_flush(zipper, &bytes);
    if (keep(self, stream, portion, bytes) != 0)
        return 0;
    self->stats.written.events += at;
    return at;
}

// Send a portion of its group to a stream in step, which has it then, or keeps the rest.
static void
give(stream_hub_t *self, stream_t *stream, const char *portion, size_t bytes)
{
    ssize_t written = 0;
    if (!stream->pulled) {
        do
            written = send(stream->fd, portion, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (written < 0 && errno == EINTR);
        self->stats.written.calls++;
    }
    if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        stream_hub_end(self, stream, false);
        return;
    }
    size_t sent = written > 0 ? (size_t) written : 0;
    self->stats.written.bytes += sent;
    if (sent > 0)
        stream->written_ms = self->now_ms;
    if (sent == bytes)
        return;
    if (keep(self, stream, portion + sent, bytes - sent) != 0) {
        stream_hub_end(self, stream, true);
        return;
    }
    stream_hub_fall_behind(self, stream, &self->blocked);
    if (stream->pulled)
        self->owner->has_some(self->arg, stream);
}

// Whether a stream waits for what its group's zipper of an envelope makes of the events from a
// serial on.
static bool
listens(const stream_t *stream, envelope_t envelope, uint64_t from)
{
    return stream->zipped && stream->envelope == envelope && stream->position <= from;
}

// Whether there is such a stream, and whether one of them has not had all that the zipper made
// since it began.
static bool
look_who_listens(const stream_group_t *group, envelope_t envelope, uint64_t from, bool *anew)
{
    bool any = false;
    *anew = false;
    for (const stream_t *stream = group->idle.first; stream; stream = stream->next) {
        bool one = listens(stream, envelope, from);
        any |= one;
        *anew |= one && stream->portion != group->zips[envelope].portion;
    }
    return any;
}

// Those who came into step when the group had news already may have some of it: they get the
// rest by themselves, and have all there is when they are in step again.
static void
bring_up(stream_hub_t *self, stream_group_t *group, int64_t *budget)
{
    stream_t *last = group->idle.last;
    for (stream_t *stream = group->idle.first, *next; stream; stream = next) {
        next = stream == last ? NULL : stream->next;
        if (stream->zipped && stream->position > group->dirty_from)
            stream_hub_advance(self, stream, budget);
    }
}

static void
zip_envelope(stream_hub_t *self, stream_group_t *group, envelope_t envelope)
{
    stream_zip_t *zip = &group->zips[envelope];
    bool anew;
    uint64_t from = group->dirty_from;
    while (from < event_ring_next(self->ring) &&
           look_who_listens(group, envelope, from, &anew)) {
        if (!zip->zipper)
            zip->zipper = zipper_new();
        if (anew)
            zipper_begin_anew(zip->zipper);
        uint64_t begin = from;
        size_t count;
        from = put_events(self, group, envelope, zip->zipper, from, GROUP_BYTES, &count);
        if (count == 0)
            break;
        size_t bytes;
        const char *portion = zipper_flush(zip->zipper, &bytes);
        zip->portion += zip->portion == UINT32_MAX ? 2 : 1;    // never 0
        for (stream_t *stream = group->idle.first, *next; stream; stream = next) {
            next = stream->next;
            if (!listens(stream, envelope, begin))
                continue;
            stream->position = from;
            stream->portion = zip->portion;
            self->stats.written.events += count;
            give(self, stream, portion, bytes);
        }
    }
}

void
stream_hub_zip_group(stream_hub_t *self, stream_group_t *group, int64_t *budget)
{
    bool brought = false;
    for (int at = 0; at < ENVELOPES; at++) {
        if (group->zips[at].streams == 0)
            continue;
        if (!brought)
            bring_up(self, group, budget);
        brought = true;
        zip_envelope(self, group, (envelope_t) at);
    }
}
