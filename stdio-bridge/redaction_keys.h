// redaction_keys - keys that are known by how they begin
// SPDX-License-Identifier: MPL-2.0
#ifndef REDACTION_KEYS_H
#define REDACTION_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "redaction_rules.h"

// Whether a provider's key begins at `at`, of a rule that is not off. within: in the middle of
// a word, where only what nothing else begins with is a key.
bool redaction_keys_find(const char *text, size_t size, size_t at, bool within,
                         const bool off[static REDACTION_RULES], redaction_found_t *found);

// Whether a JSON web token does.
bool redaction_keys_find_jwt(const char *text, size_t size, size_t at,
                             redaction_found_t *found);

#endif
