// order - gives each event its place: offset, previous, recorded, late
// SPDX-License-Identifier: MPL-2.0
#include "order.h"

order_t
order_after(uint64_t epoch, uint64_t head)
{
    return (order_t){.epoch = epoch, .head = head, .recorded_us = INT64_MIN};
}

void
order_place(order_t *self, mesh_header_t *header, int64_t now_us)
{
    if (now_us > self->recorded_us)
        self->recorded_us = now_us;
    header->epoch = self->epoch;
    header->previous = self->head;
    header->offset = ++self->head;
    header->recorded_us = self->recorded_us;
    // Timestamps are foreign: written so that no value of them can overflow.
    int64_t late_before_us = self->recorded_us - ORDER_LATE_US;
    header->flags = header->timestamp_us < late_before_us ? MESH_WIRE_LATE : 0;
}
