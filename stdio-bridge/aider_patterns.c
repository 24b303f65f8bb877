// aider_patterns - the texts AIDER and litellm print, and what each means
// SPDX-License-Identifier: MPL-2.0
#include "aider_patterns.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OVERLOADED "The API provider's servers are down or overloaded."

static const aider_exception_t EXCEPTIONS[] = {
    {"APIConnectionError", "connection", true, false, NULL, "the provider was not reached"},
    {"APIError", "api", true, false, NULL, "an answer litellm has no class for"},
    {"APIResponseValidationError", "api", true, false, NULL, "an answer of the wrong form"},
    {"AuthenticationError", "auth", false, false,
     "The API provider is not able to authenticate you. Check your API key.", "401"},
    {"AzureOpenAIError", "api", true, false, NULL, "Azure's own error"},
    {"BadGatewayError", "overloaded", true, false, OVERLOADED, "502"},
    {"BadRequestError", "bad_request", false, false, NULL, "400 or 422"},
    {"BudgetExceededError", "quota", true, false, NULL, "litellm's own budget is used up"},
    {"ContentPolicyViolationError", "content_policy", true, false,
     "The API provider has refused the request due to a safety policy about the content.",
     "the safety policy refused"},
    {"ContextWindowExceededError", "context_window", false, false, NULL, "too many tokens"},
    {"ImageFetchError", "image", false, false,
     "The API provider was unable to fetch one or more images.", "an image was not reached"},
    {"InternalServerError", "server", true, false, OVERLOADED, "500, 529, or no connection"},
    {"InvalidRequestError", "bad_request", true, false, NULL, "an old name of BadRequestError"},
    {"JSONSchemaValidationError", "api", true, false, NULL, "an answer against its schema"},
    {"NotFoundError", "not_found", false, false, NULL, "404"},
    {"OpenAIError", "api", true, false, NULL, "the OpenAI library's own error"},
    {"PermissionDeniedError", "permission", false, false,
     "Permission was denied. Check your API key and/or credentials.", "403"},
    {"RateLimitError", "rate_limit", true, true,
     "The API provider has rate limited you. Try again later or check your quotas.", "429"},
    {"RouterRateLimitError", "rate_limit", true, true, NULL,
     "litellm's router is out of models"},
    {"ServiceUnavailableError", "overloaded", true, false, OVERLOADED, "503"},
    {"Timeout", "timeout", true, false,
     "The API provider timed out without returning a response. They may be down or overloaded.",
     "408, 504, or the client's own limit"},
    {"UnprocessableEntityError", "bad_request", true, false, NULL, "422"},
    {"UnsupportedParamsError", "bad_request", true, false, NULL,
     "a parameter the model has not"},
};

// A class newer than the table. AIDER says by "Retrying in" whether it tries again.
static const aider_exception_t UNKNOWN_EXCEPTION = {
    "", "unmapped", false, false, NULL, "a litellm class that is not in the table",
};

// A line is of a kind when it begins with prefix and, where given, has suffix at its end or
// (leading '*') somewhere. The first that fits counts.
typedef struct line_pattern {
    const char *prefix;
    const char *suffix;
    aider_line_kind_t kind;
    const char *meaning;
} line_pattern_t;

