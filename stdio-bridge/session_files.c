// session_files - AIDER's chat history and analytics log, followed line by line
// SPDX-License-Identifier: MPL-2.0
#include "session_files.h"

#include <assert.h>
#include <czmq.h>

#include "aider_files.h"
#include "file_follower.h"
#include "mesh/log.h"
#include "plain_lines.h"

enum {
    READ_BYTES = 64 * 1024,
    READS_AT_ONCE = 64,    // of one file, so that one that grows without end starves nobody
};

typedef struct followed {
    aider_source_t source;
    file_follower_t *follower;    // owned; NULL when there is no such file to follow
    plain_lines_t *lines;         // owned
    bool failed;                  // said so already
    const char *missing;          // why there is no file to follow, or NULL
    session_files_fn *handler;    // of the call at hand
    void *arg;
} followed_t;

struct session_files {
    aider_files_t *places;    // owned
    size_t limit_bytes;
    followed_t files[SESSION_FILES_COUNT];
};

// plain_lines_fn
static void
on_line(void *arg, const char *line)
{
    followed_t *file = arg;
    file->handler(file->arg, file->source, line);
}

static void
follow(followed_t *file, aider_source_t source, const char *path, const file_mark_t *since,
       size_t limit_bytes)
{
    file->source = source;
    file->lines = plain_lines_new(limit_bytes, on_line, file);
    if (path)
        file->follower = file_follower_new(path, since);
    else
        file->missing = "no file could be made for it";
}

// AIDER makes a folder for its chat history, but none for the log: it then writes none, and
// says nothing of it.
static bool
has_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash && slash > path ? strndup(path, (size_t) (slash - path)) : strdup("/");
    bool there = access(folder, F_OK) == 0;
    free(folder);
    return there;
}

session_files_t *
session_files_new(char *const words[], const char *working_dir, const char *analytics_path,
                  const session_marks_t *marks, size_t limit_bytes)
{
    session_files_t *self = zmalloc(sizeof *self);
    self->limit_bytes = limit_bytes;
    self->places = aider_files_find_real(words, working_dir);
    follow(&self->files[0], AIDER_SOURCE_HISTORY, self->places->chat_history,
           &marks->chat_history, limit_bytes);
    const char *log = analytics_path ? analytics_path : self->places->analytics_log;
    follow(&self->files[1], AIDER_SOURCE_ANALYTICS, log, &marks->analytics_log, limit_bytes);
    if (log && !has_folder(log))
        self->files[1].missing = "its folder does not exist";
    return self;
}

void
session_files_destroy(session_files_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        session_files_t *self = *self_p;
        for (int i = 0; i < SESSION_FILES_COUNT; i++) {
            file_follower_destroy(&self->files[i].follower);
            plain_lines_destroy(&self->files[i].lines);
        }
        aider_files_destroy(&self->places);
        free(self);
        *self_p = NULL;
    }
}

static void
say_failed(followed_t *file)
{
    if (!file->failed)
        mesh_log_warning("file-not-followed", "%s: %s",
                         file->source == AIDER_SOURCE_HISTORY ? "chat history"
                                                              : "analytics log",
                         file_follower_error(file->follower));
    file->failed = true;
}

// Read once. Returns whether there may be more.
static bool
read_once(session_files_t *self, followed_t *file)
{
    uint8_t buffer[READ_BYTES];
    size_t size = 0;
    switch (file_follower_read(file->follower, buffer, sizeof buffer, &size)) {
    case FILE_FOLLOWER_BYTES:
        file->failed = false;
        plain_lines_feed(file->lines, buffer, size, 0);
        return true;
    case FILE_FOLLOWER_RESTARTED:
        plain_lines_destroy(&file->lines);
        file->lines = plain_lines_new(self->limit_bytes, on_line, file);
        return true;
    case FILE_FOLLOWER_FAILED:
        say_failed(file);
        return false;
    case FILE_FOLLOWER_IDLE:
        break;
    }
    return false;
}

void
session_files_read(session_files_t *self, aider_source_t source, session_files_fn *handler,
                   void *arg)
{
    followed_t *file = &self->files[source == AIDER_SOURCE_HISTORY ? 0 : 1];
    assert(file->source == source);
    file->handler = handler;
    file->arg = arg;
    for (int i = 0; file->follower && i < READS_AT_ONCE && read_once(self, file); i++) {
    }
}

session_files_state_t
session_files_state(const session_files_t *self, aider_source_t source, const char **why)
{
    const followed_t *file = &self->files[source == AIDER_SOURCE_HISTORY ? 0 : 1];
    assert(file->source == source && why);
    *why = file->missing;
    if (file->missing)
        return SESSION_FILES_FAILED;
    if (file->follower && file->failed) {
        *why = file_follower_error(file->follower);
        return SESSION_FILES_FAILED;
    }
    if (!file->follower || !file_follower_is_shared(file->follower))
        return SESSION_FILES_FINE;
    *why = "another session follows the same file";
    return SESSION_FILES_SHARED;
}

void
session_files_stop(session_files_t *self)
{
    for (int i = 0; i < SESSION_FILES_COUNT; i++)
        file_follower_destroy(&self->files[i].follower);
}

void
session_files_fds(const session_files_t *self, int fds[SESSION_FILES_COUNT])
{
    for (int i = 0; i < SESSION_FILES_COUNT; i++)
        fds[i] = self->files[i].follower ? file_follower_fd(self->files[i].follower) : -1;
}

bool
session_files_need_polling(const session_files_t *self)
{
    for (int i = 0; i < SESSION_FILES_COUNT; i++)
        if (self->files[i].follower && file_follower_fd(self->files[i].follower) < 0)
            return true;
    return false;
}

const char *
session_files_model(const session_files_t *self)
{
    return self->places->model;
}

const char *
session_files_message(const session_files_t *self)
{
    return self->places->message;
}
