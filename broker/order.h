// order - gives each event its place: offset, previous, recorded, late
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_ORDER_H
#define BROKER_ORDER_H

#include <stdint.h>

#include "mesh/wire.h"

enum {
    ORDER_LATE_US = 60 * 1000000
};    // arrived so much after its timestamp, by our clock, an event is late

typedef struct order {
    uint64_t epoch;
    uint64_t head;          // the last offset given
    int64_t recorded_us;    // the last one given: recorded never decreases, whatever the wall
                            // clock does
} order_t;

// Continue after head in this epoch, and not before recorded_us (INT64_MIN for no bound).
order_t order_after(uint64_t epoch, uint64_t head, int64_t recorded_us);

// Set the broker's members of the header; now_us is the wall clock, Unix microseconds.
void order_place(order_t *self, mesh_header_t *header, int64_t now_us);

#endif