static const line_pattern_t LINES[] = {
    {"Retrying in ", " seconds...", AIDER_LINE_RETRYING, "the attempt before it is repeated"},
    {"Tokens: ", "*sent", AIDER_LINE_TOKENS, "a model call ended"},
    {"Cost: $", NULL, AIDER_LINE_COST, "what the call cost"},
    {"Applied edit to", NULL, AIDER_LINE_EDIT, "a file was changed"},
    {"Commit ", NULL, AIDER_LINE_COMMIT, "the change was committed"},
    {"Unable to commit: ", NULL, AIDER_LINE_COMMIT_FAILED, "git refused"},
    {"Failed to generate commit message!", NULL, AIDER_LINE_COMMIT_FAILED, "weak model failed"},
    {"Aider v", NULL, AIDER_LINE_VERSION, "banner"},
    {"Main model: ", NULL, AIDER_LINE_MODEL, "banner"},
    {"Model: ", NULL, AIDER_LINE_MODEL, "banner"},
    {"Editor model: ", NULL, AIDER_LINE_BANNER, "banner"},
    {"Weak model: ", NULL, AIDER_LINE_BANNER, "banner"},
    {"Git repo: ", NULL, AIDER_LINE_BANNER, "banner"},
    {"Repo-map: ", NULL, AIDER_LINE_BANNER, "banner"},
    {"Restored previous conversation history.", NULL, AIDER_LINE_BANNER, "banner"},
    {"Multiline mode: ", NULL, AIDER_LINE_BANNER, "banner"},
    {"Note: in-chat filenames are always relative", NULL, AIDER_LINE_BANNER, "banner"},
    {"Cur working dir: ", NULL, AIDER_LINE_BANNER, "banner"},
    {"Git working dir: ", NULL, AIDER_LINE_BANNER, "banner"},
    {"Warning: For large repos", NULL, AIDER_LINE_BANNER, "banner"},
    {"See: https://", NULL, AIDER_LINE_BANNER, "banner"},
    {"Added ", "* of output to the chat.", AIDER_LINE_SHELL, "a command's output was added"},
    {"Added ", " to the chat.", AIDER_LINE_FILE_ADDED, "a file was added"},
    {"Added ", " to the chat (read-only).", AIDER_LINE_FILE_ADDED, "a file was added"},
    {"Added ", " to the chat", AIDER_LINE_FILE_ADDED, "a file was added by /add"},
    {"Model ", "has hit a token limit!", AIDER_LINE_TOKEN_LIMIT, "too many tokens"},
    {"Input tokens: ~", NULL, AIDER_LINE_LIMIT_INPUT, "figures of a token limit"},
    {"Output tokens: ~", NULL, AIDER_LINE_LIMIT_OUTPUT, "figures of a token limit"},
    {"Total tokens: ~", NULL, AIDER_LINE_LIMIT_TOTAL, "figures of a token limit"},
    {"Empty response received from LLM.", NULL, AIDER_LINE_EMPTY_RESPONSE, "no reply"},
    {"The LLM did not conform to the edit format.", NULL, AIDER_LINE_EDIT_FORMAT,
     "edits not applied; AIDER asks again"},
    {"Only 3 reflections allowed, stopping.", NULL, AIDER_LINE_REFLECTIONS, "given up"},
    {"# Fix any errors below, if possible.", NULL, AIDER_LINE_LINT, "the linter found errors"},
    {"Attempt to fix test errors?", NULL, AIDER_LINE_TEST, "tests failed"},
    {"Running ", NULL, AIDER_LINE_SHELL, "a command runs"},
    {"^C again to exit", NULL, AIDER_LINE_INTERRUPT, "the person interrupted"},
    {"^C KeyboardInterrupt", NULL, AIDER_LINE_INTERRUPT, "the person interrupted twice"},
    {"^C", NULL, AIDER_LINE_ECHO, "the key itself, shown by the terminal"},
    {"Traceback (most recent call last):", NULL, AIDER_LINE_TRACEBACK, "a Python exception"},
    {"# Uncaught ", NULL, AIDER_LINE_UNCAUGHT, "AIDER failed"},
};

enum {
    EXCEPTION_COUNT = sizeof EXCEPTIONS / sizeof EXCEPTIONS[0],
    LINE_COUNT = sizeof LINES / sizeof LINES[0],
};

static bool
starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

// Whether all up to the next blank, at least seven characters, is a hash.
static bool
is_hash(const char *text)
{
    size_t length = strspn(text, "0123456789abcdef");
    return length >= 7 && length <= 40 && (text[length] == ' ' || text[length] == '\0');
}

// Besides prefix and suffix, what makes a sentence of a reply unlikely to be taken for AIDER's.
static bool
is_plausible(aider_line_kind_t kind, const char *text)
{
    switch (kind) {
    case AIDER_LINE_COMMIT:
        return is_hash(text);
    case AIDER_LINE_TOKENS:
        return isdigit((unsigned char) text[0]);
    case AIDER_LINE_RETRYING:
        return isdigit((unsigned char) text[0]) && strspn(text, "0123456789.") > 0;
    case AIDER_LINE_VERSION:
        return isdigit((unsigned char) text[0]);
    case AIDER_LINE_EDIT:
        return text[0] == '\0' || text[0] == ' ';
    default:
        return true;
    }
}

