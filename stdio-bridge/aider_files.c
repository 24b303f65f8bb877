// aider_files - where this AIDER session writes, and what else it was told outside its argv
// SPDX-License-Identifier: MPL-2.0
#include "aider_files.h"

#include "aider_options.h"

#include <assert.h>
#include <ctype.h>
#include <czmq.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 64, PLACES = 4 };

// "<folder>/<name>", or name alone when it is absolute.
static char *
path_in(const char *folder, const char *name)
{
    if (name[0] == '/')
        return strdup(name);
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    size_t size = length + strlen(slash) + strlen(name) + 1;
    char *path = zmalloc(size);
    snprintf(path, size, "%s%s%s", folder, slash, name);
    return path;
}

// The value on a line, without blanks, quotes and the comment behind it; the caller frees it.
static char *
value_of(const char *from, size_t length)
{
    while (length > 0 && isspace((unsigned char) *from)) {
        from++;
        length--;
    }
    if (length > 0 && (*from == '"' || *from == '\'')) {
        const char *end = memchr(from + 1, *from, length - 1);
        if (end)
            return strndup(from + 1, (size_t) (end - from - 1));
    }
    for (size_t i = 0; i < length; i++) {
        if (from[i] == '#' && (i == 0 || isspace((unsigned char) from[i - 1])))
            length = i;
    }
    while (length > 0 && isspace((unsigned char) from[length - 1]))
        length--;
    return strndup(from, length);
}

// The last value a text gives a key, on lines "<lead><key> <mark> value"; NULL when none.
static char *
find_line(const char *text, const char *lead, const char *key, char mark)
{
    char *found = NULL;
    size_t key_length = strlen(key);
    size_t lead_length = strlen(lead);
    for (const char *line = text; line && *line;) {
        size_t length = strcspn(line, "\n");
        const char *at = line;
        if (lead_length > 0 && !strncmp(at, lead, lead_length))
            at += lead_length;
        if (!strncmp(at, key, key_length)) {
            at += key_length;
            at += strspn(at, " \t");
            if (*at == mark) {
                free(found);
                found = value_of(at + 1, length - (size_t) (at + 1 - line));
            }
        }
        line += length;
        line += *line == '\n';
    }
    return found;
}

// The value in the strongest of several files, the last being the strongest.
static char *
find_in_files(const aider_files_source_t *source, char *const paths[PLACES], const char *lead,
              const char *key, char mark)
{
    for (int i = PLACES - 1; i >= 0; i--) {
        if (!paths[i])
            continue;
        char *text = source->read(source->arg, paths[i], AIDER_FILES_READ_LIMIT_BYTES);
        char *value = text ? find_line(text, lead, key, mark) : NULL;
        free(text);
        if (value)
            return value;
    }
    return NULL;
}

// Where a file of this name is looked for: home, repository, working directory, as told.
static void
list_places(const aider_files_source_t *source, const char *git_root, const char *name,
            const char *told, char *paths[PLACES])
{
    const char *home = source->env(source->arg, "HOME");
    paths[0] = home && home[0] ? path_in(home, name) : NULL;
    paths[1] = git_root ? path_in(git_root, name) : NULL;
    paths[2] = path_in(source->working_dir, name);
    paths[3] = told ? path_in(source->working_dir, told) : NULL;
}

static void
free_places(char *paths[PLACES])
{
    for (int i = 0; i < PLACES; i++)
        free(paths[i]);
}

static char *
find_in_environment(const aider_files_source_t *source, const char *git_root,
                    const aider_options_t *options, const char *name)
{
    char variable[NAME_BYTES] = "AIDER_";
    size_t length = strlen(variable);
    for (const char *at = name; *at && length < sizeof variable - 1; at++)
        variable[length++] = (char) (*at == '-' ? '_' : toupper((unsigned char) *at));
    variable[length] = '\0';

    char *paths[PLACES];
    list_places(source, git_root, ".env", aider_options_value(options, "--env-file"), paths);
    char *value = find_in_files(source, paths, "export ", variable, '=');
    free_places(paths);
    if (value)
        return value;
    const char *set = source->env(source->arg, variable);
    return set && set[0] ? strdup(set) : NULL;
}

