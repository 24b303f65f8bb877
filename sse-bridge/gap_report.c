// gap_report - what is said of events that are missing, in streams and in answers alike
// SPDX-License-Identifier: MPL-2.0
#include "gap_report.h"

#include <stdint.h>

void
gap_report_cursor(json_t *json, const char *member, const mesh_cursor_t *cursor)
{
    char text[MESH_CURSOR_SIZE];
    mesh_cursor_format(cursor, text);
    json_object_set_new(json, member, json_string(text));
}

static void
set_at_most(json_t *json, uint64_t count)
{
    json_object_set_new(json, "at_most",
                        json_integer(count < INT64_MAX ? (json_int_t) count : INT64_MAX));
}

void
gap_report_between(json_t *json, const mesh_cursor_t *from, const mesh_cursor_t *to,
                   uint64_t at_most)
{
    gap_report_cursor(json, "from", from);
    gap_report_cursor(json, "to", to);
    if (from->epoch == to->epoch)
        set_at_most(json, at_most);
}

void
gap_report_range(json_t *json, uint64_t epoch, const resume_answer_t *answer)
{
    if (answer->from_known)
        gap_report_cursor(json, "from", &(mesh_cursor_t){epoch, answer->from});
    gap_report_cursor(json, "to", &(mesh_cursor_t){epoch, answer->to});
    set_at_most(json, answer->at_most);
}

const char *
gap_report_reason(const resume_answer_t *answer)
{
    return answer->forgotten ? "forgotten" : "removed";
}
