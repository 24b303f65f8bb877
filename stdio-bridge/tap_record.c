// tap_record - one entry of the tap: which stream, when, what was lost before it, its bytes
// SPDX-License-Identifier: MPL-2.0
#include "tap_record.h"

#include <assert.h>
#include <string.h>

enum { MARK = 0x7A9E };    // tells a header from bytes that happen to lie there

typedef struct header {
    uint32_t length;
    uint8_t kind;
    uint8_t zero;
    uint16_t mark;
    uint64_t time_ns;
    uint64_t lost_bytes;
    int32_t status;
    uint32_t reserved;
} header_t;

static_assert(sizeof(header_t) == TAP_RECORD_HEADER_BYTES, "the header has no padding");

size_t
tap_record_room(size_t length)
{
    size_t room = TAP_RECORD_HEADER_BYTES + length;
    return (room + TAP_RECORD_ALIGNMENT - 1) / TAP_RECORD_ALIGNMENT * TAP_RECORD_ALIGNMENT;
}

void
tap_record_encode(const tap_record_t *self, uint8_t *at)
{
    header_t header = {
        .length = self->length,
        .kind = (uint8_t) self->kind,
        .mark = MARK,
        .time_ns = self->time_ns,
        .lost_bytes = self->lost_bytes,
        .status = self->status,
    };
    memcpy(at, &header, sizeof header);
    if (self->length && self->kind != TAP_PADDING)
        memcpy(at + sizeof header, self->bytes, self->length);
}

size_t
tap_record_decode(tap_record_t *self, const uint8_t *from, size_t size)
{
    header_t header;
    if (size < sizeof header)
        return 0;
    memcpy(&header, from, sizeof header);
    if (header.mark != MARK || header.zero || header.reserved || header.kind > TAP_PADDING)
        return 0;
    size_t length_most = header.kind == TAP_PADDING ? UINT32_MAX : TAP_RECORD_BYTES_MOST;
    if (header.length > length_most || tap_record_room(header.length) > size)
        return 0;
    *self = (tap_record_t){
        .kind = (tap_kind_t) header.kind,
        .time_ns = header.time_ns,
        .lost_bytes = header.lost_bytes,
        .status = header.status,
        .bytes = from + sizeof header,
        .length = header.length,
    };
    return tap_record_room(header.length);
}
