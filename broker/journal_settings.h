// journal_settings - what the configuration says of the journal
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_JOURNAL_SETTINGS_H
#define BROKER_JOURNAL_SETTINGS_H

#include "journal.h"
#include "mesh/settings.h"

// Fill in the options. *path_p, which the options borrow, is the caller's to free. Returns 0,
// or -1 with *error_p a sentence the caller frees.
int journal_settings_read(journal_options_t *options, char **path_p,
                          const mesh_settings_t *settings, char **error_p);

#endif
