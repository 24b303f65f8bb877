// redaction_rules - what a secret looks like: where one begins and ends in a text
// SPDX-License-Identifier: MPL-2.0
#include "redaction_rules.h"

#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum {
    ALNUM = 1,      // A-Z a-z 0-9
    WORD = 2,       // and _
    TOKEN = 4,      // and -
    NAME = 8,       // and .
    BEARER = 16,    // and + / = ~ : what RFC 6750 calls a token
    DIGIT = 32,
};

enum {
    SEGMENT_BYTES = 20,    // of letters and digits that nobody would write by hand
    NAME_BYTES = 100,      // of the name before a value
    SPACES = 8,            // between name, sign and value
    SCHEME_WORD = sizeof "authorization" - 1,
};

static unsigned
kinds_of(char byte)
{
    if (byte >= '0' && byte <= '9')
        return ALNUM | WORD | TOKEN | NAME | BEARER | DIGIT;
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
        return ALNUM | WORD | TOKEN | NAME | BEARER;
    switch (byte) {
    case '_':
        return WORD | TOKEN | NAME | BEARER;
    case '-':
        return TOKEN | NAME | BEARER;
    case '.':
        return NAME | BEARER;
    case '+':
    case '/':
    case '=':
    case '~':
        return BEARER;
    default:
        return 0;
    }
}

// How many bytes from `at` on are of a kind.
static size_t
run_of(const char *text, size_t size, size_t at, unsigned kind)
{
    size_t end = at;
    while (end < size && (kinds_of(text[end]) & kind))
        end++;
    return end - at;
}

static bool
has_digit(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (kinds_of(text[i]) & DIGIT)
            return true;
    return false;
}

// Whether letters and digits follow each other for so long, a digit among them, that it is no
// name made of words.
static bool
looks_random(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t run = run_of(text, size, at, ALNUM);
        if (run >= SEGMENT_BYTES && has_digit(text + at, run))
            return true;
        at += run + 1;
    }
    return false;
}

static bool
starts_with(const char *text, size_t size, size_t at, const char *prefix)
{
    size_t length = strlen(prefix);
    return size - at >= length && memcmp(text + at, prefix, length) == 0;
}

static bool
starts_with_word(const char *text, size_t size, size_t at, const char *word)
{
    size_t length = strlen(word);
    return size - at >= length && strncasecmp(text + at, word, length) == 0;
}

// ---- keys, known by how they begin

typedef struct key_form {
    const char *prefix;
    redaction_rule_t rule;
    unsigned kind;
    unsigned least, most;    // bytes after the prefix; most 0: any number
    bool random;             // and they must look random
} key_form_t;

