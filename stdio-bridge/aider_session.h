// aider_session - the life of one AIDER process, put together from all that tells of it
// SPDX-License-Identifier: MPL-2.0
//
// Fed with plain lines of each source (aider_facts.h) and with the time, it reports the events
// of one session, each once, from whichever source tells it first. A source that fails, or
// lags, costs only what it alone knew. It knows no files, no processes and no clock.
//
// How the sources are matched. The n-th fact of a kind in one source is the n-th of that kind
// in another, counted within one request; the event is reported when the highest count rises. A
// request is opened by the chat history's "#### " (with the prompt), by the analytics log's
// message_send_starting, or by the first thing only a model call prints. Each source counts the
// requests it has seen, so that a late line is known to belong to a request already closed, and
// is left out. When AIDER has stood at its prompt for a second, all sources are level again.
// With --message there is one request, and all sources are in it.
//
// The analytics log does not say which request its records are of, so a record waits
// AIDER_SESSION_ANALYTICS_MS for the sources that do; feed the history before the console, and
// both before the analytics log.
//
// A caller that knows of the request itself, as an MCP call, says so with the history line
// "#### ".
//
// Two AIDERs in one folder share a chat history. When a second one is seen to start, or the
// caller says so (aider_session_lose), the history is no longer believed. One without a bridge
// that had started before, or starts at the same time with the very same command line, cannot
// be told apart.
//
// The stages of aider.session_progress stand in docs/AIDER.md, section 9.2.
#ifndef AIDER_SESSION_H
#define AIDER_SESSION_H

#include "aider_facts.h"
#include "redaction.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct aider_session aider_session_t;

enum {
    AIDER_SESSION_ANALYTICS_MS = 200,
    AIDER_SESSION_PROMPT_HOLD_MS = 250,    // a prompt answered sooner was not waiting
    AIDER_SESSION_LEVEL_MS = 1000,
    AIDER_SESSION_WAITING_MS = 10000,
    AIDER_SESSION_PREVIEW_CHARACTERS = 100,
};

// How much of a prompt the events carry.
typedef enum {
    AIDER_PROMPT_PREVIEW,    // its first AIDER_SESSION_PREVIEW_CHARACTERS
    AIDER_PROMPT_NONE,
    AIDER_PROMPT_FULL,    // one typed at AIDER's prompt up to AIDER_ACCOUNT_INPUT_BYTES
} aider_prompt_t;

// A moment: mono_ms of a clock that never jumps decides, unix_s is written into events.
typedef struct aider_time {
    int64_t mono_ms;
    double unix_s;
} aider_time_t;

// One event.
typedef struct aider_report {
    const char *type;          // "aider.session_started", …
    const char *request_id;    // NULL where none applies; valid in the call only
    double timestamp;          // Unix seconds
    json_t *payload;           // the type's own members; the handler takes the reference
} aider_report_t;

typedef void aider_session_report_fn(void *arg, const aider_report_t *report);

// What is known when the process starts. All borrowed, all but argv may be NULL.
typedef struct aider_session_start {
    const char *const *argv;               // ends with NULL
    const char *working_dir;               //
    const char *model;                     // from environment or files; argv's wins
    const char *message;                   // the same for --message
    const char *const *fallback_models;    // the configured chains (aider_chain), NULL-ended
    aider_user_patterns_t *patterns;       // the user's own
    redaction_t *redaction;                // takes secrets out of a prompt before it is cut
    const json_t *members;    // more members of session_started: repo, branch, user, …
    size_t columns;           // the width AIDER wraps at, 0 for its default
    bool terminal;            // it writes to one, and may paint its prompt over and over
    aider_prompt_t prompt;
    int64_t waiting_ms;    // how often silence is told, 0 for AIDER_SESSION_WAITING_MS
} aider_session_start_t;

// Begin, reporting session_started. The handler is called from within the calls below.
aider_session_t *aider_session_new(const aider_session_start_t *start, aider_time_t now,
                                   aider_session_report_fn *handler, void *arg);

// End the session without a word, and set *self_p to NULL.
void aider_session_destroy(aider_session_t **self_p);

// One whole line of a source as plain text, without its newline; of the analytics log, the
// JSON.
void aider_session_line(aider_session_t *self, aider_source_t source, const char *line,
                        aider_time_t now);

// The console's unfinished line as it stands now, "" when there is none.
void aider_session_partial(aider_session_t *self, const char *partial, aider_time_t now);

// Time has passed. Needed at the moment aider_session_next_tick_ms names; harmless otherwise.
void aider_session_tick(aider_session_t *self, aider_time_t now);

// The mono_ms of the next tick wanted, or -1 for none.
int64_t aider_session_next_tick_ms(const aider_session_t *self);

// The process has ended: with exit_code, or by signal when that is not 0. All sources must have
// been fed to their end. Reports what was open, and session_completed. Nothing may follow.
void aider_session_exit(aider_session_t *self, int exit_code, int signal, aider_time_t now);

// A source tells no more: another session shares it, or it failed for a reason, which may be
// NULL. What it still says is not believed. Reported once.
void aider_session_lose(aider_session_t *self, aider_source_t source, bool shared,
                        const char *why, aider_time_t now);

// Lines of the analytics log that were not JSON objects.
size_t aider_session_malformed(const aider_session_t *self);

#endif
