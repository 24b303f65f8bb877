// redaction_rules - what a secret looks like: where one begins and ends in a text
// SPDX-License-Identifier: MPL-2.0
#include "redaction_rules.h"

#include <string.h>
#include <strings.h>

#include "redaction_bytes.h"
#include "redaction_keys.h"

#define DIGITS "0123456789"

enum {
    NAME_BYTES = 100,    // of the name before a value
    SPACES = 8,          // between name, sign and value
    SCHEME_WORD = sizeof "authorization" - 1,
};

static size_t
skip_spaces(const char *text, size_t size, size_t at)
{
    size_t end = at;
    while (end < size && end - at < SPACES && (text[end] == ' ' || text[end] == '\t'))
        end++;
    return end;
}

// A quote, as it stands or as within a JSON string; its length, 0 when there is none.
static size_t
quote_at(const char *text, size_t size, size_t at)
{
    size_t escapes = 0;
    while (at + escapes < size && escapes < 3 && text[at + escapes] == '\\')
        escapes++;
    bool quote =
        at + escapes < size && strchr("\"'`", text[at + escapes]) && text[at + escapes] != '\0';
    return quote ? escapes + 1 : 0;
}

static bool
find_bearer(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    if (!redaction_bytes_begin_word(text, size, at, "bearer"))
        return false;
    size_t word_end = at + strlen("bearer");
    size_t from = skip_spaces(text, size, word_end);
    size_t run = redaction_bytes_run(text, size, from, BYTES_BEARER);
    if (from == word_end || run < 16 || !redaction_bytes_have_digit(text + from, run))
        return false;
    *found = (redaction_found_t){.rule = REDACTION_BEARER, .from = from, .to = from + run};
    return true;
}

// "Authorization: Basic dXNlcjpwYXNz", and any other scheme after that word.
static bool
find_authorization(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    if (!redaction_bytes_begin_word(text, size, at, "authorization"))
        return false;
    size_t next = at + SCHEME_WORD;
    next += quote_at(text, size, next);
    next = skip_spaces(text, size, next);
    if (next >= size || (text[next] != ':' && text[next] != '='))
        return false;
    next = skip_spaces(text, size, next + 1);
    next += quote_at(text, size, next);
    size_t scheme = redaction_bytes_run(text, size, next, BYTES_TOKEN);
    size_t from = skip_spaces(text, size, next + scheme);
    bool basic = redaction_bytes_begin_word(text, size, next, "basic");
    if (from == next + scheme)
        from = next;    // a key without a scheme
    size_t run = redaction_bytes_run(text, size, from, BYTES_BEARER);
    // A sentence may follow as well.
    if (run < 6 || (!basic && !redaction_bytes_have_digit(text + from, run)))
        return false;
    redaction_rule_t rule = redaction_bytes_begin_word(text, size, next, "bearer")
                                ? REDACTION_BEARER
                                : REDACTION_BASIC;
    *found = (redaction_found_t){.rule = rule, .from = from, .to = from + run};
    return true;
}

// What the last words of a name may be, in lower case, without anything between them.
static const char *const secret_words[] = {
    "password",        "passwd",     "passphrase", "secret",          "token",
    "apikey",          "accesskey",  "authkey",    "secretkey",       "privatekey",
    "signingkey",      "accountkey", "sessionkey", "sharedaccesskey", "subscriptionkey",
    "encryptionkey",   "masterkey",  "credential", "credentials",     "pwd",
    "accesskeysecret",
};

