// up_words - the words of `up`'s command line, and those of the programs it starts
// SPDX-License-Identifier: MPL-2.0
#include "up_words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "mesh/paths.h"
#include "mesh/programs.h"

const mesh_program_flag_t up_words_flags[] = {
    {"--port", "PORT", "http/port", NULL, "serve HTTP there; 0 has the kernel choose"},
    {"--no-token", NULL, "http/token", "false",
     "let every program on this host read the events, without the token"},
    {"--broker", "ENDPOINT", "mesh/seeds", NULL,
     "have monitor and sse-bridge look for the broker there; may be repeated"},
    {NULL, NULL, NULL, NULL, NULL},
};

struct up_words {
    int argc;
    char **argv;    // borrowed
};

up_words_t *
up_words_new(int argc, char *argv[])
{
    assert(argc > 0 && argv);
    up_words_t *self = zmalloc(sizeof *self);
    self->argc = argc;
    self->argv = argv;
    return self;
}

void
up_words_destroy(up_words_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

// Whether word is the option of that name, alone or as name=value; *value_p is then the value,
// or NULL when it is the next word.
static bool
is_option(const char *word, const char *name, const char **value_p)
{
    size_t size = strlen(name);
    if (strncmp(word, name, size) != 0 || (word[size] != '\0' && word[size] != '='))
        return false;
    *value_p = word[size] == '=' ? word + size + 1 : NULL;
    return true;
}

static const mesh_program_flag_t *
find_flag(const char *word, const char **value_p)
{
    for (const mesh_program_flag_t *flag = up_words_flags; flag->name; flag++) {
        if (is_option(word, flag->name, value_p))
            return flag;
    }
    return NULL;
}

// Whether word is a common option whose value is the next word, which then may look like
// anything.
static bool
takes_next(const char *word)
{
    static const char *const names[] = {"--config", "--env", "--set", "--log-level",
                                        "--log-format"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (streq(word, names[i]))
            return true;
    }
    return false;
}

static char *
setting(const char *key, const char *value)
{
    char *text = NULL;
    if (asprintf(&text, "%s=%s", key, value) < 0)
        abort();
    return text;
}

// The value that a flag given several times has in all: a list grows. It is the whole list each
// time, because a later --set replaces an earlier one. The caller frees it.
static char *
whole_value(const up_words_t *self, const mesh_program_flag_t *wanted, int last)
{
    char *whole = NULL;
    for (int i = 1; i <= last; i++) {
        const char *value = NULL;
        const mesh_program_flag_t *flag = find_flag(self->argv[i], &value);
        if (flag && flag->argument && !value)
            value = i + 1 < self->argc ? self->argv[++i] : "";
        if (flag == wanted && whole && streq(flag->setting, "mesh/seeds")) {
            char *grown = NULL;
            if (asprintf(&grown, "%s,%s", whole, value) < 0)
                abort();
            free(whole);
            whole = grown;
        } else if (flag == wanted) {
            free(whole);
            whole = strdup(flag->argument ? value : flag->value);
        } else if (!flag && takes_next(self->argv[i])) {
            i++;
        }
    }
    return whole;
}

char **
up_words_for(const up_words_t *self, const char *name, const char *port_file)
{
    assert(self && name);
    // Each word of ours becomes at most two; name, port file and NULL come on top.
    char **arguments = zmalloc(sizeof *arguments * (2 * (size_t) self->argc + 4));
    size_t size = 0;
    arguments[size++] = strdup(name);
    if (port_file) {
        arguments[size++] = strdup("--set");
        arguments[size++] = setting("http/port_file", port_file);
    }
    for (int i = 1; i < self->argc && !streq(self->argv[i], "--"); i++) {
        const char *word = self->argv[i];
        const char *value = NULL;
        const mesh_program_flag_t *flag = find_flag(word, &value);
        if (flag) {
            char *whole = whole_value(self, flag, i);
            arguments[size++] = strdup("--set");
            arguments[size++] = setting(flag->setting, whole);
            free(whole);
            if (flag->argument && !value)
                i++;
            continue;
        }
        arguments[size++] = strdup(word);
        if (takes_next(word) && i + 1 < self->argc)
            arguments[size++] = strdup(self->argv[++i]);
    }
    return arguments;
}

void
up_words_free(char ***arguments_p)
{
    assert(arguments_p);
    if (*arguments_p) {
        for (char **at = *arguments_p; *at; at++)
            free(*at);
        free(*arguments_p);
        *arguments_p = NULL;
    }
}

char *
up_words_token(const mesh_settings_t *settings)
{
    assert(settings);
    bool is_usual = streq(mesh_settings_origin(settings, "mesh/state_dir"), "default") &&
                    !getenv("XDG_STATE_HOME");
    char *error = NULL;
    char *dir = is_usual ? NULL : mesh_paths_state_dir(settings, &error);
    free(error);    // the sse-bridge has said it
    if (!dir)
        return strdup("token show");
    char *option = setting("mesh/state_dir", dir);
    char *word = mesh_programs_shell_word(option);
    char *text = NULL;
    if (asprintf(&text, "token show --set %s", word) < 0)
        abort();
    free(word);
    free(option);
    free(dir);
    return text;
}
