// event_member - a member of an event: what it may be, and the sentence where it is not
// SPDX-License-Identifier: MPL-2.0
#ifndef EVENT_MEMBER_H
#define EVENT_MEMBER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { EVENT_MEMBER_PROBLEM_BYTES = 512 };

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

// Whether an object has each of the members (a list that a key of NULL ends) as it may be;
// others are left alone. False with problem a sentence without a dot: the member, with those
// that it is in before it, what it is, and what is allowed. The object is left as it is.
bool event_members_check(const event_member_t *members, json_t *object,
                         char problem[static EVENT_MEMBER_PROBLEM_BYTES]);

// Whether a word is one of words, which are separated by ", ".
bool event_member_has_word(const char *words, const char *word);

// Write the sentence; what does not fit is cut. Returns false.
__attribute__((format(printf, 2, 3))) bool
event_member_refuse(char problem[static EVENT_MEMBER_PROBLEM_BYTES], const char *format, ...);

#endif
