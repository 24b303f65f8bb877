// text - words from outside, made safe to show: escaped, cut, checked for UTF-8
// SPDX-License-Identifier: MPL-2.0
#include "text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
mesh_text_printf(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort();
    return text;
}

static bool
is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t
mesh_text_character(const char *text, size_t left)
{
    // The second byte's range excludes overlong forms, surrogates and what is past U+10FFFF.
    static const struct {
        unsigned char first_least, first_most, second_least, second_most;
        size_t length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (left == 0)
        return 0;
    unsigned char first = (unsigned char) text[0];
    if (first < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (first < forms[i].first_least || first > forms[i].first_most)
            continue;
        if (left < forms[i].length || (unsigned char) text[1] < forms[i].second_least ||
            (unsigned char) text[1] > forms[i].second_most)
            return 0;
        for (size_t at = 2; at < forms[i].length; at++) {
            if (!is_continuation((unsigned char) text[at]))
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

// The code of a control character at text, C0, DEL or C1 (which terminals obey as well), else
// -1.
static int
control_code(const char *text, size_t length)
{
    unsigned char first = (unsigned char) text[0];
    if (length == 1 && (first < 0x20 || first == 0x7f))
        return first;
    if (length == 2 && first == 0xc2 && (unsigned char) text[1] < 0xa0)
        return (unsigned char) text[1];
    return -1;
}

bool
mesh_text_is_plain(const char *text)
{
    size_t left = strlen(text);
    while (left) {
        size_t length = mesh_text_character(text, left);
        if (length == 0 || control_code(text, length) >= 0)
            return false;
        text += length;
        left -= length;
    }
    return true;
}

// The longest form of one character, and NUL; as wide as printf could make a number.
enum { SHOWN_BYTES = 12 };

// Write how one character is shown into shown and return how many bytes of text it took.
static size_t
show_character(char shown[static SHOWN_BYTES], const char *text, size_t left,
               mesh_text_form_t form)
{
    unsigned char first = (unsigned char) text[0];
    size_t length = mesh_text_character(text, left);
    int control = length ? control_code(text, length) : -1;

    if (length == 0) {
        if (form == MESH_TEXT_JSON)
            memcpy(shown, "\\ufffd", sizeof "\\ufffd");
        else
            (void) snprintf(shown, SHOWN_BYTES, "\\x%02x", first);
        return 1;
    }
    if (first == '\\' || (first == '"' && form == MESH_TEXT_JSON))
        (void) snprintf(shown, SHOWN_BYTES, "\\%c", first);
    else if (control == '\n')
        memcpy(shown, "\\n", sizeof "\\n");
    else if (control == '\r')
        memcpy(shown, "\\r", sizeof "\\r");
    else if (control == '\t')
        memcpy(shown, "\\t", sizeof "\\t");
    else if (control >= 0 && (form == MESH_TEXT_JSON || control > 0x7f))
        (void) snprintf(shown, SHOWN_BYTES, "\\u%04x", (unsigned) control);
    else if (control >= 0)
        (void) snprintf(shown, SHOWN_BYTES, "\\x%02x", (unsigned) control);
    else {
        memcpy(shown, text, length);
        shown[length] = '\0';
    }
    return length;
}

bool
mesh_text_escape(char *out, size_t size_bytes, size_t *used_p, const char *text,
                 mesh_text_form_t form)
{
    assert(*used_p < size_bytes);
    size_t left = strlen(text);
    bool all = true;
    while (left) {
        char shown[SHOWN_BYTES];
        size_t taken = show_character(shown, text, left, form);
        size_t shown_bytes = strlen(shown);
        if (shown_bytes >= size_bytes - *used_p) {
            all = false;
            break;
        }
        memcpy(out + *used_p, shown, shown_bytes);
        *used_p += shown_bytes;
        text += taken;
        left -= taken;
    }
    out[*used_p] = '\0';
    return all;
}

char *
mesh_text_quoted(const char *value)
{
    char shown[MESH_TEXT_QUOTED_BYTES + 1];
    size_t used = 0;
    bool all = mesh_text_escape(shown, sizeof shown, &used, value, MESH_TEXT_LINE);
    return mesh_text_printf("\"%s%s\"", shown, all ? "" : "…");
}
