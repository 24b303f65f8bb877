// terminal_text - what a person would read of the bytes sent to a terminal
// SPDX-License-Identifier: MPL-2.0
#include "terminal_text.h"

#include <assert.h>
#include <czmq.h>
#include <stdint.h>
#include <string.h>

enum { ESC = 0x1b, BEL = 0x07, REPLACEMENT = 0xfffd };

struct terminal_text {
    uint32_t *cells;    // owned; one character each, as on one row of a screen
    size_t cell_capacity;
    char *text;    // owned
    size_t text_capacity;
};

terminal_text_t *
terminal_text_new(void)
{
    return zmalloc(sizeof(terminal_text_t));
}

void
terminal_text_destroy(terminal_text_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->cells);
        free((*self_p)->text);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
reserve(terminal_text_t *self, size_t size)
{
    // A byte is at most one cell, and a cell at most three bytes of text more than its source:
    // one bad byte becomes the three bytes of U+FFFD.
    if (self->text_capacity < size * 3 + 1) {
        free(self->text);
        self->text_capacity = size * 3 + 1;
        self->text = zmalloc(self->text_capacity);
    }
}

static void
reserve_cells(terminal_text_t *self, size_t size)
{
    if (self->cell_capacity < size) {
        free(self->cells);
        self->cell_capacity = size;
        self->cells = zmalloc(size * sizeof *self->cells);
    }
}

// Most lines are plain already.
static bool
is_plain(const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((at[i] < 0x20 && at[i] != '\t') || at[i] >= 0x7f)
            return false;
    }
    return true;
}

// Bytes of the escape sequence at `at`, which begins with ESC; all of them when it is cut
// short.
static size_t
escape_size(const unsigned char *at, size_t size)
{
    if (size < 2)
        return size;
    size_t i = 2;
    switch (at[1]) {
    case '[':    // CSI: parameters and intermediates, then one final byte
        while (i < size && at[i] >= 0x20 && at[i] <= 0x3f)
            i++;
        return i < size && at[i] >= 0x40 && at[i] <= 0x7e ? i + 1 : i;
    case ']':    // OSC, DCS, SOS, PM and APC run to BEL or ESC backslash
    case 'P':
    case 'X':
    case '^':
    case '_':
        for (; i < size; i++) {
            if (at[i] == BEL)
                return i + 1;
            if (at[i] == ESC)
                return i + 1 < size && at[i + 1] == '\\' ? i + 2 : i;
        }
        return size;
    default:    // intermediates, then one final byte
        i = 1;
        while (i < size && at[i] >= 0x20 && at[i] <= 0x2f)
            i++;
        return i < size && at[i] >= 0x30 && at[i] <= 0x7e ? i + 1 : i;
    }
}

// Decode one character; *used is at least 1. Overlong forms, surrogates and values past
// U+10FFFF are not UTF-8.
static uint32_t
decode(const unsigned char *at, size_t size, size_t *used)
{
    *used = 1;
    if (at[0] < 0x80)
        return at[0];
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || size < length)
        return REPLACEMENT;
    uint32_t value = at[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        value = value << 6 | (at[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return REPLACEMENT;
    *used = length;
    return value;
}

static char *
encode(char *to, uint32_t value)
{
    if (value < 0x80) {
        *to++ = (char) value;
    } else if (value < 0x800) {
        *to++ = (char) (0xc0 | value >> 6);
        *to++ = (char) (0x80 | (value & 0x3f));
    } else if (value < 0x10000) {
        *to++ = (char) (0xe0 | value >> 12);
        *to++ = (char) (0x80 | (value >> 6 & 0x3f));
        *to++ = (char) (0x80 | (value & 0x3f));
    } else {
        *to++ = (char) (0xf0 | value >> 18);
        *to++ = (char) (0x80 | (value >> 12 & 0x3f));
        *to++ = (char) (0x80 | (value >> 6 & 0x3f));
        *to++ = (char) (0x80 | (value & 0x3f));
    }
    return to;
}

// A control character that no terminal shows, C1 ones included.
static bool
is_control(uint32_t value)
{
    return (value < 0x20 && value != '\t') || (value >= 0x7f && value < 0xa0);
}

// Write the bytes on one row, as a terminal would. Returns how many cells the row has.
static size_t
draw(terminal_text_t *self, const unsigned char *at, size_t size)
{
    reserve_cells(self, size);
    size_t cursor = 0;
    size_t width = 0;
    size_t i = 0;
    while (i < size) {
        if (at[i] == ESC) {
            // "Erase the line", which follows a carriage return when a spinner is cleared.
            if (size - i >= 3 && at[i + 1] == '[' && (at[i + 2] == 'K' || at[i + 2] == '2'))
                width = at[i + 2] == 'K' ? cursor : width;
            i += escape_size(at + i, size - i);
        } else if (at[i] == '\r') {
            cursor = 0;
            i++;
        } else if (at[i] == '\b') {
            cursor -= cursor > 0;
            i++;
        } else {
            size_t used;
            uint32_t value = decode(at + i, size - i, &used);
            i += used;
            if (is_control(value))
                continue;
            self->cells[cursor++] = value;
            if (cursor > width)
                width = cursor;
        }
    }
    return width;
}

const char *
terminal_text_plain(terminal_text_t *self, const char *bytes, size_t size, size_t *length)
{
    assert(self);
    assert(bytes || size == 0);
    const unsigned char *at = (const unsigned char *) bytes;
    reserve(self, size);
    char *to = self->text;
    if (is_plain(at, size)) {
        if (size > 0)
            memcpy(to, bytes, size);
        to += size;
    } else {
        size_t width = draw(self, at, size);
        for (size_t i = 0; i < width; i++)
            to = encode(to, self->cells[i]);
    }
    *to = '\0';
    if (length)
        *length = (size_t) (to - self->text);
    return self->text;
}