static char *
find_in_configuration(const aider_files_source_t *source, const char *git_root,
                      const aider_options_t *options, const char *name)
{
    char *paths[PLACES];
    list_places(source, git_root, ".aider.conf.yml", aider_options_value(options, "--config"),
                paths);
    char *value = find_in_files(source, paths, "", name, ':');
    free_places(paths);
    // "key:" alone begins a list, which none of the settings asked for is.
    if (value && value[0] == '\0') {
        free(value);
        return NULL;
    }
    return value;
}

char *
aider_files_setting(const aider_files_source_t *source, const char *git_root, const char *name)
{
    assert(source && source->argv && source->working_dir && name);
    assert(source->env && source->read && source->exists);
    char option[NAME_BYTES];
    snprintf(option, sizeof option, "--%s", name);
    aider_options_t *options = aider_options_new(source->argv);
    const char *told = aider_options_value(options, option);
    char *value = told ? strdup(told) : NULL;
    if (!value)
        value = find_in_environment(source, git_root, options, name);
    if (!value)
        value = find_in_configuration(source, git_root, options, name);
    aider_options_destroy(&options);
    return value;
}

// The nearest folder above the working directory, or itself, that holds ".git".
static char *
find_git_root(const aider_files_source_t *source)
{
    aider_options_t *options = aider_options_new(source->argv);
    bool without = aider_options_switch(options, "--no-git");
    aider_options_destroy(&options);
    if (without)
        return NULL;
    char *folder = strdup(source->working_dir);
    while (folder[0]) {
        char *git = path_in(folder, ".git");
        bool found = source->exists(source->arg, git);
        free(git);
        if (found)
            return folder;
        char *slash = strrchr(folder, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    free(folder);
    return NULL;
}

aider_files_t *
aider_files_find(const aider_files_source_t *source)
{
    assert(source && source->working_dir && source->exists);
    aider_files_t *self = zmalloc(sizeof *self);
    self->git_root = find_git_root(source);
    self->model = aider_files_setting(source, self->git_root, "model");
    self->message = aider_files_setting(source, self->git_root, "message");

    char *history = aider_files_setting(source, self->git_root, "chat-history-file");
    const char *folder = history || !self->git_root ? source->working_dir : self->git_root;
    self->chat_history = path_in(folder, history ? history : ".aider.chat.history.md");
    free(history);
    char *log = aider_files_setting(source, self->git_root, "analytics-log");
    if (log)
        self->analytics_log = path_in(source->working_dir, log);
    free(log);
    return self;
}

void
aider_files_destroy(aider_files_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        aider_files_t *self = *self_p;
        free(self->git_root);
        free(self->chat_history);
        free(self->analytics_log);
        free(self->model);
        free(self->message);
        free(self);
        *self_p = NULL;
    }
}

const char *
aider_files_real_env(void *arg, const char *name)
{
    (void) arg;
    return getenv(name);
}

char *
aider_files_real_read(void *arg, const char *path, size_t limit_bytes)
{
    (void) arg;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return NULL;
    }
    char *text = zmalloc(limit_bytes + 1);
    size_t size = 0;
    ssize_t got;
    while (size < limit_bytes && (got = read(fd, text + size, limit_bytes - size)) > 0)
        size += (size_t) got;
    close(fd);
    return text;
}

bool
aider_files_real_exists(void *arg, const char *path)
{
    (void) arg;
    struct stat status;
    return stat(path, &status) == 0;
}

aider_files_t *
aider_files_find_real(char *const words[], const char *working_dir)
{
    aider_files_source_t source = {
        // Not written to; C has no conversion that adds the inner const.
        .argv = (const char *const *) words, .working_dir = working_dir,
        .env = aider_files_real_env,         .read = aider_files_real_read,
        .exists = aider_files_real_exists,
    };
    return aider_files_find(&source);
}
