// redaction_rules - what a secret looks like: where one begins and ends in a text
// SPDX-License-Identifier: MPL-2.0
#ifndef REDACTION_RULES_H
#define REDACTION_RULES_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    REDACTION_ANTHROPIC,
    REDACTION_ASSIGNMENT,
    REDACTION_AWS,
    REDACTION_BASIC,
    REDACTION_BEARER,
    REDACTION_GITHUB,
    REDACTION_GITLAB,
    REDACTION_GOOGLE,
    REDACTION_GROQ,
    REDACTION_HOME,
    REDACTION_HUGGINGFACE,
    REDACTION_JWT,
    REDACTION_OPENAI,
    REDACTION_OPENROUTER,
    REDACTION_PATTERN,
    REDACTION_PEM,
    REDACTION_SERVICE,
    REDACTION_SLACK,
    REDACTION_STRIPE,
    REDACTION_URL,
    REDACTION_XAI,
    REDACTION_RULES,    // how many there are
} redaction_rule_t;

// The rule's name, as in the settings and in what it leaves.
const char *redaction_rule_name(redaction_rule_t rule);

typedef struct redaction_found {
    redaction_rule_t rule;
    size_t from, to;    // the bytes to take out
    bool open;          // a private key that does not end within the text
} redaction_found_t;

// Look for a secret that begins, or whose name does, at byte `at` of a text of size bytes.
// off tells of each rule whether it is off.
bool redaction_rules_find(const char *text, size_t size, size_t at,
                          const bool off[static REDACTION_RULES], redaction_found_t *found);

// Whether a member of this name holds a secret.
bool redaction_rules_is_secret_name(const char *name, size_t size);

// Where a private key's last line ends in a text; 0 when it does not.
size_t redaction_rules_block_end(const char *text, size_t size);

#endif
