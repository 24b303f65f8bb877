// fuzz_tap_record - reading the tap stays within what it was given
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tap_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        tap_record_t record;
        size_t room = tap_record_decode(&record, data + at, size - at);
        if (!room)
            return 0;
        assert(room <= size - at);
        assert(room % TAP_RECORD_ALIGNMENT == 0);
        assert(record.bytes + record.length <= data + at + room);
        if (record.kind != TAP_PADDING) {
            // What was read is written as it was.
            uint8_t *again = calloc(1, room);
            assert(again);
            tap_record_encode(&record, again);
            assert(memcmp(again, data + at, TAP_RECORD_HEADER_BYTES + record.length) == 0);
            free(again);
        }
        at += room;
    }
    return 0;
}
