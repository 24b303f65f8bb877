// aider_table - all that is recognised of what AIDER and litellm print, in one place
// SPDX-License-Identifier: MPL-2.0
#include "aider_table.h"

#include <assert.h>
#include <string.h>

#define DOWN "The API provider's servers are down or overloaded."
#define LIMITED "The API provider has rate limited you. Try again later or check your quotas."
#define LATE                                                                                   \
    "The API provider timed out without returning a response. They may be down or overloaded."
#define POLICY                                                                                 \
    "The API provider has refused the request due to a safety policy about the content."
#define NO_KEY "The API provider is not able to authenticate you. Check your API key."
#define NOT_ALLOWED "Permission was denied. Check your API key and/or credentials."
#define NO_IMAGE "The API provider was unable to fetch one or more images."

// Classes under which a provider's own words may hide something else.
#define VAGUE "APIError|BadRequestError|InternalServerError|RateLimitError|InvalidRequestError"
#define FAILED "APIError|InternalServerError"

// clang-format off
#define CLASS(name, type, again, sentence, means) \
    {.classes = (name), .error_type = (type), .retry = AIDER_RETRY_##again, \
     .description = (sentence), .meaning = (means)}
#define SAID(what, in, type, means) \
    {.text = (what), .classes = (in), .error_type = (type), .meaning = (means)}
#define FINAL(what, in, type, sentence, means) \
    {.text = (what), .classes = (in), .error_type = (type), .retry = AIDER_RETRY_NO, \
     .description = (sentence), .meaning = (means)}
#define BARE(what, name, means) \
    {.text = (what), .classes = (name), .meaning = (means)}
#define FROM(what, whom, means) {.text = (what), .provider = (whom), .meaning = (means)}

const aider_error_t AIDER_ERRORS[] = {
    CLASS("APIConnectionError", "connection", YES, NULL, "the provider was not reached"),
    CLASS("APIError", "api", YES, NULL, "an answer litellm has no class for"),
    CLASS("APIResponseValidationError", "api", YES, NULL, "an answer of the wrong form"),
    CLASS("AuthenticationError", "auth", NO, NO_KEY, "401"),
    CLASS("AzureOpenAIError", "api", YES, NULL, "Azure's own error"),
    CLASS("BadGatewayError", "overloaded", YES, DOWN, "502"),
    CLASS("BadRequestError", "bad_request", NO, NULL, "400"),
    CLASS("BudgetExceededError", "quota", YES, NULL, "litellm's own budget is used up"),
    CLASS("ContentPolicyViolationError", "content_policy", YES, POLICY, "the safety policy refused"),
    CLASS("ContextWindowExceededError", "context_window", NO, NULL, "too many tokens"),
    CLASS("ImageFetchError", "image", NO, NO_IMAGE, "an image was not reached"),
    CLASS("InternalServerError", "server", YES, DOWN, "500, 529, or no connection"),
    CLASS("InvalidRequestError", "bad_request", YES, NULL, "an old name of BadRequestError"),
    CLASS("JSONSchemaValidationError", "api", YES, NULL, "an answer against its schema"),
    CLASS("NotFoundError", "not_found", NO, NULL, "404"),
    CLASS("OpenAIError", "api", YES, NULL, "the OpenAI library's own error"),
    CLASS("PermissionDeniedError", "permission", NO, NOT_ALLOWED, "403, where litellm says so"),
    CLASS("RateLimitError", "rate_limit", YES, LIMITED, "429"),
    CLASS("RouterRateLimitError", "rate_limit", YES, NULL, "litellm's router is out of models"),
    CLASS("ServiceUnavailableError", "overloaded", YES, DOWN, "503"),
    CLASS("Timeout", "timeout", YES, LATE, "408, 504, or the client's own limit"),
    CLASS("UnprocessableEntityError", "bad_request", YES, NULL, "422"),
    CLASS("UnsupportedParamsError", "bad_request", YES, NULL, "a parameter the model has not"),

    // Printed without "litellm.<Class>:" before it.
    BARE("Budget has been exceeded!", "BudgetExceededError", "the class is not printed"),
    BARE("No deployments available for selected model", "RouterRateLimitError",
         "the class is not printed"),

    FINAL("insufficient credits", "APIError", "quota",
          "Insufficient credits with the API provider. Please add credits.", "OpenRouter, 402"),
    FINAL("boto3", "APIConnectionError", "connection", "You need to: pip install boto3",
          "Bedrock's library is missing"),
    {.text = "'choices'", .classes = "APIConnectionError", .error_type = "overloaded",
     .retry = AIDER_RETRY_YES, .meaning = "OpenRouter answered without a reply",
     .description = "OpenRouter or the upstream API provider is down, overloaded or rate limiting "
                    "your requests."},
    SAID("PerMinute", "RateLimitError", "rate_limit", "Gemini calls a limit per minute a quota"),
    SAID("insufficient_quota", VAGUE, "quota", "OpenAI: nothing left to use"),
    SAID("exceeded your current quota", VAGUE, "quota", "OpenAI, Gemini: nothing left to use"),
    SAID("insufficient credits", VAGUE, "quota", "OpenRouter: nothing left to use"),
    SAID("credit balance is too low", VAGUE, "quota", "Anthropic: nothing left to use"),
    SAID("Connection error", VAGUE, "connection", "nobody listened"),
    SAID("Cannot connect", VAGUE, "connection", "nobody listened"),
    SAID("overloaded", FAILED, "overloaded", "the provider says so"),
    SAID("529", FAILED, "overloaded", "Anthropic's status for it"),
    SAID("capacity", FAILED, "overloaded", "out of capacity"),
    SAID("bad gateway", "APIError", "overloaded", "502, where litellm has no class for it"),
    SAID("internal server error", "APIError", "server", "500, where litellm has no class for it"),
    SAID("server had an error", "APIError", "server", "the same in OpenAI's words"),
    SAID("Rate limit reached", "APIError|APIConnectionError", "rate_limit",
         "OpenAI: inside a stream, to an older litellm"),

    FROM("AnthropicError - ", "anthropic", "where litellm writes no AnthropicException"),
    FROM("VertexAIException", "gemini", "Gemini by litellm's name for it"),
    FROM("AzureOpenAIException", "azure", "Azure by litellm's name for it"),
    FROM("BedrockConverseException", "bedrock", "Bedrock by litellm's name for it"),
    FROM("TogetherAIException", "together_ai", "by the name of its models"),
    {0},
};

