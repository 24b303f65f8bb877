// session_watch - what the observer hears and reads of one wrapped command, put together
// SPDX-License-Identifier: MPL-2.0
//
// Streams come by the tap as bytes, AIDER's own files are followed; out of them come the
// events of aider_session or mcp_session. Told the time; knows no sockets.
#ifndef SESSION_WATCH_H
#define SESSION_WATCH_H

#include "aider_session.h"
#include "mcp_watch.h"
#include "mesh/settings.h"
#include "session_files.h"
#include "session_report.h"
#include "tap_record.h"
#include "wrapped_command.h"

typedef struct session_watch session_watch_t;

typedef struct session_watch_plan {
    const mesh_settings_t *settings;
    char *const *words;    // the command, NULL-ended
    const char *working_dir;
    unsigned columns;          // of the terminal that the command sees; 0 for none
    session_files_t *files;    // AIDER's own, in mode cli; NULL where they are not to be read
    aider_user_patterns_t *patterns;    // the user's own, or NULL
    redaction_t *redaction;             // what is heard goes through it first
    bridge_mode_t mode;                 // cli or mcp
    mcp_watch_progress_fn *progress;    // in mode mcp; NULL when the client is told nothing
} session_watch_plan_t;

// All of plan is borrowed and must outlive the watch. Reports the beginning of the session.
session_watch_t *session_watch_new(const session_watch_plan_t *plan, aider_time_t now,
                                   session_report_fn *handler, void *arg);
void session_watch_destroy(session_watch_t **self_p);

// One record of a stream.
void session_watch_bytes(session_watch_t *self, const tap_record_t *record, aider_time_t now);

// As of aider_session.
void session_watch_tick(session_watch_t *self, aider_time_t now);
int64_t session_watch_next_tick_ms(const session_watch_t *self);

// The command has ended, with exit_code or by signal. Reads the files to their end, and reports
// how the session ended. Nothing may follow.
void session_watch_end(session_watch_t *self, int exit_code, int signal, aider_time_t now);

#endif
