// redaction_bytes - what the parts of a secret are made of
// SPDX-License-Identifier: MPL-2.0
#include "redaction_bytes.h"

#include <string.h>
#include <strings.h>

unsigned
redaction_bytes_kinds(char byte)
{
    if (byte >= '0' && byte <= '9')
        return BYTES_ALNUM | BYTES_WORD | BYTES_TOKEN | BYTES_NAME | BYTES_BEARER | BYTES_DIGIT;
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
        return BYTES_ALNUM | BYTES_WORD | BYTES_TOKEN | BYTES_NAME | BYTES_BEARER;
    switch (byte) {
    case '_':
        return BYTES_WORD | BYTES_TOKEN | BYTES_NAME | BYTES_BEARER;
    case '-':
        return BYTES_TOKEN | BYTES_NAME | BYTES_BEARER;
    case '.':
        return BYTES_NAME | BYTES_BEARER;
    case '+':
    case '/':
    case '=':
    case '~':
        return BYTES_BEARER;
    default:
        return 0;
    }
}

size_t
redaction_bytes_run(const char *text, size_t size, size_t at, unsigned kind)
{
    size_t end = at;
    while (end < size && (redaction_bytes_kinds(text[end]) & kind))
        end++;
    return end - at;
}

bool
redaction_bytes_have_digit(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (redaction_bytes_kinds(text[i]) & BYTES_DIGIT)
            return true;
    return false;
}

bool
redaction_bytes_begin(const char *text, size_t size, size_t at, const char *prefix)
{
    size_t length = strlen(prefix);
    return size - at >= length && memcmp(text + at, prefix, length) == 0;
}

bool
redaction_bytes_begin_word(const char *text, size_t size, size_t at, const char *word)
{
    size_t length = strlen(word);
    return size - at >= length && strncasecmp(text + at, word, length) == 0;
}
