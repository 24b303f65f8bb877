// aider_account - what is known of a session, and the events made of it
// SPDX-License-Identifier: MPL-2.0
//
// Knows nothing of sources: each fact comes here once, from aider_session, which also keeps
// `now`.
#ifndef AIDER_ACCOUNT_H
#define AIDER_ACCOUNT_H

#include "aider_chain.h"
#include "aider_changes.h"
#include "aider_options.h"
#include "aider_session.h"
#include "aider_turn.h"

enum {
    AIDER_ACCOUNT_INPUT_BYTES = 8192,    // kept of a prompt that was typed
    AIDER_ACCOUNT_MODEL_BYTES = 256,
};

typedef struct aider_account {
    aider_session_report_fn *handler;
    void *arg;    // borrowed
    aider_time_t now;
    aider_time_t started;
    int64_t said_ms;    // when something was last reported

    char *message;    // owned; of --message, or NULL
    aider_prompt_t prompt;
    redaction_t *redaction;    // borrowed; NULL where none is to be
    int64_t waiting_ms;
    aider_chain_t *chain;    // owned
    char original_model[AIDER_ACCOUNT_MODEL_BYTES];
    char model[AIDER_ACCOUNT_MODEL_BYTES];
    char version[64];
    bool banner_told;
    bool failed_model;       // the model at hand has failed at least once
    bool fallback_used;      // another took over from one that had failed
    bool model_asked_for;    // the person asked for another

    unsigned
        turn_number;    // of the request at hand or, when none is open, of the last; from 1
    aider_turn_t turn;
    bool any_turn;    // a request was completed
    aider_outcome_t last_outcome;
    bool rate_limited;
    aider_changes_t changes;
} aider_account_t;

// Fill an account that is all zero but for handler and arg, and report session_started.
void aider_account_begin(aider_account_t *self, const aider_session_start_t *start,
                         const aider_options_t *options, aider_time_t now);

// Report an event of now, with the request at hand. Takes payload.
void aider_account_report(aider_account_t *self, const char *type, json_t *payload);

// Free what it holds.
void aider_account_clear(aider_account_t *self);

// A request begins, ending the one at hand; ends, if one is open, by the exit where the exit's
// figures are not 0.
void aider_account_open(aider_account_t *self, const char *prompt);
void aider_account_close(aider_account_t *self, int exit_code, int signal);

// AIDER's version or model, as its banner has it.
void aider_account_banner(aider_account_t *self, const aider_fact_t *fact);

// Something befell one of the sources, which tells no more: stage "source_shared" or
// "source_failed". why may be NULL.
void aider_account_source(aider_account_t *self, const char *stage, const char *source,
                          const char *why);

// Any other fact.
void aider_account_fact(aider_account_t *self, const aider_fact_t *fact);

// AIDER waits for a person, at its prompt or with a question.
void aider_account_question(aider_account_t *self, const char *question, bool at_prompt);

// Nothing else was said for a while, though a reply may be streaming.
void aider_account_waiting(aider_account_t *self, bool streaming);

// The session has ended.
void aider_account_completed(aider_account_t *self, int exit_code, int signal);

#endif
