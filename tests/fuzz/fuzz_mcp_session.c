// fuzz_mcp_session - any lines on any side: no crash, and every event has its identities
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp_session.h"
#include "plain_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct world {
    mcp_session_t *session;
    aider_time_t now;
} world_t;

static void
on_report(void *arg, const session_report_t *report)
{
    (void) arg;
    assert(report->type && report->session_id && *report->session_id);
    assert(json_is_object(report->payload));
    json_decref(report->payload);
}

// The first byte of a line says which side it is on.
static void
on_line(void *arg, const char *line)
{
    world_t *world = arg;
    if (!*line)
        return;
    world->now.mono_ms += (unsigned char) *line;
    world->now.unix_s += 0.1;
    mcp_session_line(world->session, (mcp_side_t) ((unsigned char) *line % 3), line + 1,
                     world->now);
    mcp_session_tick(world->session, world->now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mcp_session_start_t start = {.working_dir = "/tmp"};
    world_t world = {.now = {1000, 1e9}};
    world.session = mcp_session_new(&start, on_report, &world);
    plain_lines_t *lines = plain_lines_new(4096, on_line, &world);
    plain_lines_feed(lines, data, size, 0);
    plain_lines_finish(lines);
    mcp_session_exit(world.session, 0, 0, world.now);
    plain_lines_destroy(&lines);
    mcp_session_destroy(&world.session);
    return 0;
}
