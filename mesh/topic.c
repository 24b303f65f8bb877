// topic - the first frame of an event: <type>/<host>/<session_id>
// SPDX-License-Identifier: MPL-2.0
#include "mesh/topic.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

static const char upper_digits[] = "0123456789ABCDEF";

enum {
    IN_TYPE = 1,
    PLAIN = 2,    // stands for itself in a host or session; every other byte is written as %XX
};

// A table, not comparisons: the broker asks about every byte of every topic.
#define BYTES_10(first, value)                                                                 \
    [(first)] = (value), [(first) + 1] = (value), [(first) + 2] = (value),                     \
    [(first) + 3] = (value), [(first) + 4] = (value), [(first) + 5] = (value),                 \
    [(first) + 6] = (value), [(first) + 7] = (value), [(first) + 8] = (value),                 \
    [(first) + 9] = (value)
#define BYTES_26(first, value)                                                                 \
    BYTES_10(first, value), BYTES_10((first) + 10, value),                                     \
        [(first) + 20] = (value), [(first) + 21] = (value), [(first) + 22] = (value),          \
                   [(first) + 23] = (value), [(first) + 24] = (value),                         \
                   [(first) + 25] = (value)

static const uint8_t byte_kinds[256] = {
    BYTES_26('a', IN_TYPE | PLAIN),
    BYTES_26('A', PLAIN),
    BYTES_10('0', IN_TYPE | PLAIN),
    ['.'] = IN_TYPE | PLAIN,
    ['_'] = IN_TYPE | PLAIN,
    ['-'] = PLAIN,
    ['~'] = PLAIN,
    [':'] = PLAIN,
};

static bool
is_type_byte(char c)
{
    return byte_kinds[(uint8_t) c] & IN_TYPE;
}

static bool
is_plain_byte(char c)
{
    return byte_kinds[(uint8_t) c] & PLAIN;
}

static bool
type_bytes_are_legal(const char *text, size_t bytes)
{
    if (bytes == 0 || bytes >= MESH_TYPE_SIZE || text[0] < 'a' || text[0] > 'z')
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (!is_type_byte(text[i]))
            return false;
    return true;
}

bool
mesh_topic_type_is_legal(const char *text)
{
    assert(text);
    return type_bytes_are_legal(text, strnlen(text, MESH_TYPE_SIZE));
}

// JSON repeats host and session, and JSON is UTF-8.
static bool
is_utf8(const char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        size_t character = mesh_text_character(text + at, bytes - at);
        if (character == 0)
            return false;
        at += character;
    }
    return true;
}

// Append the encoded part at `at`, which has room for three bytes for each byte of it. Returns
// the new end.
static char *
encode_part(char *at, const char *part, size_t part_bytes)
{
    for (size_t i = 0; i < part_bytes; i++) {
        unsigned char byte = (unsigned char) part[i];
        if (is_plain_byte(part[i])) {
            *at++ = part[i];
        } else {
            *at++ = '%';
            *at++ = upper_digits[byte >> 4];
            *at++ = upper_digits[byte & 0x0f];
        }
    }
    return at;
}

size_t
mesh_topic_format(char text[static MESH_TOPIC_SIZE], const char *type, const char *host,
                  const char *session)
{
    assert(type && host);
    size_t type_bytes = strnlen(type, MESH_TYPE_SIZE);
    size_t host_bytes = strnlen(host, MESH_HOST_SIZE);
    size_t session_bytes = session ? strnlen(session, MESH_SESSION_SIZE) : 0;
    if (!type_bytes_are_legal(type, type_bytes) || host_bytes == 0 ||
        host_bytes >= MESH_HOST_SIZE || session_bytes >= MESH_SESSION_SIZE ||
        !is_utf8(host, host_bytes) || (session_bytes && !is_utf8(session, session_bytes)))
        return 0;

    memcpy(text, type, type_bytes);
    char *at = text + type_bytes;
    *at++ = '/';
    at = encode_part(at, host, host_bytes);
    *at++ = '/';
    if (session_bytes)
        at = encode_part(at, session, session_bytes);
    *at = '\0';
    return (size_t) (at - text);
}

static int
upper_digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

// Decode one part into out, of out_size bytes with the NUL. Returns its length, or -1 when it
// is too long, no UTF-8, or encoded in any way but the one encode_part has (so that equal names
// have equal topics).
static int
decode_part(char *out, size_t out_size, const char *part, size_t part_bytes)
{
    size_t length = 0;
    while (length < part_bytes && length + 1 < out_size && is_plain_byte(part[length])) {
        out[length] = part[length];
        length++;
    }
    if (length == part_bytes) {
        out[length] = '\0';
        return (int) length;    // plain bytes are ASCII, hence UTF-8
    }
    for (size_t i = length; i < part_bytes; length++) {
        if (length + 1 >= out_size)
            return -1;
        if (is_plain_byte(part[i])) {
            out[length] = part[i++];
            continue;
        }
        if (part[i] != '%' || part_bytes - i < 3)
            return -1;
        int high = upper_digit_value(part[i + 1]);
        int low = upper_digit_value(part[i + 2]);
        if (high < 0 || low < 0)
            return -1;
        char byte = (char) (high << 4 | low);
        if (byte == '\0' || is_plain_byte(byte))
            return -1;
        out[length] = byte;
        i += 3;
    }
    out[length] = '\0';
    return is_utf8(out, length) ? (int) length : -1;
}

int
mesh_topic_parse(mesh_topic_t *self, const char *text, size_t text_bytes)
{
    assert(self && (text || text_bytes == 0));
    const char *first = text_bytes ? memchr(text, '/', text_bytes) : NULL;
    if (!first)
        return -1;
    const char *end = text + text_bytes;
    const char *second = memchr(first + 1, '/', (size_t) (end - first - 1));
    if (!second)
        return -1;

    size_t type_bytes = (size_t) (first - text);
    if (!type_bytes_are_legal(text, type_bytes))
        return -1;
    memcpy(self->type, text, type_bytes);
    self->type[type_bytes] = '\0';
    if (decode_part(self->host, sizeof self->host, first + 1, (size_t) (second - first - 1)) <
            1 ||
        decode_part(self->session, sizeof self->session, second + 1,
                    (size_t) (end - second - 1)) < 0)
        return -1;
    return 0;
}
