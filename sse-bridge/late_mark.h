// late_mark - says in a payload that the event was recorded long after it happened
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_LATE_MARK_H
#define SSE_LATE_MARK_H

#include <stddef.h>

// What is put before a payload's last brace, with the comma behind another member.
#define LATE_MARK "\"late\":true"

// By how much a payload may grow.
enum { LATE_MARK_BYTES = sizeof LATE_MARK };

// Write the payload with the member "late" as its last one to out, which has room for bytes and
// LATE_MARK_BYTES. A payload that does not begin and end as an object is written as it is.
// Returns how many bytes were written.
size_t late_mark_write(char *out, const char *payload, size_t bytes);

#endif
