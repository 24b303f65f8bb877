// order - gives each event its place: offset, previous, recorded, late
// SPDX-License-Identifier: MPL-2.0
#include "order.h"

order_t
order_after(uint64_t epoch, uint64_t head, int64_t recorded_us)
{
    return (order_t){.epoch = epoch, .head = head, .recorded_us = recorded_us};
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
    // By the clock, not by recorded: after a clock was set back recorded stays ahead of it, and
    // what happens now is not late for that. Timestamps are foreign: written so that no value
    // of them can overflow.
    int64_t late_before_us = now_us - ORDER_LATE_US;
    header->flags = header->timestamp_us < late_before_us ? MESH_WIRE_LATE : 0;
}
