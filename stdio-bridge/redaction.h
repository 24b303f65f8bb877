// redaction - secrets taken out of whatever is to leave the bridge
// SPDX-License-Identifier: MPL-2.0
//
// What a rule finds becomes "[redacted:RULE]"; the rules are listed in docs/SECURITY.md. They
// know keys by their form, and values by the name before them. Time is linear in the text.
// Valid UTF-8 stays valid, and what was redacted once is left as it is.
#ifndef REDACTION_H
#define REDACTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/settings.h"

typedef struct redaction redaction_t;

enum { REDACTION_PATTERN_BYTES = 4000 };

// The rules as the settings want them (redact/off, redact/pattern). Returns NULL with *error_p,
// a sentence the caller frees, when a rule is not known or the pattern is none.
redaction_t *redaction_new(const mesh_settings_t *settings, char **error_p);
void redaction_destroy(redaction_t **self_p);

// The text without secrets, for the caller to free; NULL when there is none in it.
char *redaction_text(redaction_t *self, const char *text);

// The same for one line of many: in_block_p, false at first, remembers that a line is within a
// private key that began on an earlier one.
char *redaction_line(redaction_t *self, const char *line, bool *in_block_p);

// Take the secrets out of all strings of an object, whatever their depth; a value under a name
// that says it is secret goes as a whole. The home directory becomes "~", and control
// characters other than line ends and tabs become U+FFFD.
void redaction_payload(redaction_t *self, json_t *payload);

// How often each rule has found something since the last call: a new object, by rule; NULL when
// none has.
json_t *redaction_take_counts(redaction_t *self);

#endif
