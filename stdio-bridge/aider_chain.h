// aider_chain - which model a person would fall back to, provider by provider
// SPDX-License-Identifier: MPL-2.0
#ifndef AIDER_CHAIN_H
#define AIDER_CHAIN_H

typedef struct aider_chain aider_chain_t;

// A chain of models in the order in which one falls back. "provider=model" belongs to that
// provider's chain, "model" to the chain of all providers that have none of their own. models
// ends with NULL, and may be NULL; it is copied. Never returns NULL.
aider_chain_t *aider_chain_new(const char *const *models);

// End it and set *self_p to NULL.
void aider_chain_destroy(aider_chain_t **self_p);

// What the provider's chain names behind model; its first when model is not in it. NULL when
// the chain is empty or ends with model. provider may be NULL.
const char *aider_chain_next(const aider_chain_t *self, const char *model,
                             const char *provider);

#endif
