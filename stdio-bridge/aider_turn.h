// aider_turn - one request: the attempts made for it, and what became of it
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sources: it is told each fact once. What it says is payload for aider_session.
#ifndef AIDER_TURN_H
#define AIDER_TURN_H

#include "aider_facts.h"
#include "aider_tally.h"

#include <jansson.h>
#include <mesh/uuid.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    AIDER_OUTCOME_OK,
    AIDER_OUTCOME_FAILED,
    AIDER_OUTCOME_GAVE_UP,
    AIDER_OUTCOME_CANCELLED,
    AIDER_OUTCOME_KILLED,
} aider_outcome_t;

const char *aider_outcome_name(aider_outcome_t outcome);

// The tries of one model call: AIDER's ladder.
typedef struct aider_attempt {
    int number;         // from 1
    double delay;       // seconds until the next, -1 when there is none
    bool will_retry;    //
} aider_attempt_t;

typedef struct aider_turn {
    bool open;
    char id[MESH_UUID_TEXT_SIZE];
    int64_t started_ms;
    aider_tally_t tally;

    int attempts;           // failed ones, and calls that ended
    int last_attempt;       // of the ladder at hand, 0 outside
    int last_secondary;     // the same for a commit message
    int64_t retry_at_ms;    // when a known sleep ends, -1 for none
    bool retrying;          // failed before, and tried again

    bool answered;        // the last round had a reply
    bool call_ended;      // and its Tokens line; an interrupt then changes nothing
    bool failed;          // the last round was given up or refused
    bool gave_up;         // … after an error AIDER would have repeated
    bool stopped;         // the person interrupted it
    bool interrupted;     // before its call had ended
    char suspect[512];    // the end of a traceback that only the console showed

    struct {
        unsigned calls;
        unsigned priced;
        long long sent;
        long long received;
        double cost;
        double session_cost;
    } sums[AIDER_SOURCE_COUNT];
} aider_turn_t;

// Begin a new request; whatever the turn held is gone.
void aider_turn_open(aider_turn_t *self, int64_t now_ms);

// Whether a failure's text gives it a number on AIDER's ladder, and which: 1 to
// AIDER_MAX_RETRIES, 0 for none.
int aider_turn_rung(double delay);

// A model call failed.
aider_attempt_t aider_turn_failure(aider_turn_t *self, const aider_fact_t *fact,
                                   int64_t now_ms);

// A reply has begun, or a call ended well: returns how many failed tries it ends, 0 for none.
int aider_turn_progress(aider_turn_t *self);

// A call ended with something received, or nothing.
void aider_turn_call_ended(aider_turn_t *self, const aider_fact_t *fact);

// The round is lost without a ladder: token limit, empty response, an exception.
void aider_turn_lost(aider_turn_t *self);

// Add what a source counts, known from another or not: sums are kept per source.
void aider_turn_add(aider_turn_t *self, const aider_fact_t *fact, aider_source_t source);

// What has become of the request if it ends now; ended_by is the signal or status of the exit,
// 0 for a proper end.
aider_outcome_t aider_turn_outcome(const aider_turn_t *self, int exit_code, int signal);

// The payload of request_completed; the caller owns it.
json_t *aider_turn_completed(const aider_turn_t *self, aider_outcome_t outcome, int64_t now_ms);

#endif
