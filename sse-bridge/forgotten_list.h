// forgotten_list - the sessions that were forgotten, and how many of their events are missing
// SPDX-License-Identifier: MPL-2.0
//
// What was removed of a session lies among what is kept of others: it is counted for whoever
// might have been shown it, beside the ledger, which knows what went at the old end. Bounded:
// the oldest entries become entries of any session and type.
#ifndef SSE_FORGOTTEN_LIST_H
#define SSE_FORGOTTEN_LIST_H

#include <jansson.h>

#include "type_ledger.h"

enum { FORGOTTEN_LIST_LIMIT = 1000 };

typedef struct forgotten_list forgotten_list_t;

forgotten_list_t *forgotten_list_new(void);
void forgotten_list_destroy(forgotten_list_t **self_p);

// With another epoch nothing is missing from it.
void forgotten_list_clear(forgotten_list_t *self);

// A session was forgotten: `removed` events, of these types (an object: type -> how many;
// borrowed), the last at `last`; told at recorded_us. Told again, the greater number counts.
void forgotten_list_add(forgotten_list_t *self, const char *session, uint64_t removed,
                        uint64_t last, const json_t *types, int64_t recorded_us);

// Which sessions and types somebody might have been shown; "" is any.
typedef bool forgotten_list_match_fn(const void *arg, const char *session, const char *type);

// What is missing for whoever has what is up to `after`.
type_removal_t forgotten_list_missing(const forgotten_list_t *self, uint64_t after,
                                      forgotten_list_match_fn *may_match, const void *arg);

size_t forgotten_list_size(const forgotten_list_t *self);

#endif
