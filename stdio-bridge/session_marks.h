// session_marks - where AIDER's files stood before AIDER was started
// SPDX-License-Identifier: MPL-2.0
//
// The relay takes them, since the observer may come to it late; what is written in between is
// the session's own.
#ifndef SESSION_MARKS_H
#define SESSION_MARKS_H

#include "file_mark.h"

typedef struct session_marks {
    file_mark_t chat_history;
    file_mark_t analytics_log;    // the user's own, or the bridge's
} session_marks_t;

#endif
