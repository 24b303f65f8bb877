// aider_parse - how fast the stdio-bridge understands what AIDER prints
// SPDX-License-Identifier: MPL-2.0
//
// usage: aider_parse [--seconds N] [--json FILE] [--text FILE]
//
// Feeds text to line_reader, terminal_text and aider_session, as the observer does, and says
// how many megabytes of it are understood in a second of the processor's time, which other
// programs take less from than from the clock's. A table, and JSON. Fails only when a session
// says nothing. With --text, that file is a sample more.
#include <czmq.h>
#include <jansson.h>

#include "aider_session.h"
#include "line_reader.h"
#include "terminal_text.h"

enum { READ_BYTES = 64 * 1024, TEXT_BYTES = 1024 * 1024 };

// What is parsed: lines repeated until there is a megabyte of them.
typedef struct sample {
    const char *name;
    const char *lines;
    bool patterns;    // with as many of a user's patterns as there may be
} sample_t;

#define PROSE                                                                                  \
    "The function reads the file line by line and adds up what it finds there.\n"              \
    "```python\n"                                                                              \
    "def total(path):\n"                                                                       \
    "    with open(path, encoding=\"utf-8\") as opened:\n"                                     \
    "        return sum(int(line) for line in opened)\n"                                       \
    "```\n"

static const sample_t SAMPLES[] = {
    {"reply", PROSE, false},
    {"reply, 64 patterns", PROSE, true},
    {"coloured reply",
     "\x1b[38;5;33mThe \x1b[1mfunction\x1b[0m\x1b[38;5;33m reads the file\x1b[0m line by "
     "line.\r\n",
     false},
    {"spinner", "\r░█        Waiting for openai/fake\r█░        Waiting for openai/fake\r\n",
     false},
    {"refusals",
     "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached for gpt-4o "
     "on "
     "tokens per min (TPM): Limit 30000. Please try again in 2s.\n"
     "The API provider has rate limited you. Try again later or check your quotas.\n"
     "Retrying in 0.2 seconds...\n",
     false},
    {"short lines", "y\n", false},
};

static void
on_report(void *arg, const aider_report_t *report)
{
    size_t *count = arg;
    (*count)++;
    json_decref(report->payload);
}

static aider_user_patterns_t *
make_patterns(void)
{
    char text[16 * 1024];
    size_t used = 0;
    for (int i = 0; i < AIDER_USER_PATTERNS_MOST; i++)
        used += (size_t) snprintf(text + used, sizeof text - used,
                                  "p%d\n    match = \"error %d of the (queue|worker)\"\n"
                                  "    error_type = server\n",
                                  i, i);
    char *error = NULL;
    aider_user_patterns_t *patterns = aider_user_patterns_new(text, used, "bench", &error);
    assert(patterns);
    return patterns;
}

static char *
repeat(const char *lines)
{
    char *text = zmalloc(TEXT_BYTES + 1);
    size_t length = strlen(lines);
    for (size_t at = 0; at + length <= TEXT_BYTES; at += length)
        snprintf(text + at, TEXT_BYTES + 1 - at, "%s", lines);
    return text;
}

static void
feed(aider_session_t *session, line_reader_t *reader, terminal_text_t *plain, const char *text,
     size_t size)
{
    aider_time_t now = {.mono_ms = zclock_mono(), .unix_s = 0};
    const char *line = NULL;
    size_t length = 0;
    for (size_t at = 0; at < size; at += READ_BYTES) {
        line_reader_feed(reader, text + at, size - at < READ_BYTES ? size - at : READ_BYTES);
        while (line_reader_next(reader, &line, &length) != LINE_READER_NEED_MORE)
            aider_session_line(session, AIDER_SOURCE_CONSOLE,
                               terminal_text_plain(plain, line, length, NULL), now);
        line = line_reader_partial(reader, &length);
        aider_session_partial(session, terminal_text_plain(plain, line, length, NULL), now);
    }
    aider_session_tick(session, now);
}

static int64_t
processor_us(void)
{
    struct timespec used;
    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t) used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

// Megabytes a second.
static double
measure(const sample_t *sample, int64_t least_us)
{
    static const char *const ARGV[] = {"aider", "--model", "openai/fake", "-m", "hi", NULL};
    size_t reports = 0;
    aider_user_patterns_t *patterns = sample->patterns ? make_patterns() : NULL;
    aider_session_start_t start = {.argv = ARGV, .working_dir = "/", .patterns = patterns};
    aider_time_t now = {.mono_ms = zclock_mono(), .unix_s = 0};
    aider_session_t *session = aider_session_new(&start, now, on_report, &reports);
    line_reader_t *reader = line_reader_new(LINE_READER_DEFAULT_LIMIT_BYTES);
    terminal_text_t *plain = terminal_text_new();
    // The banner is over, so that what follows is a reply.
    aider_session_line(session, AIDER_SOURCE_CONSOLE, "Aider v0.86.2", now);
    aider_session_line(session, AIDER_SOURCE_CONSOLE, "", now);

    char *text = repeat(sample->lines);
    size_t size = strlen(text);
    uint64_t parsed = 0;
    int64_t started_us = processor_us();
    int64_t took_us = 0;
    do {
        feed(session, reader, plain, text, size);
        parsed += size;
        took_us = processor_us() - started_us;
    } while (took_us == 0 || took_us < least_us);
    aider_session_exit(session, 0, 0, now);
    assert(reports > 0);
    free(text);
    terminal_text_destroy(&plain);
    line_reader_destroy(&reader);
    aider_session_destroy(&session);
    aider_user_patterns_destroy(&patterns);
    return (double) parsed / (double) took_us;
}

// The text of a file. Ends the program when there is none.
static char *
read_text(const char *path)
{
    zchunk_t *chunk = zchunk_slurp(path, 0);
    if (!chunk || zchunk_size(chunk) == 0 || zchunk_size(chunk) > TEXT_BYTES) {
        fprintf(stderr, "aider_parse: %s is no text of up to %d bytes\n", path, TEXT_BYTES);
        exit(EXIT_FAILURE);
    }
    char *text = zmalloc(zchunk_size(chunk) + 1);
    memcpy(text, zchunk_data(chunk), zchunk_size(chunk));
    zchunk_destroy(&chunk);
    return text;
}

static void
run(const sample_t *sample, int64_t seconds, json_t *results)
{
    double rate = measure(sample, seconds * 1000000);
    printf("%-20s %10.1f\n", sample->name, rate);
    json_object_set_new(results, sample->name, json_real(rate));
}

int
main(int argc, char *argv[])
{
    int64_t seconds = 2;
    const char *json_path = NULL;
    const char *text_path = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (streq(argv[i], "--seconds"))
            seconds = strtol(argv[i + 1], NULL, 10);
        else if (streq(argv[i], "--json"))
            json_path = argv[i + 1];
        else if (streq(argv[i], "--text"))
            text_path = argv[i + 1];
    }
    json_t *results = json_object();
    printf("%-20s %10s\n", "what AIDER prints", "MB/s");
    for (size_t i = 0; i < sizeof SAMPLES / sizeof SAMPLES[0]; i++)
        run(&SAMPLES[i], seconds, results);
    if (text_path) {
        char *text = read_text(text_path);
        run(&(sample_t){.name = "the file", .lines = text}, seconds, results);
        free(text);
    }
    int rc = json_path ? json_dump_file(results, json_path, JSON_INDENT(2)) : 0;
    json_decref(results);
    return rc == 0 ? 0 : 1;
}
