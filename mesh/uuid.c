// uuid - UUID version 7 (RFC 9562): sources, sessions, requests
// SPDX-License-Identifier: MPL-2.0
#include "mesh/uuid.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

mesh_uuid_t
mesh_uuid_new(void)
{
    mesh_uuid_t self;
    if (getrandom(self.bytes, sizeof self.bytes, 0) != (ssize_t) sizeof self.bytes)
        abort();

    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t unix_ms = (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
    for (int i = 0; i < 6; i++)
        self.bytes[i] = (uint8_t) (unix_ms >> (40 - 8 * i));
    self.bytes[6] = (uint8_t) ((self.bytes[6] & 0x0f) | 0x70);
    self.bytes[8] = (uint8_t) ((self.bytes[8] & 0x3f) | 0x80);
    return self;
}

void
mesh_uuid_format(const mesh_uuid_t *self, char text[static MESH_UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;
    for (int i = 0; i < MESH_UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[self->bytes[i] >> 4];
        *at++ = digits[self->bytes[i] & 0x0f];
    }
    *at = '\0';
}

static int
digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int
mesh_uuid_parse(mesh_uuid_t *self, const char *text)
{
    assert(self && text);
    mesh_uuid_t parsed;
    const char *at = text;
    for (int i = 0; i < MESH_UUID_BYTES; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-')
            return -1;
        int high = digit_value(at[0]);
        int low = high < 0 ? -1 : digit_value(at[1]);
        if (low < 0)
            return -1;
        parsed.bytes[i] = (uint8_t) (high << 4 | low);
        at += 2;
    }
    if (*at != '\0')
        return -1;
    *self = parsed;
    return 0;
}

bool
mesh_uuid_equal(const mesh_uuid_t *left, const mesh_uuid_t *right)
{
    return memcmp(left->bytes, right->bytes, sizeof left->bytes) == 0;
}

bool
mesh_uuid_is_zero(const mesh_uuid_t *self)
{
    static const mesh_uuid_t zero;
    return mesh_uuid_equal(self, &zero);
}

size_t
mesh_uuid_hash(const void *uuid)
{
    size_t hash;
    memcpy(&hash, ((const mesh_uuid_t *) uuid)->bytes + MESH_UUID_BYTES - sizeof hash,
           sizeof hash);
    return hash;
}

int
mesh_uuid_compare(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(mesh_uuid_t));
}