const aider_error_t AIDER_ERROR_UNKNOWN = {
    .classes = "", .error_type = "unmapped", .meaning = "a class that is not in the table",
};

const aider_limit_t AIDER_LIMITS[] = {
    {"TokensPerModelPerMinute", "tokens_per_minute"},
    {"PerMinute", "requests_per_minute"},
    {"PerDay", "requests_per_day"},
    {"insufficient_quota", "quota"},
    {"exceeded your current quota", "quota"},
    {"tokens per min", "tokens_per_minute"},
    {"(TPM)", "tokens_per_minute"},
    {"requests per min", "requests_per_minute"},
    {"(RPM)", "requests_per_minute"},
    {"tokens per day", "tokens_per_day"},
    {"(TPD)", "tokens_per_day"},
    {"requests per day", "requests_per_day"},
    {"(RPD)", "requests_per_day"},
    {"concurrent", "concurrency"},
    {"input tokens", "tokens"},
    {"output tokens", "tokens"},
    {"token_quota_reached", "tokens"},
    {"number of requests", "requests"},
    {"quota exceeded", "quota"},
    {"resource_exhausted", "quota"},
    {"resource exhausted", "quota"},
    {0},
};

const char *const AIDER_HINTS[] = {
    "try again in", "try again after", "retry in",        "retry after", "retry-after",
    "retry_after",  "retryDelay",      "retry your request after", "please wait", NULL,
};

#define LINE(begins, what, means) {(begins), NULL, AIDER_LINE_##what, NULL, (means)}
#define LINE_TO(begins, ends, what, means) {(begins), (ends), AIDER_LINE_##what, NULL, (means)}
#define BAD(begins, ends, what, type, means) {(begins), (ends), AIDER_LINE_##what, (type), (means)}

