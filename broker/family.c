// family - the kinds of events that retention and cursors tell apart
// SPDX-License-Identifier: MPL-2.0
#include "family.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

// The first that fits; a name that ends in '*' fits all that begin so.
static const struct {
    const char *type;
    family_t family;
} families[] = {
    {"aider.rate_limit_detected", FAMILY_ERRORS},
    {"aider.error_occurred", FAMILY_ERRORS},
    {"aider.throttling_*", FAMILY_ERRORS},
    {"aider.session_progress", FAMILY_PROGRESS},
    {"aider.*", FAMILY_SESSIONS},
    {"mesh.*", FAMILY_MESH},
};

family_t
family_of(const char *type)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const char *wanted = families[i].type;
        size_t length = strlen(wanted);
        int differs = wanted[length - 1] == '*' ? strncmp(type, wanted, length - 1)
                                                : strcmp(type, wanted);
        if (!differs)
            return families[i].family;
    }
    return FAMILY_OTHER;
}

const char *
family_name(family_t self)
{
    static const char *const names[FAMILIES] = {
        [FAMILY_ERRORS] = "errors",     [FAMILY_PROGRESS] = "progress",
        [FAMILY_SESSIONS] = "sessions", [FAMILY_MESH] = "mesh",
        [FAMILY_OTHER] = "other",
    };
    assert(self < FAMILIES);
    return names[self];
}
