// redaction - secrets taken out of whatever is to leave the bridge
// SPDX-License-Identifier: MPL-2.0
#include "redaction.h"

#include <assert.h>
#include <czmq.h>

#include "redaction_rules.h"
#include "user_regex.h"

#define MARK_BEGIN "[redacted:"

enum {
    DEPTH_MOST = 64,           // of a payload; deeper nothing is a payload of ours
    PATTERN_MATCHES = 1000,    // in one text; what follows the last is withheld
    BLOCK_LINES = 200,         // of a private key that does not end
};

struct redaction {
    bool off[REDACTION_RULES];
    uint64_t counts[REDACTION_RULES];
    char *home;               // owned; NULL when there is none to hide
    user_regex_t *pattern;    // owned; NULL without one
    size_t block_lines;
};

// ---- beginning and end

static bool
turn_off(redaction_t *self, const char *name)
{
    for (int rule = 0; rule < REDACTION_RULES; rule++)
        if (streq(redaction_rule_name((redaction_rule_t) rule), name)) {
            self->off[rule] = true;
            return true;
        }
    return false;
}

static char *
compile(redaction_t *self, const char *pattern)
{
    char why[USER_REGEX_WHY_BYTES];
    size_t offset = 0;
    if (strlen(pattern) > REDACTION_PATTERN_BYTES)
        return zsys_sprintf("redact/pattern is longer than %d bytes", REDACTION_PATTERN_BYTES);
    self->pattern = user_regex_new(pattern, REDACTION_PATTERN_BYTES, why, &offset);
    return self->pattern ? NULL
                         : zsys_sprintf("redact/pattern is no regular expression: %s at offset "
                                        "%zu",
                                        why, offset);
}

redaction_t *
redaction_new(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    redaction_t *self = zmalloc(sizeof *self);
    char *wrong = NULL;
    for (size_t i = 0; i < mesh_settings_list_size(settings, "redact/off") && !wrong; i++) {
        const char *name = mesh_settings_list_item(settings, "redact/off", i);
        if (!turn_off(self, name))
            wrong = zsys_sprintf("redact/off: there is no rule \"%s\"; docs/SECURITY.md lists "
                                 "them",
                                 name);
    }
    const char *pattern = mesh_settings_string(settings, "redact/pattern");
    if (!wrong && *pattern)
        wrong = compile(self, pattern);
    if (wrong) {
        *error_p = wrong;
        redaction_destroy(&self);
        return NULL;
    }
    const char *home = getenv("HOME");
    if (home && home[0] == '/' && home[1] && !self->off[REDACTION_HOME])
        self->home = strdup(home);
    return self;
}

void
redaction_destroy(redaction_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        redaction_t *self = *self_p;
        user_regex_destroy(&self->pattern);
        free(self->home);
        free(self);
        *self_p = NULL;
    }
}

// ---- a text that is put together anew

typedef struct cleaned {
    char *bytes;    // owned; NULL as long as nothing was taken out
    size_t used, capacity;
    size_t copied;    // of the text
} cleaned_t;

static void
add(cleaned_t *to, const char *bytes, size_t size)
{
    if (to->used + size + 1 > to->capacity) {
        to->capacity = 2 * (to->used + size + 1);
        to->bytes = realloc(to->bytes, to->capacity);
    }
    assert(to->bytes);
    memcpy(to->bytes + to->used, bytes, size);
    to->used += size;
    to->bytes[to->used] = '\0';
}

// Put `mark` in place of the text's bytes from..to.
static void
replace(cleaned_t *to, const char *text, size_t from, size_t end, const char *mark)
{
    add(to, text + to->copied, from - to->copied);
    add(to, mark, strlen(mark));
    to->copied = end;
}

static void
take_out(redaction_t *self, cleaned_t *to, const char *text, const redaction_found_t *found)
{
    char mark[64];
    (void) snprintf(mark, sizeof mark, MARK_BEGIN "%s]", redaction_rule_name(found->rule));
    replace(to, text, found->from, found->to, mark);
    self->counts[found->rule]++;
}

