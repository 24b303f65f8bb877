// fuzz_terminal_text - any bytes become lines of UTF-8 without control characters
// SPDX-License-Identifier: MPL-2.0
#include "line_reader.h"
#include "terminal_text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

enum { LIMIT_BYTES = 256 };

static void
check(terminal_text_t *text, const char *bytes, size_t size)
{
    size_t length;
    const char *plain = terminal_text_plain(text, bytes, size, &length);
    assert(strlen(plain) == length);
    for (size_t i = 0; i < length; i++)
        assert((unsigned char) plain[i] >= 0x20 || plain[i] == '\t');
    json_t *string = json_stringn(plain, length);    // refuses what is not UTF-8
    assert(string);
    json_decref(string);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    line_reader_t *reader = line_reader_new(LIMIT_BYTES);
    terminal_text_t *text = terminal_text_new();
    // The first byte says how the rest is cut into reads.
    size_t step = size > 0 ? (size_t) data[0] + 1 : 1;
    for (size_t at = size > 0; at < size; at += step) {
        line_reader_feed(reader, data + at, size - at < step ? size - at : step);
        const char *line;
        size_t length;
        line_reader_outcome_t outcome;
        while ((outcome = line_reader_next(reader, &line, &length)) != LINE_READER_NEED_MORE) {
            assert(length <= LIMIT_BYTES);
            assert(outcome != LINE_READER_TOO_LONG || length == LIMIT_BYTES);
            assert(!memchr(line, '\n', length) && line[length] == '\0');
            check(text, line, length);
        }
        line = line_reader_partial(reader, &length);
        assert(length <= LIMIT_BYTES);
        check(text, line, length);
    }
    terminal_text_destroy(&text);
    line_reader_destroy(&reader);
    return 0;
}
