// redaction_keys - keys that are known by how they begin
// SPDX-License-Identifier: MPL-2.0
#include "redaction_keys.h"

#include <string.h>

#include "redaction_bytes.h"

enum { SEGMENT_BYTES = 20 };    // of letters and digits that nobody would write by hand

typedef struct key_form {
    const char *prefix;
    redaction_rule_t rule;
    unsigned kind;
    unsigned least, most;    // bytes after the prefix; most 0: any number
    bool random;             // and they must look random
} key_form_t;

// Longer prefixes before those they begin with.
static const key_form_t key_forms[] = {
    {"sk-ant-", REDACTION_ANTHROPIC, BYTES_TOKEN, 20, 0, false},
    {"sk-or-", REDACTION_OPENROUTER, BYTES_TOKEN, 20, 0, false},
    {"sk-proj-", REDACTION_OPENAI, BYTES_TOKEN, 20, 0, false},
    {"sk-svcacct-", REDACTION_OPENAI, BYTES_TOKEN, 20, 0, false},
    {"sk-admin-", REDACTION_OPENAI, BYTES_TOKEN, 20, 0, false},
    {"sk-None-", REDACTION_OPENAI, BYTES_TOKEN, 20, 0, false},
    {"sk-", REDACTION_OPENAI, BYTES_TOKEN, SEGMENT_BYTES, 0, true},
    {"sess-", REDACTION_OPENAI, BYTES_TOKEN, 40, 0, true},
    {"AIza", REDACTION_GOOGLE, BYTES_TOKEN, 35, 35, false},
    {"ya29.", REDACTION_GOOGLE, BYTES_NAME, 20, 0, false},
    {"GOCSPX-", REDACTION_GOOGLE, BYTES_TOKEN, 20, 0, false},
    {"AKIA", REDACTION_AWS, BYTES_ALNUM, 16, 16, false},
    {"ASIA", REDACTION_AWS, BYTES_ALNUM, 16, 16, false},
    {"ABIA", REDACTION_AWS, BYTES_ALNUM, 16, 16, false},
    {"ACCA", REDACTION_AWS, BYTES_ALNUM, 16, 16, false},
    {"gsk_", REDACTION_GROQ, BYTES_ALNUM, SEGMENT_BYTES, 0, true},
    {"xai-", REDACTION_XAI, BYTES_TOKEN, SEGMENT_BYTES, 0, true},
    {"hf_", REDACTION_HUGGINGFACE, BYTES_ALNUM, SEGMENT_BYTES, 0, false},
    {"api_org_", REDACTION_HUGGINGFACE, BYTES_ALNUM, SEGMENT_BYTES, 0, false},
    {"ghp_", REDACTION_GITHUB, BYTES_ALNUM, 30, 0, false},
    {"gho_", REDACTION_GITHUB, BYTES_ALNUM, 30, 0, false},
    {"ghu_", REDACTION_GITHUB, BYTES_ALNUM, 30, 0, false},
    {"ghs_", REDACTION_GITHUB, BYTES_ALNUM, 30, 0, false},
    {"ghr_", REDACTION_GITHUB, BYTES_ALNUM, 30, 0, false},
    {"github_pat_", REDACTION_GITHUB, BYTES_WORD, 20, 0, false},
    {"glpat-", REDACTION_GITLAB, BYTES_NAME, 20, 0, false},
    {"gldt-", REDACTION_GITLAB, BYTES_NAME, 20, 0, false},
    {"glrt-", REDACTION_GITLAB, BYTES_NAME, 20, 0, false},
    {"glptt-", REDACTION_GITLAB, BYTES_NAME, 20, 0, false},
    {"glcbt-", REDACTION_GITLAB, BYTES_NAME, 20, 0, false},
    {"xoxb-", REDACTION_SLACK, BYTES_TOKEN, 10, 0, false},
    {"xoxp-", REDACTION_SLACK, BYTES_TOKEN, 10, 0, false},
    {"xoxa-", REDACTION_SLACK, BYTES_TOKEN, 10, 0, false},
    {"xoxr-", REDACTION_SLACK, BYTES_TOKEN, 10, 0, false},
    {"xoxs-", REDACTION_SLACK, BYTES_TOKEN, 10, 0, false},
    {"xoxe-", REDACTION_SLACK, BYTES_TOKEN, 10, 0, false},
    {"xapp-", REDACTION_SLACK, BYTES_TOKEN, 10, 0, false},
    {"hooks.slack.com/services/", REDACTION_SLACK, BYTES_BEARER, 20, 0, false},
    {"sk_live_", REDACTION_STRIPE, BYTES_ALNUM, 16, 0, false},
    {"sk_test_", REDACTION_STRIPE, BYTES_ALNUM, 16, 0, false},
    {"rk_live_", REDACTION_STRIPE, BYTES_ALNUM, 16, 0, false},
    {"rk_test_", REDACTION_STRIPE, BYTES_ALNUM, 16, 0, false},
    {"whsec_", REDACTION_STRIPE, BYTES_BEARER, 16, 0, false},
    {"npm_", REDACTION_SERVICE, BYTES_ALNUM, 36, 36, false},
    {"pypi-AgE", REDACTION_SERVICE, BYTES_TOKEN, 40, 0, false},
    {"dckr_pat_", REDACTION_SERVICE, BYTES_TOKEN, 20, 0, false},
    {"dop_v1_", REDACTION_SERVICE, BYTES_ALNUM, 40, 0, false},
    {"nvapi-", REDACTION_SERVICE, BYTES_TOKEN, 40, 0, false},
    {"pplx-", REDACTION_SERVICE, BYTES_ALNUM, 30, 0, true},
    {"csk-", REDACTION_SERVICE, BYTES_ALNUM, 30, 0, true},
    {"r8_", REDACTION_SERVICE, BYTES_ALNUM, 30, 0, true},
    {"fw_", REDACTION_SERVICE, BYTES_ALNUM, SEGMENT_BYTES, 0, true},
    {"tgp_v1_", REDACTION_SERVICE, BYTES_TOKEN, 20, 0, false},
    {"dapi", REDACTION_SERVICE, BYTES_ALNUM, 32, 32, true},
    {"hvs.", REDACTION_SERVICE, BYTES_TOKEN, 24, 0, false},
    {"SG.", REDACTION_SERVICE, BYTES_NAME, 60, 0, false},
    {"shpat_", REDACTION_SERVICE, BYTES_ALNUM, 32, 0, false},
    {"lin_api_", REDACTION_SERVICE, BYTES_ALNUM, 32, 0, false},
    {"tskey-", REDACTION_SERVICE, BYTES_TOKEN, 20, 0, false},
    {"AGE-SECRET-KEY-1", REDACTION_SERVICE, BYTES_ALNUM, 40, 0, false},
};

