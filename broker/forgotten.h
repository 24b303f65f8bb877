// forgotten - the sessions whose events are let go when they come
// SPDX-License-Identifier: MPL-2.0
//
// A spool that was not reached when its session was forgotten may deliver long after. Bounded:
// past the limit the session forgotten first goes first. Knows no sockets.
#ifndef BROKER_FORGOTTEN_H
#define BROKER_FORGOTTEN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct forgotten forgotten_t;

forgotten_t *forgotten_new(size_t limit);
void forgotten_destroy(forgotten_t **self_p);

// Returns whether it was not there before.
bool forgotten_add(forgotten_t *self, const char *session);

bool forgotten_has(const forgotten_t *self, const char *session);

// Say whether the journal has noted that it is: then it stays so through restarts. Not of one
// just added; passed over for one that is not there.
void forgotten_note(forgotten_t *self, const char *session, bool noted);
bool forgotten_is_noted(const forgotten_t *self, const char *session);

void forgotten_remove(forgotten_t *self, const char *session);
size_t forgotten_size(const forgotten_t *self);

// Walk, the one forgotten first first: first, next, NULL at the end. Nothing may be changed
// meanwhile.
const char *forgotten_first(forgotten_t *self);
const char *forgotten_next(forgotten_t *self);

#endif
