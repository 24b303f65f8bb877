// log - one line an event on stderr: level, stable event name, text; as text or as JSON
// SPDX-License-Identifier: MPL-2.0
//
// Lines hold no payloads, prompts or tokens. Control characters in the text are escaped, so
// that nothing from outside can forge a line. One log a process, for one thread.
#ifndef MESH_LOG_H
#define MESH_LOG_H

typedef enum {
    MESH_LOG_DEBUG,
    MESH_LOG_INFO,
    MESH_LOG_WARNING,
    MESH_LOG_ERROR,
} mesh_log_level_t;

typedef enum { MESH_LOG_TEXT, MESH_LOG_JSON } mesh_log_format_t;

// Set what is written and as whom. Before the first call: warnings and errors, as text, as
// "aidermesh". program is borrowed for the life of the process.
void mesh_log_setup(const char *program, mesh_log_level_t level, mesh_log_format_t format);

// Write one line, cut at 2 KiB. Never blocks: a line that stderr cannot take is dropped,
// counted, and owned up to by the next line ("log-dropped"). event is a stable name in
// kebab-case that a monitor can count, e.g. "publish-refused"; it is listed in
// docs/OPERATIONS.md.
void mesh_log(mesh_log_level_t level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Have fn look at the whole text of every line before it is escaped, cut and written: it
// returns what to write instead, for the log to free, or NULL to leave it as it is. It must not
// log. arg is borrowed until another call; NULL for none, as at the beginning.
typedef char *mesh_log_filter_fn(void *arg, const char *text);
void mesh_log_filter(mesh_log_filter_fn *fn, void *arg);

#define mesh_log_debug(...) mesh_log(MESH_LOG_DEBUG, __VA_ARGS__)
#define mesh_log_info(...) mesh_log(MESH_LOG_INFO, __VA_ARGS__)
#define mesh_log_warning(...) mesh_log(MESH_LOG_WARNING, __VA_ARGS__)
#define mesh_log_error(...) mesh_log(MESH_LOG_ERROR, __VA_ARGS__)

#endif
