// metrics - how the sse-bridge is, as Prometheus text
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_METRICS_H
#define SSE_METRICS_H

#include "health.h"

// The body of /metrics, which the caller frees, and its length. Labels take values of fixed
// sets only: none is a session, a host, an address or a token.
char *metrics_write(const health_facts_t *facts, size_t *bytes);

#endif
