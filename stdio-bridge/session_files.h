// session_files - AIDER's chat history and analytics log, followed line by line
// SPDX-License-Identifier: MPL-2.0
#ifndef SESSION_FILES_H
#define SESSION_FILES_H

#include <stddef.h>

#include "aider_facts.h"
#include "session_marks.h"

typedef struct session_files session_files_t;

enum { SESSION_FILES_COUNT = 2, SESSION_FILES_POLL_MS = 200 };

// Takes one line, without its end; valid in the call only.
typedef void session_files_fn(void *arg, aider_source_t source, const char *line);

// Find the files of the command and follow them from where they stood before it was started.
// words is NULL-ended; analytics_path is the log that the bridge asked for, or NULL where the
// user has one or none. Lines are cut at limit_bytes. Never NULL.
session_files_t *session_files_new(char *const words[], const char *working_dir,
                                   const char *analytics_path, const session_marks_t *marks,
                                   size_t limit_bytes);
void session_files_destroy(session_files_t **self_p);

// Hand out what was appended to AIDER_SOURCE_HISTORY or AIDER_SOURCE_ANALYTICS.
void session_files_read(session_files_t *self, aider_source_t source, session_files_fn *handler,
                        void *arg);

// How it is with a source.
typedef enum {
    SESSION_FILES_FINE,
    SESSION_FILES_SHARED,    // another session follows the same file
    SESSION_FILES_FAILED,    // it cannot be followed
} session_files_state_t;

// Ask; *why is set to a reason for a person where it is not FINE, valid until the next call.
session_files_state_t session_files_state(const session_files_t *self, aider_source_t source,
                                          const char **why);

// The session has ended: follow no more, so that the next one does not find the files shared.
void session_files_stop(session_files_t *self);

// Descriptors that become readable when there may be something; -1 for a file that has to be
// read every SESSION_FILES_POLL_MS instead, or is none at all.
void session_files_fds(const session_files_t *self, int fds[SESSION_FILES_COUNT]);

// Whether one has to be read from time to time.
bool session_files_need_polling(const session_files_t *self);

// What AIDER was told outside its argv; NULL when nothing. Borrowed.
const char *session_files_model(const session_files_t *self);
const char *session_files_message(const session_files_t *self);

#endif
