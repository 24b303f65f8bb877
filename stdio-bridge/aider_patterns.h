// aider_patterns - which kind of line AIDER has printed, and how it writes numbers
// SPDX-License-Identifier: MPL-2.0
//
// Looks lines up in aider_table. Keeps nothing.
#ifndef AIDER_PATTERNS_H
#define AIDER_PATTERNS_H

#include "aider_table.h"

// What a line is; *text is set to the part the kind names, inside line (to its end).
aider_line_kind_t aider_patterns_line(const char *line, const char **text);

// Whether an unfinished line is AIDER's input prompt, such as "> " or "ask> ".
// *typed is set to what stands behind the prompt.
bool aider_patterns_prompt(const char *partial, const char **typed);

// A decimal number without sign; -1 when text begins otherwise or has too many digits. *end is
// set behind it.
double aider_patterns_number(const char *text, const char **end);

// Seconds: "5.289s", "20ms", "1m2s", "1h0m3.5s", "2 seconds", or a bare number. -1 when text
// begins otherwise.
double aider_patterns_duration(const char *text);

// A count as AIDER prints it ("761", "1.2k", "12k"); -1 when text begins otherwise. *end is set
// behind it.
long long aider_patterns_count(const char *text, const char **end);

#endif
