// event_rules - what the members of an aider event may be, as docs/events.schema.json says
// SPDX-License-Identifier: MPL-2.0
//
// One table (event_rules_table.c), and the few rules between members. Members it does not name
// are allowed with any value but null. The common members that the publisher adds (host,
// source, seq, and timestamp and session_id where they are missing) need not be there.
#ifndef EVENT_RULES_H
#define EVENT_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EVENT_RULES_DEPTH = 32,    // arrays and objects within each other, the payload one of them
    EVENT_RULES_PROBLEM_BYTES = 512,
};

typedef enum {
    EVENT_TEXT,        // least: characters, at least
    EVENT_HASH,        // of a commit
    EVENT_FLAG,        // true or false
    EVENT_COUNT,       // a whole number from least to most
    EVENT_NUMBER,      // from 0
    EVENT_POSITIVE,    // a number above 0
    EVENT_WORD,        // one of words
    EVENT_NAMES,       // an array of texts
    EVENT_LABELS,      // an object of texts
    EVENT_COUNTS,      // an object of whole numbers from 1
    EVENT_OBJECT,      // an object with members
    EVENT_OBJECTS,     // an array of such
} event_kind_t;

typedef struct event_member {
    const char *key;                       // NULL ends a list
    const char *words;                     // of EVENT_WORD, separated by ", "
    const struct event_member *members;    // of EVENT_OBJECT and EVENT_OBJECTS
    int64_t least, most;                   // most 0: no limit
    event_kind_t kind;
    bool required;
} event_member_t;

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
