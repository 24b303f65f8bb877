// aider_fusion - what the sources of one session tell, put together: each fact counts once
// SPDX-License-Identifier: MPL-2.0
//
// A part of aider_session, for it only; aider_session.h says how sources are matched.
#ifndef AIDER_FUSION_H
#define AIDER_FUSION_H

#include "aider_account.h"
#include "aider_tally.h"

enum { AIDER_FUSION_OWN_BYTES = 512 };

struct aider_fusion;

// One source, and where in the session it is.
typedef struct aider_told {
    struct aider_fusion *fusion;    // borrowed; whose it is
    aider_source_t name;
    aider_facts_t *facts;    // owned
    unsigned turn;           // the request this source was last in, counted from 1
    bool joined;             // it is in that request now
    bool spoke;              // it has told of inputs or requests at all
    bool lost;               // it is not listened to any more
    unsigned inputs;         // what the person said, since all were level
    char input[AIDER_ACCOUNT_INPUT_BYTES];    // the last of it
} aider_told_t;

typedef struct aider_fusion {
    aider_account_t account;
    bool interactive;
    aider_told_t sources[AIDER_SOURCE_COUNT];
    aider_tally_t tally;    // of what is told outside requests
    int64_t asked_ms;       // since when AIDER waits for a person, -1 when it does not
    bool asked_told;
    bool at_prompt;
    char question[AIDER_ACCOUNT_INPUT_BYTES];
    char own[AIDER_FUSION_OWN_BYTES];    // what AIDER itself said last, by the history
} aider_fusion_t;

// Make the readers of all sources of a fusion that is zero but for account and interactive.
void aider_fusion_begin(aider_fusion_t *self, const aider_facts_plan_t *plan);

// End the readers.
void aider_fusion_clear(aider_fusion_t *self);

// AIDER has stood at its prompt for long enough that every source has caught up.
void aider_fusion_level(aider_fusion_t *self);

// A source is not to be listened to any more, which is reported once: it is shared with
// another session, or failed for a reason, which may be NULL.
void aider_fusion_lose(aider_fusion_t *self, aider_source_t source, bool shared,
                       const char *why);

#endif
