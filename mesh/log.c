// log - one line an event on stderr: level, stable event name, text; as text or as JSON
// SPDX-License-Identifier: MPL-2.0
#include "mesh/log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum {
    LINE_BYTES = 2048,
    // What must still fit when the text is cut: the mark, the end of a JSON line, the newline.
    TAIL_BYTES = sizeof "…\"}\n",
};

static const char *const level_names[] = {
    [MESH_LOG_DEBUG] = "debug",
    [MESH_LOG_INFO] = "info",
    [MESH_LOG_WARNING] = "warning",
    [MESH_LOG_ERROR] = "error",
};

static struct {
    const char *program;
    mesh_log_level_t level;
    mesh_log_format_t format;
    unsigned long dropped;         // lines since the last one that was written
    mesh_log_filter_fn *filter;    // NULL for none
    void *filter_arg;              // borrowed
} the_log = {"aidermesh", MESH_LOG_WARNING, MESH_LOG_TEXT, 0, NULL, NULL};

void
mesh_log_setup(const char *program, mesh_log_level_t level, mesh_log_format_t format)
{
    assert(program);
    the_log.program = program;
    the_log.level = level;
    the_log.format = format;
}

void
mesh_log_filter(mesh_log_filter_fn *fn, void *arg)
{
    the_log.filter = fn;
    the_log.filter_arg = arg;
}

// Whether stderr takes a line now. A pipe that says so has room for PIPE_BUF bytes, which is
// more than a line: a reader of the log that stalls costs lines, not the program's time.
static bool
is_writable(void)
{
    struct pollfd item = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&item, 1, 0) == 1;
}

// One write, so that lines of several processes on one pipe stay whole.
static void
write_line(const char *line, size_t length)
{
    ssize_t written = 0;
    do
        written = write(STDERR_FILENO, line, length);
    while (written < 0 && errno == EINTR);
    // Nobody can be told that the log cannot be written.
}

static void
format_time(char text[static 32])
{
    struct timespec now;
    struct tm utc;
    (void) clock_gettime(CLOCK_REALTIME, &now);
    (void) gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    (void) snprintf(text + length, 32 - length, ".%03dZ", (int) (now.tv_nsec / 1000000));
}

// Write a line of words; cut says that they were longer.
static void
write_words(mesh_log_level_t level, const char *event, const char *words, bool cut)
{
    char time_text[32];
    format_time(time_text);
    bool json = the_log.format == MESH_LOG_JSON;
    mesh_text_form_t form = json ? MESH_TEXT_JSON : MESH_TEXT_LINE;
    char line[LINE_BYTES];
    int head = snprintf(line, sizeof line,
                        json ? "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%.64s\","
                               "\"event\":\"%.64s\",\"text\":\""
                             : "%s %s %.64s %.64s ",
                        time_text, level_names[level], the_log.program, event);
    assert(head > 0 && head < LINE_BYTES - TAIL_BYTES);
    size_t used = (size_t) head;
    bool all = mesh_text_escape(line, sizeof line - TAIL_BYTES, &used, words, form);
    if (!all || cut)
        used = (size_t) (stpcpy(line + used, "…") - line);
    used = (size_t) (stpcpy(line + used, json ? "\"}\n" : "\n") - line);
    write_line(line, used);
}

__attribute__((format(printf, 3, 0))) static void
write_formatted(mesh_log_level_t level, const char *event, const char *format,
                va_list arguments)
{
    char words[LINE_BYTES];
    int words_bytes = vsnprintf(words, sizeof words, format, arguments);
    if (words_bytes < 0)
        words[0] = '\0';
    write_words(level, event, words, words_bytes >= (int) sizeof words);
}

// The filter needs the whole, since what it looks for may lie where the line is cut.
__attribute__((format(printf, 3, 0))) static void
write_filtered(mesh_log_level_t level, const char *event, const char *format, va_list arguments)
{
    char *whole = NULL;
    if (vasprintf(&whole, format, arguments) < 0)
        return;
    char *instead = the_log.filter(the_log.filter_arg, whole);
    write_words(level, event, instead ? instead : whole, false);
    free(instead);
    free(whole);
}

void
mesh_log(mesh_log_level_t level, const char *event, const char *format, ...)
{
    assert(event && format);
    if (level < the_log.level)
        return;
    int kept_errno = errno;

    if (!is_writable())
        the_log.dropped++;
    else {
        if (the_log.dropped) {
            char count[64];
            (void) snprintf(count, sizeof count, "%lu lines could not be written",
                            the_log.dropped);
            the_log.dropped = 0;
            write_words(MESH_LOG_ERROR, "log-dropped", count, false);
        }
        va_list arguments;
        va_start(arguments, format);
        if (the_log.filter)
            write_filtered(level, event, format, arguments);
        else
            write_formatted(level, event, format, arguments);
        va_end(arguments);
    }
    errno = kept_errno;
}
