// aider_user_patterns - what a user's file adds to the table of errors
// SPDX-License-Identifier: MPL-2.0
#include "aider_user_patterns.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/zpl.h"
#include "user_regex.h"

#define GROUP "retry_after"

enum { NAME_BYTES = 64, TEXT_BYTES = 160 };

typedef struct pattern {
    char name[NAME_BYTES];
    char match[AIDER_USER_PATTERNS_MATCH_BYTES + 1];
    char classes[TEXT_BYTES];
    char provider[NAME_BYTES];
    char error_type[NAME_BYTES];
    char meaning[TEXT_BYTES];
    char retryable[NAME_BYTES];
    aider_error_t error;    // points into the texts above
    int line;               // where it begins in the file
    user_regex_t *regex;    // owned
    size_t overruns;
} pattern_t;

struct aider_user_patterns {
    pattern_t patterns[AIDER_USER_PATTERNS_MOST];
    size_t count;
    size_t overruns;
    char *error;    // while reading: what is wrong; owned
};

// A sentence about the file; as asprintf, and never fails.
__attribute__((format(printf, 1, 2))) static char *
sentence(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = zsys_vprintf(format, arguments);
    va_end(arguments);
    assert(text);
    return text;
}

// ---- reading ----

static pattern_t *
pattern_named(aider_user_patterns_t *self, const char *name, size_t length, int line)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strlen(self->patterns[i].name) == length &&
            !strncmp(self->patterns[i].name, name, length))
            return &self->patterns[i];
    }
    if (self->count == AIDER_USER_PATTERNS_MOST || length >= NAME_BYTES)
        return NULL;
    pattern_t *made = &self->patterns[self->count++];
    memcpy(made->name, name, length);
    made->line = line;
    return made;
}

// Where a member of this name is kept, and how much fits; NULL when there is none.
static char *
member_of(pattern_t *pattern, const char *key, size_t *size)
{
    struct {
        const char *key;
        char *text;
        size_t size;
    } const members[] = {
        {"match", pattern->match, sizeof pattern->match},
        {"classes", pattern->classes, sizeof pattern->classes},
        {"provider", pattern->provider, sizeof pattern->provider},
        {"error_type", pattern->error_type, sizeof pattern->error_type},
        {"meaning", pattern->meaning, sizeof pattern->meaning},
        {"retryable", pattern->retryable, sizeof pattern->retryable},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (streq(members[i].key, key)) {
            *size = members[i].size;
            return members[i].text;
        }
    }
    return NULL;
}

// mesh_zpl_item_fn
static int
on_item(void *arg, int line, const char *key, const char *value)
{
    aider_user_patterns_t *self = arg;
    const char *slash = strchr(key, '/');
    size_t length = slash ? (size_t) (slash - key) : strlen(key);
    pattern_t *pattern = pattern_named(self, key, length, line);
    if (!pattern) {
        self->error =
            length >= NAME_BYTES
                ? sentence("line %d: a pattern's name has at most %d bytes", line,
                           NAME_BYTES - 1)
                : sentence("line %d: more than %d patterns", line, AIDER_USER_PATTERNS_MOST);
        return -1;
    }
    if (!slash) {
        if (!*value)
            return 0;
        self->error = sentence("line %d: \"%s\" has a value; a pattern is a section with "
                               "match and error_type in it",
                               line, pattern->name);
        return -1;
    }
    size_t size = 0;
    char *member = member_of(pattern, slash + 1, &size);
    if (!member) {
        self->error = sentence("line %d: pattern \"%s\" has no member \"%s\"; there are match, "
                               "error_type, classes, provider, retryable and meaning",
                               line, pattern->name, slash + 1);
        return -1;
    }
    if (strlen(value) >= size) {
        self->error = sentence("line %d: %s of pattern \"%s\" has more than %zu bytes", line,
                               slash + 1, pattern->name, size - 1);
        return -1;
    }
    memcpy(member, value, strlen(value) + 1);
    return 0;
}

static char *
compile(pattern_t *pattern)
{
    char why[USER_REGEX_WHY_BYTES];
    size_t offset = 0;
    pattern->regex =
        user_regex_new(pattern->match, AIDER_USER_PATTERNS_MATCH_BYTES, why, &offset);
    if (pattern->regex)
        return NULL;
    return sentence("line %d: pattern \"%s\": %s at offset %zu of match", pattern->line,
                    pattern->name, why, offset);
}

