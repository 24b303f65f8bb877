// event_rules - what the members of an aider event may be, as docs/events.schema.json says
// SPDX-License-Identifier: MPL-2.0
//
// One table (event_rules_table.c), and the few rules between members. Members it does not name
// are allowed with any value but null. The common members that the publisher adds (host,
// source, seq, and timestamp and session_id where they are missing) need not be there.
#ifndef EVENT_RULES_H
#define EVENT_RULES_H

#include "event_member.h"

enum {
    EVENT_RULES_DEPTH = 32,    // arrays and objects within each other, the payload one of them
    EVENT_RULES_PROBLEM_BYTES = EVENT_MEMBER_PROBLEM_BYTES,
};

typedef struct event_type {
    const char *name;    // "aider.session_started"; NULL ends the table
    const event_member_t *members;
    bool of_request;    // an event of a request: request_id is required
} event_type_t;

extern const event_type_t event_rules_table[];

// The row of a type; NULL when there is none.
const event_type_t *event_rules_find(const char *type);

// Whether payload (an object, left as it is) may be published as an event of the type; type may
// be NULL for an event of another family, of which only the common members and nulls are looked
// at. False with problem a sentence without a dot: the member, what it is, and what is allowed.
bool event_rules_check(const event_type_t *type, json_t *payload,
                       char problem[static EVENT_RULES_PROBLEM_BYTES]);

#endif
