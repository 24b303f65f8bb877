// fuzz_content_coding - any Accept-Encoding gives one of three answers, and blanks change none
// SPDX-License-Identifier: MPL-2.0
#include "content_coding.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char spaces[] = " ,\t, ";
    char *text = malloc(size + 2 * sizeof spaces);
    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    content_coding_t coding = content_coding_choose(text);
    assert(coding == CONTENT_CODING_IDENTITY || coding == CONTENT_CODING_GZIP ||
           coding == CONTENT_CODING_NONE);
    // Members that are empty are none.
    size_t length = strlen(text);
    memmove(text + sizeof spaces - 1, text, length);
    memcpy(text, spaces, sizeof spaces - 1);
    memcpy(text + sizeof spaces - 1 + length, ",", sizeof ",");
    assert(content_coding_choose(text) == coding);
    free(text);
    return 0;
}
