// fuzz_aider_session - whatever the sources say, the events are well formed and well ordered
// SPDX-License-Identifier: MPL-2.0
//
// The input is lines. The first character of each says what the rest is: "c" a console line,
// "p" an unfinished one, "h" a history line, "a" an analytics record, "e" a line of stderr, "t"
// that time passes. The first line also says whether AIDER runs with --message.
#include "aider_session.h"
#include "terminal_text.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct seen {
    bool open;    // a request is open
    bool over;
    char id[64];
    unsigned events;
} seen_t;

static void
on_report(void *arg, const aider_report_t *report)
{
    seen_t *seen = arg;
    assert(!seen->over);
    assert((seen->events++ == 0) == !strcmp(report->type, "aider.session_started"));
    if (!strcmp(report->type, "aider.request_started")) {
        assert(!seen->open && report->request_id);
        seen->open = true;
        strncpy(seen->id, report->request_id, sizeof seen->id - 1);
    }
    assert((report->request_id != NULL) == seen->open);
    assert(!seen->open || !strcmp(seen->id, report->request_id));
    if (!strcmp(report->type, "aider.request_completed"))
        seen->open = false;
    if (!strcmp(report->type, "aider.session_completed"))
        seen->over = true;
    char *text = json_dumps(report->payload, 0);
    assert(text && strlen(text) < 32768);
    free(text);
    json_decref(report->payload);
}

static void
feed(aider_session_t *session, const char *line, aider_time_t *now)
{
    switch (line[0]) {
    case 'c':
        aider_session_line(session, AIDER_SOURCE_CONSOLE, line + 1, *now);
        break;
    case 'p':
        aider_session_partial(session, line + 1, *now);
        break;
    case 'h':
        aider_session_line(session, AIDER_SOURCE_HISTORY, line + 1, *now);
        break;
    case 'a':
        aider_session_line(session, AIDER_SOURCE_ANALYTICS, line + 1, *now);
        break;
    case 'e':
        aider_session_line(session, AIDER_SOURCE_STDERR, line + 1, *now);
        break;
    case 't':
        now->mono_ms += 1 << (line[1] & 15);
        aider_session_tick(session, *now);
        assert(aider_session_next_tick_ms(session) < 0 ||
               aider_session_next_tick_ms(session) > now->mono_ms);
        break;
    default:
        break;
    }
    now->mono_ms++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const MESSAGE[] = {"aider", "-m", "hi", NULL};
    static const char *const INTERACTIVE[] = {"aider", NULL};
    bool message = size > 0 && data[0] == 'm';
    seen_t seen = {0};
    aider_time_t now = {.mono_ms = 1000, .unix_s = 1.8e9};
    aider_session_t *session = aider_session_new(
        &(aider_session_start_t){.argv = message ? MESSAGE : INTERACTIVE, .columns = 40}, now,
        on_report, &seen);
    terminal_text_t *text = terminal_text_new();
    const char *at = (const char *) data;
    const char *end = at + size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t) (end - at));
        if (!line_end)
            line_end = end;
        feed(session, terminal_text_plain(text, at, (size_t) (line_end - at), NULL), &now);
        at = line_end + 1;
    }
    aider_session_exit(session, (int) (size & 1), size & 2 ? 15 : 0, now);
    assert(seen.over);
    terminal_text_destroy(&text);
    aider_session_destroy(&session);
    return 0;
}
