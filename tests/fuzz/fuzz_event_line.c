// fuzz_event_line - no event, whatever it holds, sends anything to a terminal but text
// SPDX-License-Identifier: MPL-2.0
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_line.h"

// One line, of printable bytes and UTF-8 above C1.
static void
check(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char) line[i];
        bool is_c1 = byte == 0xC2 && i + 1 < size && (unsigned char) line[i + 1] < 0xA0;
        bool is_end = byte == '\n' && i + 1 == size;
        if ((byte < 0x20 && !is_end) || byte == 0x7F || is_c1)
            abort();
    }
    if (size == 0 || line[size - 1] != '\n')
        abort();
}

static const char *const TYPES[] = {
    "aider.session_started",
    "aider.session_progress",
    "aider.session_completed",
    "aider.request_started",
    "aider.request_completed",
    "aider.rate_limit_detected",
    "aider.error_occurred",
    "aider.throttling_detected",
    "aider.throttling_cleared",
    "aider.waiting_for_input",
    "mesh.transport_joined",
    "stream.opened",
    "stream.gap",
    "stream.dropped",
    "stream.closing",
    "stream.snapshot",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The first byte chooses the type (past the table: the payload itself is the type), the rest is
// the payload.
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = strndup((const char *) data + 1, size - 1);
    const char *type = data[0] < sizeof TYPES / sizeof *TYPES ? TYPES[data[0]] : text;
    json_t *payload =
        json_loadb((const char *) data + 1, size - 1, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    if (!payload)
        payload = json_object();

    char *line = NULL;
    size_t line_size = 0;
    FILE *out = open_memstream(&line, &line_size);
    event_line_write(out, type, payload);
    fclose(out);
    check(line, line_size);
    free(line);

    out = open_memstream(&line, &line_size);
    int rc = event_line_write_json(out, text, type, payload);
    fclose(out);
    if (rc == 0)
        check(line, line_size);
    free(line);

    // A line for each session.
    out = open_memstream(&line, &line_size);
    event_line_write_sessions(out, type, payload);
    fclose(out);
    for (char *at = line, *end; *at; at = end) {
        end = strchr(at, '\n');
        if (!end)
            abort();
        check(at, (size_t) (++end - at));
    }
    free(line);

    out = open_memstream(&line, &line_size);
    bool worth = event_line_write_stream(out, type, payload);
    fputc('\n', out);
    fclose(out);
    if (worth != (line_size > 1))
        abort();
    check(line, line_size);
    free(line);

    json_decref(payload);
    free(text);
    return 0;
}
