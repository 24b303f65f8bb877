// session_labels - the name and the labels that a user gives a session, within their limits
// SPDX-License-Identifier: MPL-2.0
//
// Settings are UTF-8 without control characters already. What is wrong is told in a sentence
// and left out; whether that is a reason not to start is the caller's to decide.
#ifndef SESSION_LABELS_H
#define SESSION_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "mesh/settings.h"

enum {
    SESSION_LABELS_MOST = 32,
    SESSION_LABEL_KEY_BYTES = 64,
    SESSION_LABEL_VALUE_BYTES = 256,
    SESSION_NAME_BYTES = 256,
};

typedef struct session_label {
    char key[SESSION_LABEL_KEY_BYTES + 1];
    const char *value;    // borrowed from the settings
} session_label_t;

// Take the labels that are right, in their order; returns how many.
size_t session_labels_take(const mesh_settings_t *settings,
                           session_label_t labels[static SESSION_LABELS_MOST]);

// The session's name, borrowed; NULL when there is none, or it is too long.
const char *session_labels_name(const mesh_settings_t *settings);

// Tell wrong what is wrong, one sentence each, and whether an option said it rather than the
// environment or a file. Returns how often it was called.
typedef void session_labels_wrong_fn(void *arg, const char *sentence, bool by_option);
size_t session_labels_check(const mesh_settings_t *settings, session_labels_wrong_fn *wrong,
                            void *arg);

#endif