static bool
fits(const line_pattern_t *pattern, const char *line)
{
    if (pattern->prefix[0] != line[0] || !starts_with(line, pattern->prefix))
        return false;
    const char *rest = line + strlen(pattern->prefix);
    if (pattern->suffix) {
        bool found = pattern->suffix[0] == '*' ? strstr(rest, pattern->suffix + 1) != NULL
                                               : ends_with(rest, pattern->suffix);
        if (!found)
            return false;
    }
    return is_plausible(pattern->kind, rest);
}

aider_line_kind_t
aider_patterns_line(const char *line, const char **text)
{
    assert(line && text);
    *text = line;
    // Blanks, and the line AIDER draws across a terminal.
    if (line[strspn(line, " \t─")] == '\0')
        return AIDER_LINE_BLANK;
    // No line of the table begins with a blank or a small letter, most of a reply's do.
    if (line[0] == ' ' || (line[0] >= 'a' && line[0] <= 'z' && line[0] != 'h'))
        return strstr(line, "(Y)es/(N)o") ? AIDER_LINE_CONFIRM : AIDER_LINE_OTHER;
    for (size_t i = 0; i < LINE_COUNT; i++) {
        if (fits(&LINES[i], line)) {
            *text = line + strlen(LINES[i].prefix);
            *text += strspn(*text, " ");
            if (LINES[i].kind == AIDER_LINE_SHELL && line[0] == 'A')
                *text = line;    // "Added 3 lines of output to the chat." says it as it is
            return LINES[i].kind;
        }
    }
    if (strstr(line, "(Y)es/(N)o"))
        return AIDER_LINE_CONFIRM;
    if ((starts_with(line, "https://") || starts_with(line, "http://")) && !strchr(line, ' '))
        return AIDER_LINE_URL;
    return AIDER_LINE_OTHER;
}

bool
aider_patterns_entry(size_t i, const char **prefix, const char **meaning)
{
    if (i >= LINE_COUNT)
        return false;
    *prefix = LINES[i].prefix;
    *meaning = LINES[i].meaning;
    return true;
}

const aider_exception_t *
aider_patterns_exception_entry(size_t i)
{
    return i < EXCEPTION_COUNT ? &EXCEPTIONS[i] : NULL;
}

// The exception whose "<Class>:" stands at name, and where the text goes on behind it; NULL
// when there is none.
static const aider_exception_t *
exception_at(const char *name, const char **behind)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (length == 0 || name[length] != ':')
        return NULL;
    *behind = name + length + 1;
    for (size_t i = 0; i < EXCEPTION_COUNT; i++) {
        if (strlen(EXCEPTIONS[i].name) == length && !strncmp(name, EXCEPTIONS[i].name, length))
            return &EXCEPTIONS[i];
    }
    bool error = length > 5 && !strncmp(name + length - 5, "Error", 5);
    return error ? &UNKNOWN_EXCEPTION : NULL;
}

const aider_exception_t *
aider_patterns_exception(const char *text, const char **at)
{
    assert(text && at);
    static const char LEAD[] = "litellm.";
    enum { LEAD_LENGTH = sizeof LEAD - 1 };
    const char *found = strstr(text, LEAD);
    const char *behind = NULL;
    const aider_exception_t *exception = NULL;
    for (; found && !exception; found = exception ? found : strstr(found + 1, LEAD))
        exception = exception_at(found + LEAD_LENGTH, &behind);
    if (!exception)
        return NULL;
    *at = found;
    // "litellm.X: litellm.Y: …": the last of the chain is the one AIDER has decided by.
    for (;;) {
        behind += strspn(behind, " ");
        if (strncmp(behind, LEAD, LEAD_LENGTH) != 0)
            return exception;
        const aider_exception_t *inner = exception_at(behind + LEAD_LENGTH, &behind);
        if (!inner)
            return exception;
        exception = inner;
    }
}

const aider_exception_t *
aider_patterns_description(const char *line)
{
    assert(line);
    if (line[0] != 'T' && line[0] != 'P')
        return NULL;
    for (size_t i = 0; i < EXCEPTION_COUNT; i++) {
        if (EXCEPTIONS[i].description && strcmp(line, EXCEPTIONS[i].description) == 0)
            return &EXCEPTIONS[i];
    }
    return NULL;
}

