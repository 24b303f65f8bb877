// sse_message - the payload of a bench's event: which one it is, and when it was sent
// SPDX-License-Identifier: MPL-2.0
#include "sse_message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char opening[] = "{\"message\":\"";
static const char closing[] = "\",\"stage\":\"banner\"}";

enum {
    NUMBER_DIGITS = 12,
    CHANNEL_DIGITS = 5,
    TIME_DIGITS = 16,
    // Where the digits are in the text.
    NUMBER_AT = 2,
    CHANNEL_AT = NUMBER_AT + NUMBER_DIGITS + 3,
    TIME_AT = CHANNEL_AT + CHANNEL_DIGITS + 3,
    TEXT_BYTES = TIME_AT + TIME_DIGITS,
};

enum { WORDS = 64, WORD_SIZE = 8 };

static const char words[WORDS][WORD_SIZE] = {
    "the ",   "file ",  "model ",  "reads ",  "a ",      "line ",  "of ",     "tests ",
    "and ",   "then ",  "writes ", "patch ",  "to ",     "main ",  "where ",  "it ",
    "asks ",  "for ",   "more ",   "tokens ", "in ",     "this ",  "repo ",   "map ",
    "has ",   "found ", "no ",     "error ",  "when ",   "you ",   "commit ", "them ",
    "add ",   "chat ",  "with ",   "some ",   "other ",  "words ", "that ",   "will ",
    "be ",    "sent ",  "on ",     "from ",   "each ",   "call ",  "after ",  "lint ",
    "runs ",  "not ",   "yet ",    "done ",   "please ", "wait ",  "until ",  "all ",
    "parts ", "are ",   "here ",   "or ",     "drop ",   "one ",   "by ",     "name ",
};

// As many bytes of words as there is room for, in the order that belongs to the number.
static void
fill_with_words(char *out, size_t bytes, uint64_t number)
{
    uint64_t state = number;
    for (size_t at = 0; at < bytes;) {
        // Knuth's generator of MMIX, of which the high bits are good.
        state = state * 6364136223846793005U + 1442695040888963407U;
        const char *word = words[state >> 58];
        while (*word && at < bytes)
            out[at++] = *word++;
    }
}

int64_t
sse_message_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
sse_message_text(const sse_message_t *self, char *out, size_t bytes)
{
    assert(bytes >= SSE_MESSAGE_LEAST_BYTES && bytes <= SSE_MESSAGE_MOST_BYTES);
    assert(self->channel < SSE_MESSAGE_CHANNELS);
    int written = snprintf(out, bytes, "n=%012" PRIu64 " s=%05" PRIu32 " t=%016" PRId64,
                           self->number, self->channel, self->sent_us);
    assert(written == TEXT_BYTES);
    out[written] = ' ';
    fill_with_words(out + written + 1, bytes - (size_t) written - 2, self->number);
    out[bytes - 1] = '\0';
}

void
sse_message_payload(const sse_message_t *self, char *out, size_t bytes)
{
    const size_t head = sizeof opening - 1, tail = sizeof closing - 1;
    assert(bytes >= head + TEXT_BYTES + tail && bytes <= SSE_MESSAGE_MOST_BYTES);
    char text[TEXT_BYTES + 1];
    int written = snprintf(text, sizeof text, "n=%012" PRIu64 " s=%05" PRIu32 " t=%016" PRId64,
                           self->number, self->channel, self->sent_us);
    assert(written == TEXT_BYTES);
    memcpy(out, opening, head);
    memcpy(out + head, text, TEXT_BYTES);
    size_t rest = bytes - head - TEXT_BYTES - tail;
    if (rest > 0)
        out[head + TEXT_BYTES] = ' ';
    if (rest > 1)
        fill_with_words(out + head + TEXT_BYTES + 1, rest - 1, self->number);
    memcpy(out + bytes - tail, closing, tail);
}

// Digits, and nothing else, as a number; UINT64_MAX when there is something else.
static uint64_t
number_in(const char *text, size_t digits)
{
    uint64_t number = 0;
    for (size_t at = 0; at < digits; at++) {
        if (text[at] < '0' || text[at] > '9')
            return UINT64_MAX;
        number = number * 10 + (uint64_t) (text[at] - '0');
    }
    return number;
}

int
sse_message_read(sse_message_t *self, const char *payload, size_t bytes)
{
    const size_t head = sizeof opening - 1;
    if (bytes < head + TEXT_BYTES || memcmp(payload, opening, head) != 0)
        return -1;
    const char *text = payload + head;
    uint64_t number = number_in(text + NUMBER_AT, NUMBER_DIGITS);
    uint64_t channel = number_in(text + CHANNEL_AT, CHANNEL_DIGITS);
    uint64_t sent_us = number_in(text + TIME_AT, TIME_DIGITS);
    if (number == UINT64_MAX || channel == UINT64_MAX || sent_us == UINT64_MAX)
        return -1;
    *self = (sse_message_t){
        .number = number, .channel = (uint32_t) channel, .sent_us = (int64_t) sent_us};
    return 0;
}