bool
redaction_rules_is_secret_name(const char *name, size_t size)
{
    char plain[NAME_BYTES + 1];
    size_t length = 0;
    if (size > NAME_BYTES)
        return false;
    for (size_t i = 0; i < size; i++)
        if (redaction_bytes_kinds(name[i]) & BYTES_ALNUM)
            plain[length++] =
                (char) (name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
    plain[length] = '\0';
    // These tell where one is, not who.
    static const char *const places[] = {"progresstoken", "pagetoken", "nexttoken"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (length >= strlen(places[i]) && strstr(plain, places[i]))
            return false;
    for (size_t i = 0; i < sizeof secret_words / sizeof secret_words[0]; i++) {
        size_t word = strlen(secret_words[i]);
        if (length >= word && strcmp(plain + length - word, secret_words[i]) == 0)
            return true;
    }
    return false;
}

// What stands where a secret would, and is none.
static bool
is_no_secret(const char *value, size_t size)
{
    static const char *const words[] = {
        "required", "optional", "undefined", "disabled", "enabled", "missing",   "invalid",
        "expired",  "string",   "redacted",  "changeme", "unknown", "incorrect", "str",
        "none",     "null",     "true",      "false",    "not set", "set",
    };
    if (strspn(value, DIGITS ".,") >= size || strchr("$<{*([%", value[0]))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == size && strncasecmp(value, words[i], size) == 0)
            return true;
    // A call, a type, a name of another variable: code, not a value.
    for (size_t i = 0; i < size; i++)
        if (value[i] == '(' || value[i] == '[')
            return true;
    return false;
}

static size_t
plain_value_end(const char *text, size_t size, size_t at)
{
    size_t end = at;
    while (end < size && (unsigned char) text[end] > ' ' &&
           !strchr("\"'`,;&<>)}]\\|", text[end]))
        end++;
    return end;
}

// name=value, "name": "value", --name value
static bool
find_assignment(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    // A name may begin within another, after a dot: looked at no further than one can be long.
    size_t within = size - at > NAME_BYTES + 1 ? at + NAME_BYTES + 1 : size;
    size_t name = redaction_bytes_run(text, within, at, BYTES_NAME);
    if (name < 3 || !redaction_rules_is_secret_name(text + at, name))
        return false;
    bool option = text[at] == '-';
    size_t next = at + name;
    next += quote_at(text, size, next);
    size_t sign = skip_spaces(text, size, next);
    bool equals = sign < size && text[sign] == '=';
    bool colon = sign < size && text[sign] == ':';
    if (equals || colon) {
        next = sign + 1;
        if (equals && next < size && text[next] == '=')
            return false;    // a comparison
        if (next < size && (text[next] == '=' || text[next] == '>'))
            next++;
    } else if (!option || sign == next) {
        return false;
    }
    size_t from = skip_spaces(text, size, next);
    size_t quote = quote_at(text, size, from);
    size_t end;
    if (quote) {
        const char *close =
            memmem(text + from + quote, size - from - quote, text + from, quote);
        from += quote;
        end = close ? (size_t) (close - text) : plain_value_end(text, size, from);
    } else {
        end = plain_value_end(text, size, from);
        while (end > from && strchr(".:", text[end - 1]))
            end--;
    }
    size_t length = end - from;
    size_t least = quote ? 4 : 6;
    // After a colon, and without quotes, there may be a sentence.
    bool sentence = colon && !quote && !redaction_bytes_have_digit(text + from, length);
    if (length < least || sentence || is_no_secret(text + from, length))
        return false;
    *found = (redaction_found_t){.rule = REDACTION_ASSIGNMENT, .from = from, .to = end};
    return true;
}

// scheme://user:password@host
static bool
find_url(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    if (!redaction_bytes_begin(text, size, at, "://"))
        return false;
    size_t from = at + 3, end = from, colon = 0;
    for (; end < size && (unsigned char) text[end] > ' ' && !strchr("/@\"'<>\\`", text[end]);
         end++)
        if (text[end] == ':' && !colon)
            colon = end;
    if (end >= size || text[end] != '@' || !colon || colon + 1 >= end)
        return false;
    *found = (redaction_found_t){.rule = REDACTION_URL, .from = colon + 1, .to = end};
    return true;
}

size_t
redaction_rules_block_end(const char *text, size_t size)
{
    static const char last[] = "-----END ";
    const char *end = memmem(text, size, last, sizeof last - 1);
    if (!end)
        return 0;
    size_t rest = (size_t) (end - text) + sizeof last - 1;
    const char *close = memmem(text + rest, size - rest, "-----", 5);
    return close ? (size_t) (close - text) + 5 : size;
}

static bool
find_pem(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    static const char first[] = "-----BEGIN ";
    if (!redaction_bytes_begin(text, size, at, first))
        return false;
    size_t name = at + sizeof first - 1;
    size_t words = name;
    while (words < size &&
           ((redaction_bytes_kinds(text[words]) & BYTES_ALNUM) || text[words] == ' '))
        words++;
    bool secret = memmem(text + name, words - name, "PRIVATE KEY", strlen("PRIVATE KEY"));
    if (!secret)
        return false;
    size_t end = redaction_rules_block_end(text + words, size - words);
    *found = (redaction_found_t){
        .rule = REDACTION_PEM,
        .from = at,
        .to = end ? words + end : size,
        .open = !end,
    };
    return true;
}

// Whether what stands before is an escape of JSON, as in a text within a text: \n, \r or \t.
static bool
follows_escape(const char *text, size_t at)
{
    return at >= 2 && text[at - 2] == '\\' && strchr("nrt", text[at - 1]);
}

bool
redaction_rules_find(const char *text, size_t size, size_t at,
                     const bool off[static REDACTION_RULES], redaction_found_t *found)
{
    char byte = text[at];
    if (byte == ':')
        return !off[REDACTION_URL] && find_url(text, size, at, found);
    if (byte == '-' && !off[REDACTION_PEM] && find_pem(text, size, at, found))
        return true;
    if (!(redaction_bytes_kinds(byte) & BYTES_TOKEN))
        return false;
    // In the middle of a word nothing begins, so that every word is looked at once; but keys of
    // the kind that is met most are also glued to what stands before them.
    if (at > 0 && (redaction_bytes_kinds(text[at - 1]) & BYTES_TOKEN) &&
        !follows_escape(text, at))
        return redaction_bytes_begin(text, size, at, "sk-") &&
               redaction_keys_find(text, size, at, true, off, found);
    if (redaction_keys_find(text, size, at, false, off, found) ||
        (!off[REDACTION_JWT] && redaction_keys_find_jwt(text, size, at, found)) ||
        (!off[REDACTION_BEARER] && find_bearer(text, size, at, found)))
        return true;
    if (find_authorization(text, size, at, found) && !off[found->rule])
        return true;
    return !off[REDACTION_ASSIGNMENT] && find_assignment(text, size, at, found);
}

const char *
redaction_rule_name(redaction_rule_t rule)
{
    static const char *const names[] = {
        [REDACTION_ANTHROPIC] = "anthropic",
        [REDACTION_ASSIGNMENT] = "assignment",
        [REDACTION_AWS] = "aws",
        [REDACTION_BASIC] = "basic",
        [REDACTION_BEARER] = "bearer",
        [REDACTION_GITHUB] = "github",
        [REDACTION_GITLAB] = "gitlab",
        [REDACTION_GOOGLE] = "google",
        [REDACTION_GROQ] = "groq",
        [REDACTION_HOME] = "home",
        [REDACTION_HUGGINGFACE] = "huggingface",
        [REDACTION_JWT] = "jwt",
        [REDACTION_OPENAI] = "openai",
        [REDACTION_OPENROUTER] = "openrouter",
        [REDACTION_PATTERN] = "pattern",
        [REDACTION_PEM] = "pem",
        [REDACTION_SERVICE] = "service",
        [REDACTION_SLACK] = "slack",
        [REDACTION_STRIPE] = "stripe",
        [REDACTION_URL] = "url",
        [REDACTION_XAI] = "xai",
    };
    return names[rule];
}