bool
aider_patterns_sentence(const char *line)
{
    assert(line);
    // What AIDER says behind some texts, whatever their class.
    static const char *const SENTENCES[] = {
        "You need to: pip install boto3",
        ("OpenRouter or the upstream API provider is down, overloaded or rate limiting your "
         "requests."),
        "Insufficient credits with the API provider. Please add credits.",
    };
    for (size_t i = 0; i < sizeof SENTENCES / sizeof SENTENCES[0]; i++) {
        if (!strcmp(line, SENTENCES[i]))
            return true;
    }
    return aider_patterns_description(line) != NULL;
}

static bool
has(const char *text, const char *needle)
{
    return strcasestr(text, needle) != NULL;
}

static bool
is_quota(const char *text)
{
    return has(text, "insufficient_quota") || has(text, "exceeded your current quota") ||
           has(text, "insufficient credits") || has(text, "credit balance is too low");
}

const char *
aider_patterns_error_type(const aider_exception_t *exception, const char *text)
{
    assert(exception && text);
    const char *type = exception->error_type;
    if (exception->rate_limit)
        return is_quota(text) ? "quota" : type;
    if (!strcmp(type, "api") || !strcmp(type, "server") || !strcmp(type, "bad_request")) {
        if (is_quota(text))
            return "quota";
        if (has(text, "Connection error") || has(text, "Cannot connect"))
            return "connection";
    }
    if (!strcmp(type, "server") || !strcmp(type, "api")) {
        if (has(text, "overloaded") || has(text, "529") || has(text, "capacity"))
            return "overloaded";
    }
    return type;
}

const char *
aider_patterns_limit_type(const char *text)
{
    assert(text);
    static const struct {
        const char *needle;
        const char *type;
    } LIMITS[] = {
        {"insufficient_quota", "quota"},
        {"exceeded your current quota, please check your plan", "quota"},
        {"tokens per min", "tokens_per_minute"},
        {"(TPM)", "tokens_per_minute"},
        {"PerMinute", "requests_per_minute"},
        {"requests per min", "requests_per_minute"},
        {"(RPM)", "requests_per_minute"},
        {"tokens per day", "tokens_per_day"},
        {"(TPD)", "tokens_per_day"},
        {"requests per day", "requests_per_day"},
        {"(RPD)", "requests_per_day"},
        {"PerDay", "requests_per_day"},
        {"concurrent", "concurrency"},
        {"input tokens", "tokens"},
        {"output tokens", "tokens"},
        {"token_quota_reached", "tokens"},
        {"number of requests", "requests"},
        {"quota exceeded", "quota"},
        {"resource_exhausted", "quota"},
        {"resource exhausted", "quota"},
    };
    for (size_t i = 0; i < sizeof LIMITS / sizeof LIMITS[0]; i++) {
        if (has(text, LIMITS[i].needle))
            return LIMITS[i].type;
    }
    return NULL;
}

double
aider_patterns_number(const char *text, const char **end)
{
    assert(text && end);
    // Not strtod: it reads "1e5" and "0x10", and asks the locale what a point is.
    enum { LONGEST_DIGITS = 12 };
    *end = text;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > LONGEST_DIGITS)
        return -1;
    double value = 0;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    text += digits;
    if (*text == '.' && isdigit((unsigned char) text[1])) {
        double place = 1;
        for (text++; isdigit((unsigned char) *text); text++) {
            place /= 10;
            value += place * (*text - '0');
        }
    }
    *end = text;
    return value;
}

// "5.289s", "20ms", "1m2s", "1h0m3.5s", "2 seconds"; a bare number is seconds. -1 when none.
static double
read_duration(const char *text)
{
    double total = 0;
    bool any = false;
    while (isdigit((unsigned char) *text)) {
        const char *behind;
        double value = aider_patterns_number(text, &behind);
        if (value < 0)
            return -1;
        text = behind;
        const char *unit = text + strspn(text, " ");
        any = true;
        if (unit[0] == 'm' && unit[1] == 's') {
            return total + value / 1000;
        } else if (unit[0] == 'h') {
            total += value * 3600;
        } else if (unit[0] == 'm') {
            total += value * 60;
        } else {
            return total + value;
        }
        text = unit + strspn(unit, "hminutes ");
    }
    return any ? total : -1;
}

double
aider_patterns_retry_after(const char *text)
{
    assert(text);
    static const char *const LEADS[] = {
        "try again in ",   "retry in ",    "retryDelay\": \"",
        "retryDelay\":\"", "retry after ", "retry-after: ",
    };
    for (size_t i = 0; i < sizeof LEADS / sizeof LEADS[0]; i++) {
        const char *at = strcasestr(text, LEADS[i]);
        if (at) {
            double seconds = read_duration(at + strlen(LEADS[i]));
            if (seconds >= 0)
                return seconds;
        }
    }
    return -1;
}

