// aider_patterns - the texts AIDER and litellm print, and what each means
// SPDX-License-Identifier: MPL-2.0
//
// One table of the exceptions AIDER retries or not, one of the lines it prints, and the few
// readings of an error text that more than one of them needs. Nothing here keeps state, except
// that tables are constant; the texts are those of AIDER 0.81 to 0.86.
//
// The error types (member error_type of aider.error_occurred):
//   rate_limit       refused for rate; only when given up, else it is aider.rate_limit_detected
//   quota            refused for quota, credit or budget
//   timeout          no answer in time
//   overloaded       the provider says that it is down or overloaded
//   server           the provider failed (5xx) for another reason
//   connection       the provider could not be reached
//   api              the provider answered something else that is retried
//   auth             the key is missing or wrong
//   permission       the key may not do this
//   not_found        no such model or address
//   bad_request      the request was refused as it is
//   content_policy   refused by the provider's safety policy
//   image            an image could not be fetched by the provider
//   context_window   more tokens than the model takes
//   output_limit     the reply was cut at the model's output limit
//   empty_response   the provider answered nothing
//   edit_format      the reply's edits could not be applied
//   reflections      the reply was still wrong after AIDER's three tries
//   unmapped         an exception in AIDER's turn that litellm does not name
//   crash            AIDER itself ended with an uncaught exception
#ifndef AIDER_PATTERNS_H
#define AIDER_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

// AIDER's ladder: 0.25 s doubled up to 32 s, then it gives up.
enum { AIDER_MAX_RETRIES = 8 };

// One litellm exception class.
typedef struct aider_exception {
    const char *name;           // as printed behind "litellm."
    const char *error_type;     // before the text is looked at; see above
    bool retryable;             // AIDER tries again, up to AIDER_MAX_RETRIES times
    bool rate_limit;            // tells of a refusal for rate or quota
    const char *description;    // AIDER's own sentence behind it, or NULL
    const char *meaning;        // for docs
} aider_exception_t;

// What a line of AIDER's own says.
typedef enum {
    AIDER_LINE_OTHER,         // none of the below: a reply, a continuation, or nothing to us
    AIDER_LINE_BLANK,         // nothing, or a rule across the screen
    AIDER_LINE_ECHO,          // what a terminal shows of a key pressed
    AIDER_LINE_VERSION,       // banner: text is the version
    AIDER_LINE_MODEL,         // banner: text is the model
    AIDER_LINE_BANNER,        // banner: anything else
    AIDER_LINE_FILE_ADDED,    // text is the path
    AIDER_LINE_RETRYING,      // text is the number of seconds
    AIDER_LINE_TOKENS,        // text is all behind "Tokens: "
    AIDER_LINE_COST,          // the second half of a Tokens line that AIDER broke
    AIDER_LINE_EDIT,          // text is the path
    AIDER_LINE_COMMIT,        // text is "<hash> <message>"
    AIDER_LINE_COMMIT_FAILED,
    AIDER_LINE_TOKEN_LIMIT,    // text is the model's name
    AIDER_LINE_LIMIT_INPUT,    // the figures below a TOKEN_LIMIT line
    AIDER_LINE_LIMIT_OUTPUT,
    AIDER_LINE_LIMIT_TOTAL,
    AIDER_LINE_EMPTY_RESPONSE,
    AIDER_LINE_EDIT_FORMAT,
    AIDER_LINE_REFLECTIONS,
    AIDER_LINE_LINT,
    AIDER_LINE_TEST,
    AIDER_LINE_SHELL,        // text is the command
    AIDER_LINE_CONFIRM,      // a yes/no question; text is the question
    AIDER_LINE_INTERRUPT,    //
    AIDER_LINE_TRACEBACK,
    AIDER_LINE_UNCAUGHT,    // text is what was uncaught
    AIDER_LINE_URL,         // nothing but an address
} aider_line_kind_t;

// What a line is; *text is set to the part the kind names, inside line (to its end).
aider_line_kind_t aider_patterns_line(const char *line, const char **text);

// The pattern table, for docs and tests: the i-th entry's prefix and meaning; false behind the
// last.
bool aider_patterns_entry(size_t i, const char **prefix, const char **meaning);

// Find "litellm.<Class>:" in text; of several in a chain the last counts, and a class the table
// does not know, but for its ending in "Error", gets an exception of type unmapped. Returns the
// exception and sets *at to where "litellm." begins, or NULL.
const aider_exception_t *aider_patterns_exception(const char *text, const char **at);

// The exception a line stands for by being its description word for word, or NULL.
const aider_exception_t *aider_patterns_description(const char *line);

// Whether a line is one of AIDER's own sentences behind an error, whole.
bool aider_patterns_sentence(const char *line);

// The i-th exception of the table, or NULL behind the last.
const aider_exception_t *aider_patterns_exception_entry(size_t i);

// The error type of an exception with this text: a refined exception->error_type.
const char *aider_patterns_error_type(const aider_exception_t *exception, const char *text);

// Which limit was hit, when the text says so: "quota", "tokens_per_minute",
// "requests_per_minute", "tokens_per_day", "requests_per_day", "tokens", "requests" or
// "concurrency"; else NULL.
const char *aider_patterns_limit_type(const char *text);

// Seconds the provider asks to wait, or -1 when the text names none.
double aider_patterns_retry_after(const char *text);

// Write the provider, lower case, named by "<X>Exception" in the text or else by the model's
// name, into provider. Returns provider, or NULL when neither names one.
const char *aider_patterns_provider(const char *text, const char *model, char *provider,
                                    size_t size);

// Whether an unfinished line is AIDER's input prompt, such as "> " or "ask> ".
// *typed is set to what stands behind the prompt.
bool aider_patterns_prompt(const char *partial, const char **typed);

// A decimal number without sign; -1 when text begins otherwise or has too many digits. *end is
// set behind it.
double aider_patterns_number(const char *text, const char **end);

// A count as AIDER prints it ("761", "1.2k", "12k"); -1 when text begins otherwise. *end is set
// behind it.
long long aider_patterns_count(const char *text, const char **end);

#endif