// What is wrong with a row that was read; NULL when it is right and compiled.
static char *
finish(pattern_t *pattern)
{
    if (!pattern->match[0])
        return sentence("line %d: pattern \"%s\" has no match", pattern->line, pattern->name);
    if (!aider_table_is_error_type(pattern->error_type))
        return sentence("line %d: pattern \"%s\": error_type is \"%s\", which is none of those "
                        "in docs/AIDER.md, section 9.1",
                        pattern->line, pattern->name, pattern->error_type);
    if (pattern->retryable[0] && !streq(pattern->retryable, "true") &&
        !streq(pattern->retryable, "false"))
        return sentence("line %d: pattern \"%s\": retryable is \"%s\"; it is true or false",
                        pattern->line, pattern->name, pattern->retryable);
    pattern->error = (aider_error_t){
        .text = pattern->match,
        .classes = pattern->classes[0] ? pattern->classes : NULL,
        .provider = pattern->provider[0] ? pattern->provider : NULL,
        .error_type = pattern->error_type,
        .meaning = pattern->meaning,
        .retry = !pattern->retryable[0]              ? AIDER_RETRY_AS_CLASS
                 : streq(pattern->retryable, "true") ? AIDER_RETRY_YES
                                                     : AIDER_RETRY_NO,
    };
    return compile(pattern);
}

aider_user_patterns_t *
aider_user_patterns_new(const char *text, size_t size_bytes, const char *name, char **error_p)
{
    assert(text && name && error_p);
    aider_user_patterns_t *self = zmalloc(sizeof *self);
    int line = 0;
    char *why = NULL;
    if (mesh_zpl_read(text, size_bytes, on_item, self, &line, &why) != 0 && why)
        self->error = sentence("line %d: %s", line, why);
    free(why);
    for (size_t i = 0; i < self->count && !self->error; i++)
        self->error = finish(&self->patterns[i]);
    if (!self->error)
        return self;
    *error_p = sentence("%s, %s", name, self->error);
    aider_user_patterns_destroy(&self);
    return NULL;
}

aider_user_patterns_t *
aider_user_patterns_read(const char *path, char **error_p)
{
    assert(path && error_p);
    // Without O_NONBLOCK a pipe of that name would hold us until somebody writes to it.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        *error_p =
            sentence("%s: %s", path, fd < 0 ? strerror(errno) : "this is no regular file");
        if (fd >= 0)
            (void) close(fd);
        return NULL;
    }
    char *text = zmalloc(AIDER_USER_PATTERNS_FILE_BYTES + 2);
    size_t size = 0;
    ssize_t got = 0;
    while (size <= AIDER_USER_PATTERNS_FILE_BYTES &&
           (got = read(fd, text + size, AIDER_USER_PATTERNS_FILE_BYTES + 1 - size)) > 0)
        size += (size_t) got;
    aider_user_patterns_t *self = NULL;
    if (got < 0)
        *error_p = sentence("%s: %s", path, strerror(errno));
    else if (size > AIDER_USER_PATTERNS_FILE_BYTES)
        *error_p = sentence("%s has more than %d bytes", path, AIDER_USER_PATTERNS_FILE_BYTES);
    else
        self = aider_user_patterns_new(text, size, path, error_p);
    (void) close(fd);
    free(text);
    return self;
}

void
aider_user_patterns_destroy(aider_user_patterns_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        aider_user_patterns_t *self = *self_p;
        for (size_t i = 0; i < self->count; i++)
            user_regex_destroy(&self->patterns[i].regex);
        free(self->error);
        free(self);
        *self_p = NULL;
    }
}

// ---- matching ----

static bool
is_found(aider_user_patterns_t *self, pattern_t *pattern, const char *text, size_t size)
{
    if (pattern->overruns == AIDER_USER_PATTERNS_OVERRUNS)
        return false;
    size_t begin;
    size_t end;
    user_regex_outcome_t outcome = user_regex_find(pattern->regex, text, size, 0, &begin, &end);
    if (outcome == USER_REGEX_LIMITED) {
        pattern->overruns++;
        self->overruns++;
    }
    return outcome == USER_REGEX_FOUND;
}

// How much of a text is looked at, in whole characters.
static size_t
subject_size(const char *text)
{
    size_t size = strnlen(text, AIDER_USER_PATTERNS_SUBJECT_BYTES);
    while (size > 0 && ((unsigned char) text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

bool
aider_user_patterns_match(aider_user_patterns_t *self, const char *class, const char *text,
                          aider_user_match_t *match)
{
    assert(self && text && match);
    size_t size = subject_size(text);
    for (size_t i = 0; i < self->count; i++) {
        pattern_t *pattern = &self->patterns[i];
        if (!aider_table_is_for(&pattern->error, class ? class : "") ||
            !is_found(self, pattern, text, size))
            continue;
        *match = (aider_user_match_t){.error = &pattern->error};
        user_regex_group(pattern->regex, GROUP, match->retry_after, sizeof match->retry_after);
        return true;
    }
    return false;
}

size_t
aider_user_patterns_count(const aider_user_patterns_t *self)
{
    assert(self);
    return self->count;
}

size_t
aider_user_patterns_overruns(const aider_user_patterns_t *self)
{
    assert(self);
    return self->overruns;
}
