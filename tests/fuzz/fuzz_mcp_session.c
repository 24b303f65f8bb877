// fuzz_mcp_session - any bytes on any stream: no crash, and every event has its identities
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp_watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_report(void *arg, const session_report_t *report)
{
    (void) arg;
    assert(report->type && report->session_id && *report->session_id);
    assert(json_is_object(report->payload));
    json_decref(report->payload);
}

// Whatever is said to the client is one line, and made after all that was seen.
static void
on_progress(void *arg, const char *line, size_t size, uint64_t seen_bytes)
{
    const uint64_t *given_bytes = arg;
    assert(size > 1 && memchr(line, '\n', size) == line + size - 1);
    assert(seen_bytes <= *given_bytes);
}

// One line of the input is one record: its first byte says of which stream, whether the record
// has the line's end, and whether bytes are missing before it.
static void
take_line(mcp_watch_t *watch, const uint8_t *line, size_t size, aider_time_t *now,
          uint64_t *given_bytes)
{
    uint8_t how = line[0];
    now->mono_ms += how;
    now->unix_s += 0.1;
    tap_record_t record = {
        .kind = (tap_kind_t) (how % 3),
        .lost_bytes = how >= 0xf0 ? 7 : 0,
        .bytes = line + 1,
        .length = (uint32_t) (size - (how & 0x80 ? 2 : 1)),
    };
    if (record.kind == TAP_STDOUT)
        *given_bytes += record.lost_bytes + record.length;
    mcp_watch_bytes(watch, &record, *now);
    mcp_watch_tick(watch, *now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mcp_session_start_t start = {.working_dir = "/tmp"};
    uint64_t given_bytes = 0;
    aider_time_t now = {1000, 1e9};
    mcp_watch_t *watch = mcp_watch_new(&start, 4096, on_report, on_progress, &given_bytes);
    while (size) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t part = newline ? (size_t) (newline - data) + 1 : size;
        if (part > 1 && part <= TAP_RECORD_BYTES_MOST)
            take_line(watch, data, part, &now, &given_bytes);
        data += part;
        size -= part;
    }
    mcp_watch_end(watch, 0, 0, now);
    mcp_watch_destroy(&watch);
    return 0;
}
