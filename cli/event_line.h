// event_line - one event as one line of text for a person
// SPDX-License-Identifier: MPL-2.0
//
// What an event says came from a provider, a model or a file, so it is foreign text on its way
// to somebody's terminal: control characters, escape sequences and marks that reorder text are
// shown as what they are and never sent.
#ifndef CLI_EVENT_LINE_H
#define CLI_EVENT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

// The longest piece of foreign text in a line, in characters; more is cut, marked "...".
enum { EVENT_LINE_TEXT_LIMIT = 160 };

// Write "<local time> <host> <session> <event> <what a person wants to know>" and a newline.
// The time is the payload's timestamp, the session its last eight characters: the first ones of
// a version 7 UUID are the same for all sessions of one minute; "(late)" stands before the
// words of an event that was recorded long after. type need not be known. payload is borrowed
// and not changed.
void event_line_write(FILE *out, const char *type, json_t *payload);

// Write such a line for each session of a snapshot (the payload of a stream.snapshot), whose
// time is that of the session's last event.
void event_line_write_sessions(FILE *out, const char *type, const json_t *payload);

// Write {"id":...,"event":...,"data":...} and a newline, in ASCII without control characters.
// id is left out when it is "". payload is borrowed and not changed. Returns 0, or -1 with
// nothing written when id or type is no UTF-8.
int event_line_write_json(FILE *out, const char *id, const char *type, json_t *payload);

// Write foreign text: at most limit characters, with line ends and tabs as spaces, and every
// other character that could act on a terminal as \xNN or \uNNNN. Bytes that are no UTF-8 are
// shown as \xNN too.
void event_line_write_text(FILE *out, const char *text, size_t limit);

// What a stream.* event (which is about the stream itself, not in it) has to tell a person, as
// a sentence without a newline; returns false, having written nothing, when it is not worth
// one.
bool event_line_write_stream(FILE *out, const char *type, const json_t *payload);

#endif
