// aider_errors - which error a text tells of, and what else it says of it
// SPDX-License-Identifier: MPL-2.0
#include "aider_errors.h"

#include "aider_patterns.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool
starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// ---- classes ----

// The row of a class of this name, or NULL.
static const aider_error_t *
class_named(const char *name, size_t length)
{
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning && !row->text; row++) {
        if (strlen(row->classes) == length && !strncmp(name, row->classes, length))
            return row;
    }
    return NULL;
}

// The class whose "<Class>:" stands at name, and where the text goes on behind it; NULL when
// there is none.
static const aider_error_t *
class_at(const char *name, const char **behind)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (length == 0 || name[length] != ':')
        return NULL;
    *behind = name + length + 1;
    const aider_error_t *known = class_named(name, length);
    if (known)
        return known;
    bool error = length > 5 && !strncmp(name + length - 5, "Error", 5);
    return error ? &AIDER_ERROR_UNKNOWN : NULL;
}

// A text that is printed without its class.
static const aider_error_t *
bare_class(const char *text)
{
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning; row++) {
        if (row->text && !row->error_type && !row->provider && starts_with(text, row->text))
            return class_named(row->classes, strlen(row->classes));
    }
    return NULL;
}

const aider_error_t *
aider_errors_class(const char *text, const char **at)
{
    assert(text && at);
    static const char LEAD[] = "litellm.";
    enum { LEAD_LENGTH = sizeof LEAD - 1 };
    const char *found = strstr(text, LEAD);
    const char *behind = NULL;
    const aider_error_t *error = NULL;
    for (; found && !error; found = error ? found : strstr(found + 1, LEAD))
        error = class_at(found + LEAD_LENGTH, &behind);
    *at = found ? found : text;
    if (!error)
        return bare_class(text);
    // "litellm.X: litellm.Y: …": the last of the chain is the one AIDER has decided by.
    for (;;) {
        behind += strspn(behind, " ");
        if (strncmp(behind, LEAD, LEAD_LENGTH) != 0)
            return error;
        const aider_error_t *inner = class_at(behind + LEAD_LENGTH, &behind);
        if (!inner)
            return error;
        error = inner;
    }
}

const aider_error_t *
aider_errors_description(const char *line)
{
    assert(line);
    if (line[0] != 'T' && line[0] != 'P')
        return NULL;
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning && !row->text; row++) {
        if (row->description && strcmp(line, row->description) == 0)
            return row;
    }
    return NULL;
}

bool
aider_errors_sentence(const char *line)
{
    assert(line);
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning; row++) {
        if (row->description && !strcmp(line, row->description))
            return true;
    }
    return false;
}

unsigned
aider_errors_index(const aider_error_t *error)
{
    unsigned index = 1;
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning; row++, index++) {
        if (row == error)
            return index;
    }
    return 0;
}

// ---- what a text says of an error ----

// A user's row for lines without a class names none.
static const char *
class_of(const aider_error_t *error)
{
    return error->classes ? error->classes : "";
}

// The first row whose text says of this class more than the class itself.
static const aider_error_t *
refine(const aider_error_t *error, const char *text)
{
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning; row++) {
        if (row->text && row->error_type && aider_table_is_for(row, class_of(error)) &&
            strcasestr(text, row->text))
            return row;
    }
    return error;
}

static const char *
limit_type(const char *text)
{
    for (const aider_limit_t *row = AIDER_LIMITS; row->text; row++) {
        if (strcasestr(text, row->text))
            return row->limit_type;
    }
    return NULL;
}

bool
aider_errors_is_limit(const char *error_type)
{
    return !strcmp(error_type, "rate_limit") || !strcmp(error_type, "quota");
}

aider_verdict_t
aider_errors_judge(const aider_error_t *error, const char *text, aider_user_patterns_t *user)
{
    assert(error && text);
    const aider_error_t *refined = refine(error, text);
    aider_verdict_t verdict = {
        .error_type = refined->error_type,
        .limit_type = limit_type(text),
        .provider = error->provider,
        .retryable = refined->retry == AIDER_RETRY_AS_CLASS ? error->retry == AIDER_RETRY_YES
                                                            : refined->retry == AIDER_RETRY_YES,
        .retry_after = aider_errors_retry_after(text),
    };
    aider_user_match_t match;
    if (user && aider_user_patterns_match(user, class_of(error), text, &match)) {
        const aider_error_t *row = match.error;
        verdict.error_type = row->error_type;
        verdict.provider = row->provider ? row->provider : verdict.provider;
        if (row->retry != AIDER_RETRY_AS_CLASS)
            verdict.retryable = row->retry == AIDER_RETRY_YES;
        double seconds = aider_patterns_duration(match.retry_after);
        if (seconds >= 0)
            verdict.retry_after = seconds;
    }
    return verdict;
}

double
aider_errors_retry_after(const char *text)
{
    assert(text);
    for (const char *const *hint = AIDER_HINTS; *hint; hint++) {
        const char *at = text;
        while ((at = strcasestr(at, *hint)) != NULL) {
            at += strlen(*hint);
            // What parts a name from its value in prose, JSON, Python and headers.
            double seconds = aider_patterns_duration(at + strspn(at, " :=\"'\\"));
            if (seconds >= 0)
                return seconds;
        }
    }
    return -1;
}

// ---- providers ----

static const char *
put_provider(const char *from, size_t length, char *provider, size_t size)
{
    if (length == 0 || length >= size)
        return NULL;
    for (size_t i = 0; i < length; i++)
        provider[i] = (char) tolower((unsigned char) from[i]);
    provider[length] = '\0';
    // Prefixes of model names that differ from common usage.
    static const struct {
        const char *name;
        const char *usual;
    } NAMES[] = {
        {"vertex_ai", "gemini"},   {"vertex_ai_beta", "gemini"},
        {"google", "gemini"},      {"text-completion-openai", "openai"},
        {"ollama_chat", "ollama"}, {"bedrock_converse", "bedrock"},
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!strcmp(provider, NAMES[i].name))
            snprintf(provider, size, "%s", NAMES[i].usual);
    }
    return provider;
}

// "<X>Exception" directly before " - " or ": ", as litellm prints it.
static const char *
provider_of_text(const char *text, char *provider, size_t size)
{
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning; row++) {
        if (row->text && row->provider && strstr(text, row->text))
            return put_provider(row->provider, strlen(row->provider), provider, size);
    }
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
    return NULL;
}

const char *
aider_errors_provider(const char *text, const char *model, char *provider, size_t size)
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
