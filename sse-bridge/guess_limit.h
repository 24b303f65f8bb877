// guess_limit - how often an address may show a wrong token
// SPDX-License-Identifier: MPL-2.0
//
// Ten at once, then one more every six seconds. While an address is at its limit, what it shows
// is not looked at. Addresses beyond the limit of the table push out the one that was wrong
// longest ago.
#ifndef SSE_GUESS_LIMIT_H
#define SSE_GUESS_LIMIT_H

#include <stddef.h>
#include <stdint.h>

enum {
    GUESS_LIMIT_MOST = 10,
    GUESS_LIMIT_EVERY_MS = 6000,
    GUESS_LIMIT_ADDRESSES = 10000,
};

typedef struct guess_limit guess_limit_t;

guess_limit_t *guess_limit_new(void);
void guess_limit_destroy(guess_limit_t **self_p);

// How long the address has to wait before it may show another token; 0 when it may now.
int64_t guess_limit_wait_ms(const guess_limit_t *self, const char *address, int64_t now_ms);

// It has shown a wrong one.
void guess_limit_failed(guess_limit_t *self, const char *address, int64_t now_ms);

size_t guess_limit_size(const guess_limit_t *self);

#endif
