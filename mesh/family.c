// family - the kinds of events that retention and cursors tell apart
// SPDX-License-Identifier: MPL-2.0
#include "mesh/family.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

// The first that fits; a name that ends in '*' fits all that begin so.
static const struct {
    const char *type;
    mesh_family_t family;
} families[] = {
    {"aider.rate_limit_detected", MESH_FAMILY_ERRORS},
    {"aider.error_occurred", MESH_FAMILY_ERRORS},
    {"aider.throttling_*", MESH_FAMILY_ERRORS},
    {"aider.session_progress", MESH_FAMILY_PROGRESS},
    {"aider.*", MESH_FAMILY_SESSIONS},
    {"mesh.*", MESH_FAMILY_MESH},
};

mesh_family_t
mesh_family_of(const char *type)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const char *wanted = families[i].type;
        size_t length = strlen(wanted);
        int differs = wanted[length - 1] == '*' ? strncmp(type, wanted, length - 1)
                                                : strcmp(type, wanted);
        if (!differs)
            return families[i].family;
    }
    return MESH_FAMILY_OTHER;
}

const char *
mesh_family_name(mesh_family_t self)
{
    static const char *const names[MESH_FAMILIES] = {
        [MESH_FAMILY_ERRORS] = "errors",     [MESH_FAMILY_PROGRESS] = "progress",
        [MESH_FAMILY_SESSIONS] = "sessions", [MESH_FAMILY_MESH] = "mesh",
        [MESH_FAMILY_OTHER] = "other",
    };
    assert(self < MESH_FAMILIES);
    return names[self];
}
