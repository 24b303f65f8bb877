// session_table - what is known of each session: its labels, and whether it has ended
// SPDX-License-Identifier: MPL-2.0
//
// Bounded: the session that finished longest ago goes first, then the one that began longest
// ago.
#ifndef SSE_SESSION_TABLE_H
#define SSE_SESSION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

typedef struct session_table session_table_t;

session_table_t *session_table_new(size_t limit);
void session_table_destroy(session_table_t **self_p);

// An event of a session came. payload is looked into only where the session starts.
void session_table_note(session_table_t *self, const char *session, const char *type,
                        const char *payload, size_t payload_bytes, int64_t now_ms);

// Know nothing of the session any more.
void session_table_forget(session_table_t *self, const char *session);

// Whether the session's completion came at least after_ms ago and nothing began in it since.
bool session_table_ended(const session_table_t *self, const char *session, int64_t after_ms,
                         int64_t now_ms);

// The labels of the session, an object; NULL when it has none. Borrowed until the next note.
const json_t *session_table_labels(const session_table_t *self, const char *session);

size_t session_table_size(const session_table_t *self);
size_t session_table_running(const session_table_t *self);

#endif