// Longer prefixes before those they begin with.
static const key_form_t key_forms[] = {
    {"sk-ant-", REDACTION_ANTHROPIC, TOKEN, 20, 0, false},
    {"sk-or-", REDACTION_OPENROUTER, TOKEN, 20, 0, false},
    {"sk-proj-", REDACTION_OPENAI, TOKEN, 20, 0, false},
    {"sk-svcacct-", REDACTION_OPENAI, TOKEN, 20, 0, false},
    {"sk-admin-", REDACTION_OPENAI, TOKEN, 20, 0, false},
    {"sk-None-", REDACTION_OPENAI, TOKEN, 20, 0, false},
    {"sk-", REDACTION_OPENAI, TOKEN, SEGMENT_BYTES, 0, true},
    {"sess-", REDACTION_OPENAI, TOKEN, 40, 0, true},
    {"AIza", REDACTION_GOOGLE, TOKEN, 35, 35, false},
    {"ya29.", REDACTION_GOOGLE, NAME, 20, 0, false},
    {"GOCSPX-", REDACTION_GOOGLE, TOKEN, 20, 0, false},
    {"AKIA", REDACTION_AWS, ALNUM, 16, 16, false},
    {"ASIA", REDACTION_AWS, ALNUM, 16, 16, false},
    {"ABIA", REDACTION_AWS, ALNUM, 16, 16, false},
    {"ACCA", REDACTION_AWS, ALNUM, 16, 16, false},
    {"gsk_", REDACTION_GROQ, ALNUM, SEGMENT_BYTES, 0, true},
    {"xai-", REDACTION_XAI, TOKEN, SEGMENT_BYTES, 0, true},
    {"hf_", REDACTION_HUGGINGFACE, ALNUM, SEGMENT_BYTES, 0, false},
    {"api_org_", REDACTION_HUGGINGFACE, ALNUM, SEGMENT_BYTES, 0, false},
    {"ghp_", REDACTION_GITHUB, ALNUM, 30, 0, false},
    {"gho_", REDACTION_GITHUB, ALNUM, 30, 0, false},
    {"ghu_", REDACTION_GITHUB, ALNUM, 30, 0, false},
    {"ghs_", REDACTION_GITHUB, ALNUM, 30, 0, false},
    {"ghr_", REDACTION_GITHUB, ALNUM, 30, 0, false},
    {"github_pat_", REDACTION_GITHUB, WORD, 20, 0, false},
    {"glpat-", REDACTION_GITLAB, NAME, 20, 0, false},
    {"gldt-", REDACTION_GITLAB, NAME, 20, 0, false},
    {"glrt-", REDACTION_GITLAB, NAME, 20, 0, false},
    {"glptt-", REDACTION_GITLAB, NAME, 20, 0, false},
    {"glcbt-", REDACTION_GITLAB, NAME, 20, 0, false},
    {"xoxb-", REDACTION_SLACK, TOKEN, 10, 0, false},
    {"xoxp-", REDACTION_SLACK, TOKEN, 10, 0, false},
    {"xoxa-", REDACTION_SLACK, TOKEN, 10, 0, false},
    {"xoxr-", REDACTION_SLACK, TOKEN, 10, 0, false},
    {"xoxs-", REDACTION_SLACK, TOKEN, 10, 0, false},
    {"xoxe-", REDACTION_SLACK, TOKEN, 10, 0, false},
    {"xapp-", REDACTION_SLACK, TOKEN, 10, 0, false},
    {"hooks.slack.com/services/", REDACTION_SLACK, BEARER, 20, 0, false},
    {"sk_live_", REDACTION_STRIPE, ALNUM, 16, 0, false},
    {"sk_test_", REDACTION_STRIPE, ALNUM, 16, 0, false},
    {"rk_live_", REDACTION_STRIPE, ALNUM, 16, 0, false},
    {"rk_test_", REDACTION_STRIPE, ALNUM, 16, 0, false},
    {"whsec_", REDACTION_STRIPE, BEARER, 16, 0, false},
    {"npm_", REDACTION_SERVICE, ALNUM, 36, 36, false},
    {"pypi-AgE", REDACTION_SERVICE, TOKEN, 40, 0, false},
    {"dckr_pat_", REDACTION_SERVICE, TOKEN, 20, 0, false},
    {"dop_v1_", REDACTION_SERVICE, ALNUM, 40, 0, false},
    {"nvapi-", REDACTION_SERVICE, TOKEN, 40, 0, false},
    {"pplx-", REDACTION_SERVICE, ALNUM, 30, 0, true},
    {"csk-", REDACTION_SERVICE, ALNUM, 30, 0, true},
    {"r8_", REDACTION_SERVICE, ALNUM, 30, 0, true},
    {"fw_", REDACTION_SERVICE, ALNUM, SEGMENT_BYTES, 0, true},
    {"tgp_v1_", REDACTION_SERVICE, TOKEN, 20, 0, false},
    {"dapi", REDACTION_SERVICE, ALNUM, 32, 32, true},
    {"hvs.", REDACTION_SERVICE, TOKEN, 24, 0, false},
    {"SG.", REDACTION_SERVICE, NAME, 60, 0, false},
    {"shpat_", REDACTION_SERVICE, ALNUM, 32, 0, false},
    {"lin_api_", REDACTION_SERVICE, ALNUM, 32, 0, false},
    {"tskey-", REDACTION_SERVICE, TOKEN, 20, 0, false},
    {"AGE-SECRET-KEY-1", REDACTION_SERVICE, ALNUM, 40, 0, false},
};