// Whether letters and digits follow each other for so long, a digit among them, that it is no
// name made of words.
static bool
looks_random(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t run = redaction_bytes_run(text, size, at, BYTES_ALNUM);
        if (run >= SEGMENT_BYTES && redaction_bytes_have_digit(text + at, run))
            return true;
        at += run + 1;
    }
    return false;
}

bool
redaction_keys_find(const char *text, size_t size, size_t at, bool within,
                    const bool off[static REDACTION_RULES], redaction_found_t *found)
{
    for (size_t i = 0; i < sizeof key_forms / sizeof key_forms[0]; i++) {
        const key_form_t *form = &key_forms[i];
        if (text[at] != form->prefix[0] ||
            !redaction_bytes_begin(text, size, at, form->prefix) || off[form->rule] ||
            (within && form->random))
            continue;
        size_t begin = at + strlen(form->prefix);
        size_t run = redaction_bytes_run(text, size, begin, form->kind);
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
bool
redaction_keys_find_jwt(const char *text, size_t size, size_t at, redaction_found_t *found)
{
    if (!redaction_bytes_begin(text, size, at, "eyJ"))
        return false;
    size_t end = at + redaction_bytes_run(text, size, at, BYTES_TOKEN);
    if (!redaction_bytes_begin(text, size, end, ".eyJ"))
        return false;
    end += 1 + redaction_bytes_run(text, size, end + 1, BYTES_TOKEN);
    if (end < size && text[end] == '.')
        end += 1 + redaction_bytes_run(text, size, end + 1, BYTES_TOKEN);
    if (end - at < 30)
        return false;
    *found = (redaction_found_t){.rule = REDACTION_JWT, .from = at, .to = end};
    return true;
}
