// gap_report - what is said of events that are missing, in streams and in answers alike
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_GAP_REPORT_H
#define SSE_GAP_REPORT_H

#include <jansson.h>

#include "mesh/cursor.h"
#include "resume.h"

// Set a member to a cursor's text.
void gap_report_cursor(json_t *json, const char *member, const mesh_cursor_t *cursor);

// Set "from", "to" and "at_most": what lies between two places is missing, at most so many.
// Across epochs nobody can count: then "at_most" is not set.
void gap_report_between(json_t *json, const mesh_cursor_t *from, const mesh_cursor_t *to,
                        uint64_t at_most);

// Set "from", where it is known, "to" and "at_most" of a verdict RESUME_GAP, in its epoch.
void gap_report_range(json_t *json, uint64_t epoch, const resume_answer_t *answer);

// The "reason" of such a verdict; static.
const char *gap_report_reason(const resume_answer_t *answer);

#endif
