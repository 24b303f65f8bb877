// sse_scan - what a load client has to know of an HTTP answer that is an event stream
// SPDX-License-Identifier: MPL-2.0
//
// Reads as fast as it can: of the head the status, of an event its id, type and the beginning
// of its data; lines end with LF. What else there is, the framing of chunks too, is passed
// over, as long as no chunk ends within a line. That a stream is right in every detail is for
// others to test.
#ifndef BENCH_SSE_SCAN_H
#define BENCH_SSE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SSE_SCAN_ID_SIZE = 64,
    SSE_SCAN_TYPE_SIZE = 40,
    SSE_SCAN_DATA_BYTES = 64,
    SSE_SCAN_LINE_BYTES = 80,
};

// What is longer than its place is cut. Begin with a zeroed struct, for each answer.
typedef struct sse_scan {
    char id[SSE_SCAN_ID_SIZE];    // of this event; "" for none
    char type[SSE_SCAN_TYPE_SIZE];
    char data[SSE_SCAN_DATA_BYTES];
    char line[SSE_SCAN_LINE_BYTES];    // the beginning of one whose end has not come
    uint16_t line_bytes;               // as many as were kept of it
    uint16_t data_bytes;
    uint16_t status;    // of HTTP; 0 before its line has come
    bool in_stream;     // the head is over
    bool in_line;
} sse_scan_t;

// Both return whether to go on; where they do not, the scan is not touched any more.
typedef struct sse_scan_handler {
    bool (*on_head)(void *arg, const sse_scan_t *scan);     // status is set
    bool (*on_event)(void *arg, const sse_scan_t *scan);    // id, type, data and data_bytes
} sse_scan_handler_t;

void sse_scan_feed(sse_scan_t *self, const char *bytes, size_t count,
                   const sse_scan_handler_t *handler, void *arg);

#endif
