// aider_trouble - the events of what goes wrong with a request
// SPDX-License-Identifier: MPL-2.0
//
// A part of aider_account, for it only.
#ifndef AIDER_TROUBLE_H
#define AIDER_TROUBLE_H

#include "aider_account.h"

// Name the provider that a text, or else the model at hand, belongs to. text may be NULL.
void aider_trouble_set_provider(const aider_account_t *self, json_t *payload, const char *text);

// Report an error with no retries behind it.
void aider_trouble_report(aider_account_t *self, const char *error_type, const char *text,
                          bool fatal);

// A model call failed: AIDER_FACT_FAILURE.
void aider_trouble_failure(aider_account_t *self, const aider_fact_t *fact);

// The request is lost without a ladder: a token limit, an empty reply, an exception.
void aider_trouble_lost(aider_account_t *self, const aider_fact_t *fact);

#endif
