// aider_options - what a command line tells AIDER
// SPDX-License-Identifier: MPL-2.0
#include "aider_options.h"

#include <assert.h>
#include <czmq.h>
#include <string.h>

// The options of AIDER 0.86 that take a value. A newer one is taken for a switch, and its value
// for a file to edit: only the list of files in session_started suffers.
static const char *const WITH_VALUE[] = {
    "--model",
    "--openai-api-key",
    "--anthropic-api-key",
    "--openai-api-base",
    "--openai-api-type",
    "--openai-api-version",
    "--openai-api-deployment-id",
    "--openai-organization-id",
    "--set-env",
    "--api-key",
    "--list-models",
    "--models",
    "--model-settings-file",
    "--model-metadata-file",
    "--alias",
    "--reasoning-effort",
    "--thinking-tokens",
    "--timeout",
    "--edit-format",
    "--chat-mode",
    "--weak-model",
    "--editor-model",
    "--editor-edit-format",
    "--max-chat-history-tokens",
    "--cache-keepalive-pings",
    "--map-tokens",
    "--map-refresh",
    "--map-multiplier-no-files",
    "--input-history-file",
    "--chat-history-file",
    "--llm-history-file",
    "--user-input-color",
    "--tool-output-color",
    "--tool-error-color",
    "--tool-warning-color",
    "--assistant-output-color",
    "--completion-menu-color",
    "--completion-menu-bg-color",
    "--completion-menu-current-color",
    "--completion-menu-current-bg-color",
    "--code-theme",
    "--aiderignore",
    "--commit-prompt",
    "--lint-cmd",
    "--test-cmd",
    "--analytics-log",
    "--analytics-posthog-host",
    "--analytics-posthog-project-api-key",
    "--message",
    "--msg",
    "--message-file",
    "--apply",
    "--voice-format",
    "--voice-language",
    "--voice-input-device",
    "--file",
    "--read",
    "--chat-language",
    "--commit-language",
    "--load",
    "--encoding",
    "--line-endings",
    "--config",
    "--env-file",
    "--notifications-command",
    "--editor",
    "--shell-completions",
};

// Switches that are also the beginning of an option above, and are not meant for it.
static const char *const SWITCHES[] = {"--lint", "--test", "--analytics", "--commit"};

enum {
    WITH_VALUE_COUNT = sizeof WITH_VALUE / sizeof WITH_VALUE[0],
    SWITCH_COUNT = sizeof SWITCHES / sizeof SWITCHES[0],
};

struct aider_options {
    const char *const *words;    // borrowed; what follows the word aider
    const char *values[WITH_VALUE_COUNT];
    const char *files[2][AIDER_OPTIONS_FILE_LIMIT];
    size_t file_count[2];
};

static bool
is_word(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && !strncmp(word, name, length);
}

// Index of the option a word of this length names, itself or by its beginning; -1 for none.
static int
find_option(const char *word, size_t length)
{
    int found = -1;
    for (int i = 0; i < WITH_VALUE_COUNT; i++) {
        if (is_word(word, length, WITH_VALUE[i]))
            return i;
        if (length > 3 && !strncmp(word, WITH_VALUE[i], length))
            found = found == -1 ? i : -2;    // -2: ambiguous
    }
    for (int i = 0; i < SWITCH_COUNT; i++) {
        if (is_word(word, length, SWITCHES[i]))
            return -1;
    }
    return found;
}

// The long name of a one-letter option.
static const char *
long_name(char letter)
{
    switch (letter) {
    case 'm':
        return "--message";
    case 'f':
        return "--message-file";
    case 'c':
        return "--config";
    default:
        return NULL;
    }
}

static void
add_file(aider_options_t *self, bool read_only, const char *path)
{
    if (self->file_count[read_only] < AIDER_OPTIONS_FILE_LIMIT)
        self->files[read_only][self->file_count[read_only]++] = path;
}

static void
set_value(aider_options_t *self, int option, const char *value)
{
    const char *name = WITH_VALUE[option];
    if (!strcmp(name, "--file") || !strcmp(name, "--read")) {
        add_file(self, !strcmp(name, "--read"), value);
        return;
    }
    if (!strcmp(name, "--msg"))
        option = find_option("--message", strlen("--message"));
    if (!strcmp(name, "--chat-mode"))
        option = find_option("--edit-format", strlen("--edit-format"));
    self->values[option] = value;
}

// Read one word, and the next when it is the word's value. Returns how many were read.
static size_t
read_word(aider_options_t *self, const char *const *words)
{
    const char *word = words[0];
    if (word[0] != '-' || word[1] == '\0') {
        add_file(self, false, word);
        return 1;
    }
    const char *value = NULL;
    int option = -1;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        option = find_option(word, equals ? (size_t) (equals - word) : strlen(word));
        value = equals ? equals + 1 : NULL;
    } else if (long_name(word[1])) {
        const char *name = long_name(word[1]);
        option = find_option(name, strlen(name));
        value = word[2] ? word + 2 + (word[2] == '=') : NULL;
    }
    if (option < 0)
        return 1;
    if (!value && !words[1])
        return 1;
    set_value(self, option, value ? value : words[1]);
    return value ? 1 : 2;
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

aider_options_t *
aider_options_new(const char *const *argv)
{
    assert(argv);
    aider_options_t *self = zmalloc(sizeof *self);
    const char *const *at = argv;
    while (*at && strcmp(base_name(*at), "aider") != 0)
        at++;
    self->words = *at ? at + 1 : argv[0] ? argv + 1 : argv;

    bool only_files = false;
    for (at = self->words; *at;) {
        if (only_files) {
            add_file(self, false, *at++);
        } else if (!strcmp(*at, "--")) {
            only_files = true;
            at++;
        } else {
            at += read_word(self, at);
        }
    }
    return self;
}

void
aider_options_destroy(aider_options_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

const char *
aider_options_value(const aider_options_t *self, const char *name)
{
    assert(self && name);
    for (int i = 0; i < WITH_VALUE_COUNT; i++) {
        if (!strcmp(WITH_VALUE[i], name))
            return self->values[i];
    }
    return NULL;
}

bool
aider_options_switch(const aider_options_t *self, const char *name)
{
    assert(self && name);
    for (const char *const *at = self->words; *at && strcmp(*at, "--") != 0; at++) {
        if (!strcmp(*at, name))
            return true;
    }
    return false;
}

const char *
aider_options_file(const aider_options_t *self, bool read_only, size_t i)
{
    assert(self);
    return i < self->file_count[read_only] ? self->files[read_only][i] : NULL;
}