const aider_line_t AIDER_LINES[] = {
    LINE_TO("Retrying in ", " seconds...", RETRYING, "the attempt before it is repeated"),
    LINE_TO("Tokens: ", "*sent", TOKENS, "a model call ended"),
    LINE("Cost: $", COST, "what the call cost"),
    LINE("Applied edit to", EDIT, "a file was changed"),
    LINE("Commit ", COMMIT, "the change was committed"),
    LINE("Unable to commit: ", COMMIT_FAILED, "git refused"),
    LINE("Failed to generate commit message!", COMMIT_FAILED, "the weak model failed"),
    LINE("Aider v", VERSION, "banner: the version"),
    LINE("Main model: ", MODEL, "banner: the model, where the weak model is another"),
    LINE("Model: ", MODEL, "banner: the model"),
    LINE("Editor model: ", BANNER, "banner"),
    LINE("Weak model: ", BANNER, "banner"),
    LINE("Git repo: ", BANNER, "banner"),
    LINE("Repo-map: ", BANNER, "banner"),
    LINE("Restored previous conversation history.", BANNER, "banner"),
    LINE("Multiline mode: ", BANNER, "banner"),
    LINE("Note: in-chat filenames are always relative", BANNER, "banner"),
    LINE("Cur working dir: ", BANNER, "banner"),
    LINE("Git working dir: ", BANNER, "banner"),
    LINE("Warning: For large repos", BANNER, "banner"),
    LINE("See: https://", BANNER, "banner"),
    LINE_TO("Added ", "* of output to the chat.", SHELL, "a command's output was added"),
    LINE_TO("Added ", " to the chat.", FILE_ADDED, "a file was added"),
    LINE_TO("Added ", " to the chat (read-only).", FILE_ADDED, "a file was added, to read"),
    LINE_TO("Added ", " to the chat", FILE_ADDED, "a file was added by /add"),
    BAD("Model ", "has hit a token limit!", TOKEN_LIMIT, "context_window",
        "too many tokens; where no call ended before it, output_limit"),
    LINE("Input tokens: ~", LIMIT_INPUT, "figures of a token limit"),
    LINE("Output tokens: ~", LIMIT_OUTPUT, "figures of a token limit"),
    LINE("Total tokens: ~", LIMIT_TOTAL, "figures of a token limit"),
    BAD("Empty response received from LLM.", NULL, EMPTY_RESPONSE, "empty_response", "no reply"),
    BAD("The LLM did not conform to the edit format.", NULL, EDIT_FORMAT, "edit_format",
        "edits not applied; AIDER asks again"),
    BAD("Only 3 reflections allowed, stopping.", NULL, REFLECTIONS, "reflections", "given up"),
    LINE("# Fix any errors below, if possible.", LINT, "the linter found errors"),
    LINE("Attempt to fix test errors?", TEST, "tests failed"),
    LINE("Running ", SHELL, "a command runs"),
    LINE("^C again to exit", INTERRUPT, "the person interrupted"),
    LINE("^C KeyboardInterrupt", INTERRUPT, "the person interrupted twice"),
    LINE("^C", ECHO, "the key itself, shown by the terminal"),
    BAD("Traceback (most recent call last):", NULL, TRACEBACK, "unmapped", "a Python exception"),
    BAD("# Uncaught ", NULL, UNCAUGHT, "crash", "AIDER failed"),
    LINE("Warning: Unable to write to chat history file ", HISTORY_LOST,
         "the chat history tells nothing more"),
    {0},
};
// clang-format on

bool
aider_table_is_for(const aider_error_t *row, const char *class)
{
    assert(row && class);
    size_t length = strlen(class);
    for (const char *at = row->classes; at && *at;) {
        size_t size = strcspn(at, "|");
        if (size == length && !strncmp(at, class, size))
            return true;
        at += size;
        at += *at == '|';
    }
    return !row->classes;
}

bool
aider_table_is_error_type(const char *name)
{
    assert(name);
    static const char *const TYPES[] = {
        "rate_limit",     "quota",       "timeout",        "overloaded",   "server",
        "connection",     "api",         "auth",           "permission",   "not_found",
        "bad_request",    "image",       "content_policy", "output_limit", "context_window",
        "empty_response", "edit_format", "reflections",    "unmapped",     "crash",
    };
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (!strcmp(TYPES[i], name))
            return true;
    }
    return false;
}
