// cursor - a place in the broker's total order, as clients see it
// SPDX-License-Identifier: MPL-2.0
#include "mesh/cursor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { EPOCH_DIGITS = 16 };

void
mesh_cursor_format(const mesh_cursor_t *self, char text[static MESH_CURSOR_SIZE])
{
    snprintf(text, MESH_CURSOR_SIZE, "%016" PRIx64 "-%" PRIu64, self->epoch, self->offset);
}

int
mesh_cursor_parse(mesh_cursor_t *self, const char *text)
{
    assert(self && text);
    mesh_cursor_t parsed = {0, 0};
    for (int i = 0; i < EPOCH_DIGITS; i++) {
        char c = text[i];
        uint64_t value;
        if (c >= '0' && c <= '9')
            value = (uint64_t) (c - '0');
        else if (c >= 'a' && c <= 'f')
            value = (uint64_t) (c - 'a') + 10;
        else
            return -1;
        parsed.epoch = parsed.epoch << 4 | value;
    }
    const char *at = text + EPOCH_DIGITS;
    if (*at++ != '-' || *at == '\0' || (at[0] == '0' && at[1] != '\0'))
        return -1;
    for (; *at; at++) {
        if (*at < '0' || *at > '9')
            return -1;
        uint64_t digit = (uint64_t) (*at - '0');
        if (parsed.offset > (UINT64_MAX - digit) / 10)
            return -1;
        parsed.offset = parsed.offset * 10 + digit;
    }
    *self = parsed;
    return 0;
}
