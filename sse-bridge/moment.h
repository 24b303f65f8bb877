// moment - a time as users write it: RFC 3339, or an age such as 10m
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_MOMENT_H
#define SSE_MOMENT_H

#include <stdint.h>

// Read "2026-02-03T04:05:06.789Z", "...+01:00" (a space may stand for the '+', as in a query
// that was not encoded), or an age before now_us: 1 to 9 digits and s, m, h or d. Times are
// Unix microseconds. Returns 0, or -1 when text is anything else.
int moment_parse(const char *text, int64_t now_us, int64_t *us);

#endif
