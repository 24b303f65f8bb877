// aider_reader - what the parts of a reader of facts share; for aider_facts.c and its kin only
// SPDX-License-Identifier: MPL-2.0
#ifndef AIDER_READER_H
#define AIDER_READER_H

#include "aider_facts.h"

enum {
    TEXT_LIMIT_BYTES = 4096,    // of an error's text or of a joined line
    JOIN_LIMIT_LINES = 3,       // a line of the banner or a Tokens line is never longer
    LEAST_DESCRIPTION = 12,     // "The API prov": below this a line is not taken for one
    TRACEBACK_LIMIT_LINES = 500,
};

typedef enum { BANNER_AHEAD, BANNER_IN, BANNER_PASSED } banner_t;

// A failure whose end is not known yet.
typedef struct failure {
    const aider_error_t *error;    // NULL when there is none
    char text[TEXT_LIMIT_BYTES];
    bool described;             // AIDER's own sentence was seen
    const char *description;    // what is still to come of that sentence, in a wrapped console
    bool alone;                 // no reply had begun that could quote it
    bool doubted;               // "Retrying in" may be the reply's, too
    bool ended;                 // a blank line was seen behind the text
    int64_t since_ms;
} failure_t;

struct aider_facts {
    aider_source_t source;
    aider_facts_plan_t plan;
    size_t columns;
    aider_fact_fn *handler;
    void *arg;    // borrowed

    banner_t banner;
    failure_t failure;
    size_t traceback_lines;    // not 0: inside a traceback
    // What AIDER said last that is nothing known. "Retrying in" behind it makes it an error.
    char unknown[TEXT_LIMIT_BYTES];

    // The round, which is one model call with its retries.
    bool round_open;      // a call may be running
    bool replied;         // its reply has been told
    bool edited;          // an edit followed the last Tokens line
    bool reporting;       // inside the linter's report, which may quote anything
    bool after_tokens;    // the line before was a Tokens line
    bool no_reply;        // the last Tokens line said 0 received

    // Inside "Model … has hit a token limit!"; limit_model is empty outside.
    char limit_model[128];
    bool limit_input;
    bool limit_output;

    // The chat history.
    bool spoken;      // somebody has said something
    bool shared;      // another AIDER writes here too; nothing is believed any more
    bool starting;    // the next line of AIDER's own is its command line
    char command[TEXT_LIMIT_BYTES];    // that of the first start; empty before it
    bool in_input;                     // inside a block of "#### " lines
    char reply[256];                   // the first line of this round's reply

    // The console.
    bool asking;          // a prompt or question is on the screen
    bool drawn;           // that prompt came as a line, as fancy input draws it
    bool fancy;           // one has come so; what is typed may be seen half done
    int64_t prompt_ms;    // since when a prompt, or the model's quotation, stands there; or -1
    char typed[256];      // what was typed last, while nothing has come of it
    char carry[TEXT_LIMIT_BYTES];    // the beginning of a wrapped line
    size_t carried;                  // lines in carry
    size_t carried_row;              // characters of the last of them
};

#define AIDER_READER_SPINNER "░█=# "    // what AIDER's spinner is painted with

// A fact of this kind with all figures unknown.
aider_fact_t aider_reader_fact(aider_fact_kind_t kind, const char *text);

// Hand out a fact.
void aider_reader_hand_out(aider_facts_t *self, const aider_fact_t *fact);

// Hand out a fact that has no more than a text.
void aider_reader_tell(aider_facts_t *self, aider_fact_kind_t kind, const char *text);

// Append to a bounded text; a character is never cut in two.
void aider_reader_append(char *text, size_t capacity, const char *more);

// A model call may be running, and its reply is still to come.
void aider_reader_open_round(aider_facts_t *self);

// The reply has begun, with this line or part of one; told once in a round.
void aider_reader_reply_seen(aider_facts_t *self, const char *line);

// Hand out the failure at hand, if there is one; delay as in aider_fact_t.
void aider_reader_settle(aider_facts_t *self, double delay);

// A line behind a failure's first. Returns true when it belongs to the failure.
bool aider_reader_continue_failure(aider_facts_t *self, aider_line_kind_t kind,
                                   const char *line, const char *text);

// Returns true when the line begins a failure.
bool aider_reader_take_failure(aider_facts_t *self, const char *line, int64_t now_ms);

// "Retrying in" behind no failure that is known: what AIDER said before was one.
void aider_reader_take_unknown(aider_facts_t *self, double delay);

// A line inside a traceback.
void aider_reader_continue_traceback(aider_facts_t *self, const char *line);

// One line of AIDER's own, or, on the console, perhaps of the reply.
void aider_reader_tool_line(aider_facts_t *self, const char *line, int64_t now_ms);

// What follows "Cost: $".
void aider_reader_take_cost(aider_facts_t *self, const char *text);

// One line of the console, as it is.
void aider_reader_console_line(aider_facts_t *self, const char *line, int64_t now_ms);

// AIDER stands at its prompt.
void aider_reader_show_prompt(aider_facts_t *self, const char *prompt);

// The console's unfinished line.
void aider_reader_console_partial(aider_facts_t *self, const char *partial, int64_t now_ms);

#endif