// within: in the middle of a word, where only what nothing else begins with is a key.
static bool
find_key(const char *text, size_t size, size_t at, bool within,
         const bool off[static REDACTION_RULES], redaction_found_t *found)
{
    for (size_t i = 0; i < sizeof key_forms / sizeof key_forms[0]; i++) {
        const key_form_t *form = &key_forms[i];
        if (text[at] != form->prefix[0] || !starts_with(text, size, at, form->prefix) ||
            off[form->rule] || (within && form->random))
            continue;
        size_t begin = at + strlen(form->prefix);
        size_t run = run_of(text, size, begin, form->kind);
        // A key at the end of a sentence.
        while (run > 0 && text[begin + run - 1] == '.')
            run--;
        if (run < form->least || (form->most && run > form->most) ||
            (form->random && !looks_random(text + begin, run)))
            continue;
        *found = (redaction_found_t){.rule = form->rule, .from = at, .to = begin + run};
        return true;
    }
    return false;
}

// Three parts of base64url, of which the first two are JSON objects.
static bool
find_jwt(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    if (!starts_with(text, size, at, "eyJ"))
        return false;
    size_t end = at + run_of(text, size, at, TOKEN);
    if (!starts_with(text, size, end, ".eyJ"))
        return false;
    end += 1 + run_of(text, size, end + 1, TOKEN);
    if (end < size && text[end] == '.')
        end += 1 + run_of(text, size, end + 1, TOKEN);
    if (end - at < 30)
        return false;
    *found = (redaction_found_t){.rule = REDACTION_JWT, .from = at, .to = end};
    return true;
}

// ---- what is said to be one

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
    if (!starts_with_word(text, size, at, "bearer"))
        return false;
    size_t word_end = at + strlen("bearer");
    size_t from = skip_spaces(text, size, word_end);
    size_t run = run_of(text, size, from, BEARER);
    if (from == word_end || run < 16 || !has_digit(text + from, run))
        return false;
    *found = (redaction_found_t){.rule = REDACTION_BEARER, .from = from, .to = from + run};
    return true;
}

// "Authorization: Basic dXNlcjpwYXNz", and any other scheme after that word.
static bool
find_authorization(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    if (!starts_with_word(text, size, at, "authorization"))
        return false;
    size_t next = at + SCHEME_WORD;
    next += quote_at(text, size, next);
    next = skip_spaces(text, size, next);
    if (next >= size || (text[next] != ':' && text[next] != '='))
        return false;
    next = skip_spaces(text, size, next + 1);
    next += quote_at(text, size, next);
    size_t scheme = run_of(text, size, next, TOKEN);
    size_t from = skip_spaces(text, size, next + scheme);
    bool basic = starts_with_word(text, size, next, "basic");
    if (from == next + scheme)
        from = next;    // a key without a scheme
    size_t run = run_of(text, size, from, BEARER);
    // A sentence may follow as well.
    if (run < 6 || (!basic && !has_digit(text + from, run)))
        return false;
    redaction_rule_t rule =
        starts_with_word(text, size, next, "bearer") ? REDACTION_BEARER : REDACTION_BASIC;
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
        if (kinds_of(name[i]) & ALNUM)
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
    size_t name = run_of(text, within, at, NAME);
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
    bool sentence = colon && !quote && !has_digit(text + from, length);
    if (length < least || sentence || is_no_secret(text + from, length))
        return false;
    *found = (redaction_found_t){.rule = REDACTION_ASSIGNMENT, .from = from, .to = end};
    return true;
}

// scheme://user:password@host
static bool
find_url(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    if (!starts_with(text, size, at, "://"))
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
    if (!starts_with(text, size, at, first))
        return false;
    size_t name = at + sizeof first - 1;
    size_t words = name;
    while (words < size && ((kinds_of(text[words]) & ALNUM) || text[words] == ' '))
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
    if (!(kinds_of(byte) & TOKEN))
        return false;
    // In the middle of a word nothing begins, so that every word is looked at once; but keys of
    // the kind that is met most are also glued to what stands before them.
    if (at > 0 && (kinds_of(text[at - 1]) & TOKEN) && !follows_escape(text, at))
        return starts_with(text, size, at, "sk-") && find_key(text, size, at, true, off, found);
    if (find_key(text, size, at, false, off, found) ||
        (!off[REDACTION_JWT] && find_jwt(text, size, at, found)) ||
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