static char *
finish(cleaned_t *to, const char *text, size_t size)
{
    if (to->bytes)
        add(to, text + to->copied, size - to->copied);
    return to->bytes;
}

// ---- rules

// The user's pattern over a text. Returns NULL when it finds nothing.
static char *
match_pattern(redaction_t *self, const char *text, size_t size)
{
    cleaned_t to = {0};
    size_t at = 0;
    for (int count = 0; self->pattern && at <= size; count++) {
        size_t begin = at;
        size_t end = size;
        user_regex_outcome_t outcome =
            count == PATTERN_MATCHES
                ? USER_REGEX_LIMITED
                : user_regex_find(self->pattern, text, size, at, &begin, &end);
        if (outcome == USER_REGEX_NONE)
            break;
        // What is not decided within the limits is withheld.
        redaction_found_t found = {
            .rule = REDACTION_PATTERN, .from = begin > at ? begin : at, .to = end};
        if (found.to > found.from)
            take_out(self, &to, text, &found);
        at = found.to > at ? found.to : at + 1;
        // Not within a character, which PCRE2 would refuse.
        while (at < size && ((unsigned char) text[at] & 0xc0) == 0x80)
            at++;
    }
    return finish(&to, text, size);
}

// The length of a mark that stands at the beginning of text; 0 when there is none. What only
// looks like one hides nothing.
static size_t
mark_at(const char *text)
{
    size_t begin = sizeof MARK_BEGIN - 1;
    if (text[0] != MARK_BEGIN[0] || strncmp(text, MARK_BEGIN, begin) != 0)
        return 0;
    for (int rule = 0; rule < REDACTION_RULES; rule++) {
        const char *name = redaction_rule_name((redaction_rule_t) rule);
        size_t length = strlen(name);
        if (strncmp(text + begin, name, length) == 0 && text[begin + length] == ']')
            return begin + length + 1;
    }
    return 0;
}

// The built-in rules over a text. *open_p is set when it ends within a private key.
static char *
match_rules(redaction_t *self, const char *text, size_t size, size_t from, bool *open_p)
{
    cleaned_t to = {0};
    if (from > 0)
        take_out(self, &to, text, &(redaction_found_t){.rule = REDACTION_PEM, .to = from});
    for (size_t at = from; at < size;) {
        redaction_found_t found = {0};
        size_t mark = mark_at(text + at);
        if (mark > 0) {
            at += mark;
        } else if (redaction_rules_find(text, size, at, self->off, &found) &&
                   mark_at(text + found.from) == 0) {
            take_out(self, &to, text, &found);
            *open_p = *open_p || found.open;
            at = found.to;
        } else {
            at++;
        }
    }
    return finish(&to, text, size);
}

static char *
clean(redaction_t *self, const char *text, size_t from, bool *open_p)
{
    char *first = match_rules(self, text, strlen(text), from, open_p);
    const char *so_far = first ? first : text;
    char *second = match_pattern(self, so_far, strlen(so_far));
    if (!second)
        return first;
    free(first);
    return second;
}

char *
redaction_text(redaction_t *self, const char *text)
{
    assert(self && text);
    bool open = false;
    return clean(self, text, 0, &open);
}

char *
redaction_line(redaction_t *self, const char *line, bool *in_block_p)
{
    assert(self && line && in_block_p);
    size_t from = 0;
    if (*in_block_p) {
        from = redaction_rules_block_end(line, strlen(line));
        *in_block_p = !from && ++self->block_lines < BLOCK_LINES;
        if (!from)
            return strdup(MARK_BEGIN "pem]");
    }
    bool open = false;
    char *text = clean(self, line, from, &open);
    if (open)
        self->block_lines = 0;
    *in_block_p = open;
    return text;
}

// ---- payloads

