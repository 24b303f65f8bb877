// filter - which events a stream wants
// SPDX-License-Identifier: MPL-2.0
//
// Plain values of one parameter are OR, negated values are AND NOT, parameters are AND; a
// parameter with negated values only starts from all. What is in the topic is looked at first;
// the payload is parsed only when a filter asks for a member of it and the topic has not
// decided.
#ifndef SSE_FILTER_H
#define SSE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "mesh/family.h"
#include "mesh/scope.h"

typedef enum {
    FILTER_ENDPOINT,    // types again: what the path of the stream stands for
    FILTER_TYPES,       // exact, or a prefix that ends in '*'
    FILTER_SESSION,
    FILTER_HOST,
    FILTER_REQUEST,
    FILTER_PROVIDER,
    FILTER_MODEL,
    FILTER_LABEL,    // key, or key=value; of the event or of its session
    FILTER_SEVERITY,
    FILTER_PARAMETERS,
} filter_parameter_t;

enum {
    FILTER_VALUES = 64,    // values of one parameter
    FILTER_VALUE_BYTES = 256,
};

typedef struct filter filter_t;

// One event as filters see it. Everything is borrowed. Begin with a zeroed struct; after the
// last filter call filter_event_clear.
typedef struct filter_event {
    const char *type;
    const char *host;
    const char *session;    // "" for none
    const char *payload;
    size_t payload_bytes;
    const json_t *session_labels;    // object of strings, or NULL
    json_t *json;                    // the payload, once a filter has asked; owned
    bool parsed;
} filter_event_t;

void filter_event_clear(filter_event_t *self);

// A filter that takes everything.
filter_t *filter_new(void);
void filter_destroy(filter_t **self_p);

// Add a value. Returns 0, or -1 when the parameter has FILTER_VALUES already, or the value is
// empty or longer than FILTER_VALUE_BYTES.
int filter_add(filter_t *self, filter_parameter_t parameter, const char *value, bool negated);

// Take nothing that none of the scopes takes, whatever the values say. Called before
// filter_seal; the scopes are read, not kept.
void filter_confine(filter_t *self, const mesh_scope_t *const scopes[], size_t count);

// Put the values into an order, without doubles, and make the key. Called once, after the last
// filter_add and before what follows.
void filter_seal(filter_t *self);

// The same text for all filters that say the same. Borrowed.
const char *filter_key(const filter_t *self);

bool filter_matches(const filter_t *self, filter_event_t *event);

// Whether an event of this type can match at all. Of the type type_ledger_match_fn.
bool filter_may_match_type(const void *self, const char *type);

// The same for a family of types (type_ledger_match_family_fn), and for an event of a session;
// a session or type of "" is any.
bool filter_may_match_family(const void *filter, mesh_family_t family);
bool filter_may_match_origin(const void *filter, const char *session, const char *type);

// Whether a session, with its labels (NULL for none), is one of those that the filter is about:
// by its sessions, hosts, labels and scopes, of which one must let the session's start be seen.
// Which of a session's events are wanted says nothing of the session.
bool filter_takes_session(const filter_t *self, const char *host, const char *session,
                          const json_t *labels);

// Whether some event can only be decided by its payload.
bool filter_needs_payload(const filter_t *self);

// The session, when the filter takes exactly one by name; else NULL.
const char *filter_only_session(const filter_t *self);

#endif
