// sse_run - one measurement: clients connect, events are sent, and it is seen what becomes of
// it SPDX-License-Identifier: MPL-2.0
//
// Phases: connecting, until all clients have been there for a moment in which nothing came;
// warming up; measuring; draining, until every client has all. With `resume` the warming up is
// to fill the server with events, and the measurement counts clients that come, read so many,
// and go; with `idle` there is none.
#ifndef BENCH_SSE_RUN_H
#define BENCH_SSE_RUN_H

#include "sse_feed.h"

typedef struct sse_run_options {
    size_t http_port;
    const char *path;      // with {} for the channel
    const char *header;    // of every request, without CRLF; NULL for none
    sse_feed_kind_t feed;
    const char *feed_place;    // NULL where nothing is sent
    size_t clients, channels, stalled;
    size_t quiet, quiet_filters;
    const char *quiet_path;    // NULL where there are none
    bool says_opened;
    bool tls;
    // Clients ask for gzip, and of those with events each so manieth unpacks it; the others
    // only count bytes. 0 where they do not ask.
    size_t unzip_every;
    size_t rate, window;
    size_t payload_bytes;
    size_t warm_ms, measure_ms;
    size_t resume;
    bool idle;
    pid_t server;
} sse_run_options_t;

// Measure, and print one line of JSON. Returns 0 when every event came once and in order, else
// -1, having said what was wrong on stderr.
int sse_run(zloop_t *loop, const sse_run_options_t *options);

#endif
