// aider_table - all that is recognised of what AIDER and litellm print, in one place
// SPDX-License-Identifier: MPL-2.0
//
// Constant data: which texts stand for which error (AIDER_ERRORS), and which lines AIDER prints
// besides (AIDER_LINES). docs/AIDER.md, section 11, is made from both; a test compares them.
// How the texts are looked for is aider_errors' and aider_patterns' business. Those of a user,
// of the same columns, are aider_user_patterns'. The texts are those of AIDER 0.81 to 0.86.
#ifndef AIDER_TABLE_H
#define AIDER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

// AIDER's ladder: 0.25 s doubled up to 32 s, then it gives up.
enum { AIDER_MAX_RETRIES = 8 };

// What AIDER does about an error. What it really does is said by "Retrying in".
typedef enum {
    AIDER_RETRY_AS_CLASS,    // a text says nothing of it; the exception's class does
    AIDER_RETRY_YES,         // tries again, up to AIDER_MAX_RETRIES times
    AIDER_RETRY_NO,
} aider_retry_t;

// One row: a text with this class in it, from this provider, is an error of this type. A member
// that is NULL says nothing: a row without a class fits every class, one without an error type
// tells of the provider alone.
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
typedef struct aider_error {
    const char *text;           // looked for without regard to case; NULL: the class decides
    const char *classes;        // litellm's, separated by '|'
    const char *provider;       // lower case
    const char *error_type;     // see above
    const char *description;    // AIDER's own sentence behind it
    const char *meaning;        // for people
    aider_retry_t retry;
} aider_error_t;

// The rows, ended by one without meaning: first one for each class, then texts that say it
// better than the class, then names of providers. Of several that fit the first counts.
extern const aider_error_t AIDER_ERRORS[];

// A class that is not in the table: newer than it, or told by "Retrying in" alone.
extern const aider_error_t AIDER_ERROR_UNKNOWN;

// Whether a row fits errors of a class.
bool aider_table_is_for(const aider_error_t *row, const char *class);

// Whether an error type is one of the above.
bool aider_table_is_error_type(const char *name);

// Which limit was hit, where the text says so.
typedef struct aider_limit {
    const char *text;
    const char *limit_type;
} aider_limit_t;

// The rows, the first that fits counts; ended by one without text.
extern const aider_limit_t AIDER_LIMITS[];

// What stands before the time a provider asks to wait, up to blanks, quotes and colons; ended
// by NULL.
extern const char *const AIDER_HINTS[];

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
    AIDER_LINE_SHELL,      // text is the command
    AIDER_LINE_CONFIRM,    // a yes/no question; text is the question
    AIDER_LINE_INTERRUPT,
    AIDER_LINE_TRACEBACK,
    AIDER_LINE_UNCAUGHT,        // text is what was uncaught
    AIDER_LINE_HISTORY_LOST,    // the chat history cannot be written
    AIDER_LINE_URL,             // nothing but an address
} aider_line_kind_t;

// A line is of a kind when it begins with prefix and, where given, has suffix at its end or
// (leading '*') somewhere. The first that fits counts.
typedef struct aider_line {
    const char *prefix;
    const char *suffix;
    aider_line_kind_t kind;
    const char *error_type;    // of the error it tells of, or NULL
    const char *meaning;
} aider_line_t;

// The rows, ended by one without prefix.
extern const aider_line_t AIDER_LINES[];

#endif