// The home directory, where a path begins with it.
static char *
hide_home(redaction_t *self, const char *text)
{
    cleaned_t to = {0};
    size_t length = self->home ? strlen(self->home) : 0;
    const char *found = text;
    while (self->home && (found = strstr(found, self->home))) {
        size_t from = (size_t) (found - text);
        char before = ' ';
        if (from > 0)
            before = text[from - 1];
        char after = found[length];
        // Not within a longer path or name.
        bool whole = !isalnum((unsigned char) before) && !strchr("/._-~", before) &&
                     !isalnum((unsigned char) after) && (!after || !strchr("._-~", after));
        if (whole) {
            replace(&to, text, from, from + length, "~");
            self->counts[REDACTION_HOME]++;
        }
        found += length;
    }
    return finish(&to, text, strlen(text));
}

// Control characters, of which an event has none but line ends and tabs.
static char *
hide_controls(const char *text)
{
    cleaned_t to = {0};
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at++) {
        unsigned char byte = (unsigned char) text[at];
        bool c1 = byte == 0xc2 && ((unsigned char) text[at + 1] & 0xe0) == 0x80;
        if (c1 || byte == 0x7f || (byte < ' ' && !strchr("\n\r\t", byte)))
            replace(&to, text, at, at + (c1 ? 2 : 1), "\xef\xbf\xbd");
    }
    return finish(&to, text, size);
}

// Take a new text, which is freed, in place of the one so far, which may be NULL.
static void
go_on_with(char **text_p, char *text)
{
    if (text) {
        free(*text_p);
        *text_p = text;
    }
}

static void
clean_string(redaction_t *self, json_t *string)
{
    const char *text = json_string_value(string);
    char *changed = NULL;
    // A NUL would end what is looked at; what follows it is nobody's to see.
    if (json_string_length(string) != strlen(text))
        changed = strdup(text);
    go_on_with(&changed, hide_controls(changed ? changed : text));
    go_on_with(&changed, redaction_text(self, changed ? changed : text));
    go_on_with(&changed, hide_home(self, changed ? changed : text));
    if (changed)
        (void) json_string_set(string, changed);
    free(changed);
}

static json_t *clean_value(redaction_t *self, json_t *value, int depth);

static void
clean_object(redaction_t *self, json_t *object, int depth)
{
    const char *key;
    json_t *member;
    void *next;
    json_object_foreach_safe(object, next, key, member)
    {
        json_t *changed = NULL;
        if (json_is_string(member) && json_string_length(member) > 0 &&
            !self->off[REDACTION_ASSIGNMENT] &&
            strncmp(json_string_value(member), MARK_BEGIN, sizeof MARK_BEGIN - 1) != 0 &&
            redaction_rules_is_secret_name(key, strlen(key))) {
            changed = json_string(MARK_BEGIN "assignment]");
            self->counts[REDACTION_ASSIGNMENT]++;
        } else {
            changed = clean_value(self, member, depth + 1);
        }
        if (changed)
            (void) json_object_set_new(object, key, changed);
    }
}

// Clean a value in place. Returns a new one where it has to be another, or NULL.
static json_t *
clean_value(redaction_t *self, json_t *value, int depth)
{
    if (depth > DEPTH_MOST)
        return json_string("…");
    if (json_is_string(value)) {
        // Its own: an event may share a string with what is still needed.
        json_t *copy = json_stringn(json_string_value(value), json_string_length(value));
        clean_string(self, copy);
        return copy;
    }
    size_t index;
    json_t *element;
    json_array_foreach(value, index, element)
    {
        json_t *changed = clean_value(self, element, depth + 1);
        if (changed)
            (void) json_array_set_new(value, index, changed);
    }
    if (json_is_object(value))
        clean_object(self, value, depth);
    return NULL;
}

void
redaction_payload(redaction_t *self, json_t *payload)
{
    assert(self && json_is_object(payload));
    clean_object(self, payload, 0);
}

json_t *
redaction_take_counts(redaction_t *self)
{
    json_t *counts = NULL;
    for (int rule = 0; rule < REDACTION_RULES; rule++) {
        if (!self->counts[rule])
            continue;
        if (!counts)
            counts = json_object();
        json_object_set_new(counts, redaction_rule_name((redaction_rule_t) rule),
                            json_integer((json_int_t) self->counts[rule]));
        self->counts[rule] = 0;
    }
    return counts;
}
