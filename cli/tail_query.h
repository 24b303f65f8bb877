// tail_query - what `tail` asks for, and how long it waits before it asks again
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_TAIL_QUERY_H
#define CLI_TAIL_QUERY_H

#include <stdint.h>

#include "mesh/settings.h"

enum { TAIL_QUERY_WAIT_LIMIT_MS = 30 * 1000 };

// The path and query of the stream that the tail/... settings describe, for the caller to free.
char *tail_query_path(const mesh_settings_t *settings);

// How long to wait before the next connection: what the server asked for (retry_ms, -1 for
// nothing), doubled with each failure in a row after the first, up to TAIL_QUERY_WAIT_LIMIT_MS
// or what the server asked for if that is longer.
int64_t tail_query_wait_ms(int64_t retry_ms, unsigned failures);

#endif
