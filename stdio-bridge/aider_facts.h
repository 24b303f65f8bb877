// aider_facts - what one source tells of an AIDER session, line by line
// SPDX-License-Identifier: MPL-2.0
//
// Each source tells the same story in its own way: the console (stdout, perhaps wrapped at the
// terminal's width, the model's reply mixed in), the chat history (whole lines, the reply
// marked off) and the analytics log (no errors, but rounds and exact counts). A reader of facts
// turns one of them into an ordered sequence of facts; aider_session puts the sequences
// together.
//
// A failure is told when the reader knows whether AIDER repeats it: at the "Retrying in" line,
// or at a line that shows there is none, or when nothing came for AIDER_FACTS_HOLD_MS.
#ifndef AIDER_FACTS_H
#define AIDER_FACTS_H

#include "aider_errors.h"
#include "aider_patterns.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct aider_facts aider_facts_t;

enum { AIDER_FACTS_HOLD_MS = 500, AIDER_FACTS_DEFAULT_COLUMNS = 80 };

typedef enum {
    AIDER_SOURCE_CONSOLE,
    AIDER_SOURCE_HISTORY,
    AIDER_SOURCE_ANALYTICS,
    AIDER_SOURCE_STDERR,
    AIDER_SOURCE_COUNT,
} aider_source_t;

typedef enum {
    AIDER_FACT_VERSION,     // text
    AIDER_FACT_MODEL,       // text: the model's name
    AIDER_FACT_READY,       // the banner is over
    AIDER_FACT_INPUT,       // the person (or -m) said something; text, "" when not shown
    AIDER_FACT_PROMPT,      // AIDER waits at its prompt
    AIDER_FACT_QUESTION,    // AIDER waits for an answer; text
    AIDER_FACT_SEND,        // a model call begins
    AIDER_FACT_COMMAND,     // a slash command ran; text
    AIDER_FACT_EXIT,        // AIDER is about to end; text: the reason
    AIDER_FACT_REPLY,       // the reply began; on the console, text: with this
    AIDER_FACT_OWN,         // history: AIDER itself said something that is nothing known; text
    AIDER_FACT_FAILURE,     // a model call failed; text, error, verdict, delay, sure, secondary
    AIDER_FACT_TOKENS,      // a model call ended; sent, received
    AIDER_FACT_COST,        // cost, session_cost
    AIDER_FACT_FILE_ADDED,
    AIDER_FACT_EDIT,    // text: the path
    AIDER_FACT_COMMIT,
    AIDER_FACT_COMMIT_FAILED,
    AIDER_FACT_TOKEN_LIMIT,    // text, output
    AIDER_FACT_EMPTY_RESPONSE,
    AIDER_FACT_EDIT_FORMAT,
    AIDER_FACT_REFLECTIONS,
    AIDER_FACT_LINT,
    AIDER_FACT_TEST,
    AIDER_FACT_SHELL,
    AIDER_FACT_CONFIRMED,    // a yes/no question with its answer; text
    AIDER_FACT_INTERRUPT,
    AIDER_FACT_TRACEBACK,    // text: the last line of a Python traceback
    AIDER_FACT_UNCAUGHT,
    AIDER_FACT_SHARED,          // another AIDER writes to this source; it tells no more
    AIDER_FACT_HISTORY_LOST,    // AIDER cannot write its chat history; text: the file
    AIDER_FACT_COUNT,
} aider_fact_kind_t;

typedef struct aider_fact {
    aider_fact_kind_t kind;
    const char *text;              // "" where the kind has none; valid in the call only
    const aider_error_t *error;    // FAILURE: the class, or a user's row
    aider_verdict_t verdict;       // FAILURE
    double delay;                  // FAILURE: seconds printed, -1: not repeated
    bool sure;                     // FAILURE: cannot be the model quoting an error;
                                   // INPUT: the text is all that was said
    bool secondary;                // FAILURE: of a commit message, not of the request
    bool output;                   // TOKEN_LIMIT: the output's limit
    long long sent;                // TOKENS; -1: unknown
    long long received;
    double cost;    // COST; US dollars, -1: unknown
    double session_cost;
} aider_fact_t;

// What to do with a fact. The fact and its text belong to the caller.
typedef void aider_fact_fn(void *arg, const aider_fact_t *fact);

// How a session is read.
typedef struct aider_facts_plan {
    bool interactive;    // the console may show prompts (no --message)
    bool terminal;       // and, on a terminal, paint them
    size_t columns;      // the width the console is wrapped at, 0 for AIDER's default
    aider_user_patterns_t *user;    // borrowed; or NULL
} aider_facts_plan_t;

// A reader of one source. Never returns NULL.
aider_facts_t *aider_facts_new(aider_source_t source, const aider_facts_plan_t *plan,
                               aider_fact_fn *handler, void *arg);

// End the reader, without telling what it still held, and set *self_p to NULL.
void aider_facts_destroy(aider_facts_t **self_p);

// One whole line of plain text (terminal_text), without its newline. Not for analytics.
void aider_facts_line(aider_facts_t *self, const char *line, int64_t now_ms);

// The console's unfinished line as it stands now; called again as it grows.
void aider_facts_partial(aider_facts_t *self, const char *partial, int64_t now_ms);

// One record of the analytics log. Borrows record; one that is not as expected tells nothing.
void aider_facts_record(aider_facts_t *self, const json_t *record);

// A request is known to be open, so the banner, if there is one, is over.
void aider_facts_begun(aider_facts_t *self);

// Time has passed: tell what waited long enough.
void aider_facts_tick(aider_facts_t *self, int64_t now_ms);

// When the next tick is wanted, -1 for never.
int64_t aider_facts_next_tick_ms(const aider_facts_t *self);

// Nothing more will come: tell what waited.
void aider_facts_finish(aider_facts_t *self);

#endif