// Names that differ between litellm's exceptions, its model prefixes and common usage.
static const char *
usual_provider(const char *name)
{
    static const struct {
        const char *name;
        const char *usual;
    } NAMES[] = {
        {"vertexai", "gemini"},          {"vertex_ai", "gemini"},
        {"vertex_ai_beta", "gemini"},    {"google", "gemini"},
        {"azureopenai", "azure"},        {"text-completion-openai", "openai"},
        {"ollama_chat", "ollama"},       {"bedrockconverse", "bedrock"},
        {"bedrock_converse", "bedrock"}, {"huggingface", "huggingface"},
        {"together_ai", "together_ai"},  {"togetherai", "together_ai"},
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!strcmp(name, NAMES[i].name))
            return NAMES[i].usual;
    }
    return name;
}

static const char *
put_provider(const char *from, size_t length, char *provider, size_t size)
{
    if (length == 0 || length >= size)
        return NULL;
    for (size_t i = 0; i < length; i++)
        provider[i] = (char) tolower((unsigned char) from[i]);
    provider[length] = '\0';
    const char *usual = usual_provider(provider);
    if (usual != provider)
        snprintf(provider, size, "%s", usual);
    return provider;
}

// "<X>Exception" or "<X>Error" directly before " - ", as litellm prints it.
static const char *
provider_of_text(const char *text, char *provider, size_t size)
{
    static const char *const TAILS[] = {"Exception - ", "Exception: "};
    for (size_t i = 0; i < sizeof TAILS / sizeof TAILS[0]; i++) {
        for (const char *at = strstr(text, TAILS[i]); at; at = strstr(at + 1, TAILS[i])) {
            const char *from = at;
            while (from > text && (isalnum((unsigned char) from[-1]) || from[-1] == '_'))
                from--;
            if (from < at && isupper((unsigned char) *from))
                return put_provider(from, (size_t) (at - from), provider, size);
        }
    }
    return strstr(text, "AnthropicError - ") ? put_provider("anthropic", 9, provider, size)
                                             : NULL;
}

const char *
aider_patterns_provider(const char *text, const char *model, char *provider, size_t size)
{
    assert(provider && size > 0);
    const char *found = text ? provider_of_text(text, provider, size) : NULL;
    if (found || !model)
        return found;
    const char *slash = strchr(model, '/');
    if (slash)
        return put_provider(model, (size_t) (slash - model), provider, size);

    static const struct {
        const char *prefix;
        const char *provider;
    } MODELS[] = {
        {"gpt-", "openai"},      {"chatgpt-", "openai"},    {"o1", "openai"},
        {"o3", "openai"},        {"o4", "openai"},          {"claude-", "anthropic"},
        {"gemini-", "gemini"},   {"deepseek-", "deepseek"}, {"command-", "cohere"},
        {"mistral-", "mistral"}, {"codestral", "mistral"},  {"grok-", "xai"},
    };
    for (size_t i = 0; i < sizeof MODELS / sizeof MODELS[0]; i++) {
        if (starts_with(model, MODELS[i].prefix))
            return put_provider(MODELS[i].provider, strlen(MODELS[i].provider), provider, size);
    }
    return NULL;
}

bool
aider_patterns_prompt(const char *partial, const char **typed)
{
    assert(partial && typed);
    // "[<edit format>][ multi]> "; the blank behind it may be trimmed by a terminal.
    size_t length = strspn(partial, "abcdefghijklmnopqrstuvwxyz-");
    if (length > 0 && !strncmp(partial + length, " multi", 6))
        length += 6;
    if (length > 24 || partial[length] != '>' ||
        (partial[length + 1] != ' ' && partial[length + 1] != '\0'))
        return false;
    *typed = partial + length + 1;
    *typed += **typed == ' ';
    return true;
}

long long
aider_patterns_count(const char *text, const char **end)
{
    assert(text && end);
    double value = aider_patterns_number(text, end);
    if (value < 0)
        return -1;
    if (**end == 'k') {
        (*end)++;
        value *= 1000;
    }
    return (long long) (value + 0.5);
}
