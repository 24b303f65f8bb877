// analytics_log - the private analytics log that the bridge asks AIDER for
// SPDX-License-Identifier: MPL-2.0
#ifndef ANALYTICS_LOG_H
#define ANALYTICS_LOG_H

#include "aider_files.h"
#include "mesh/settings.h"

typedef struct analytics_log {
    char *path;            // owned; NULL when AIDER is not asked
    char **environment;    // the command's: environ, or an owned copy with AIDER_ANALYTICS_LOG
} analytics_log_t;

// Where the user has an analytics log, by option, environment or file, AIDER is not asked for
// another. Else an empty file (0600, in the runtime directory) is made for this session. When
// that fails the session does without.
void analytics_log_prepare(analytics_log_t *self, const mesh_settings_t *settings,
                           const aider_files_t *places);

// Free what was made here; the file stays, see analytics_log_remove.
void analytics_log_release(analytics_log_t *self);

// Remove the file of a session that nobody observes any more.
void analytics_log_remove(const analytics_log_t *self);

#endif
