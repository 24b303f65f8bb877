// aider_errors - which error a text tells of, and what else it says of it
// SPDX-License-Identifier: MPL-2.0
//
// Looks things up in aider_table, and in what a user added (aider_user_patterns). Keeps
// nothing.
#ifndef AIDER_ERRORS_H
#define AIDER_ERRORS_H

#include "aider_table.h"
#include "aider_user_patterns.h"

// Find "litellm.<Class>:" in text; of several in a chain the last counts, and a class the table
// does not know, but for its ending in "Error", is AIDER_ERROR_UNKNOWN. Some texts that are
// printed without their class, at the beginning, count too. Returns the class's row and sets
// *at to where it begins, or NULL.
const aider_error_t *aider_errors_class(const char *text, const char **at);

// The class a line stands for by being its description word for word, or NULL.
const aider_error_t *aider_errors_description(const char *line);

// Whether a line is one of AIDER's own sentences behind an error, whole.
bool aider_errors_sentence(const char *line);

// A small number for a row: 0 for AIDER_ERROR_UNKNOWN and a user's.
unsigned aider_errors_index(const aider_error_t *error);

// What is known of an error.
typedef struct aider_verdict {
    const char *error_type;    // never NULL
    const char *provider;      // as the row or the user's pattern says, else NULL
    const char *limit_type;    // NULL where the text does not say
    bool retryable;            // AIDER usually tries again
    double retry_after;        // seconds the provider asks to wait; -1 when it names none
} aider_verdict_t;

// Judge an error of this class by its text. user may be NULL; what it gives lives as long as
// it.
aider_verdict_t aider_errors_judge(const aider_error_t *error, const char *text,
                                   aider_user_patterns_t *user);

// Whether a type is a refusal for rate or quota.
bool aider_errors_is_limit(const char *error_type);

// Seconds the provider asks to wait, or -1 when the text names none.
double aider_errors_retry_after(const char *text);

// Write the provider, lower case, named by "<X>Exception" in the text or else by the model's
// name, into provider. Returns provider, or NULL when neither names one.
const char *aider_errors_provider(const char *text, const char *model, char *provider,
                                  size_t size);

#endif
