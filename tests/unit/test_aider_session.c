// test_aider_session - what is reported of recorded AIDER sessions
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "aider_session.h"
#include "line_reader.h"
#include "terminal_text.h"

#include <czmq.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TRANSCRIPT_BYTES = 1 << 16, PATH_BYTES = 512 };

// One played session: what it reported, one line an event.
typedef struct stage {
    aider_session_t *session;
    int64_t now_ms;
    char transcript[TRANSCRIPT_BYTES];
    json_t *events;    // array of {"type", "request_id", "payload"}
} stage_t;

static void
note(stage_t *stage, const char *text)
{
    size_t length = strlen(stage->transcript);
    snprintf(stage->transcript + length, sizeof stage->transcript - length, "%s", text);
}

static void
note_member(stage_t *stage, const json_t *payload, const char *key)
{
    json_t *value = json_object_get(payload, key);
    if (!value)
        return;
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6) | JSON_SORT_KEYS);
    note(stage, " ");
    note(stage, key);
    note(stage, "=");
    note(stage, text);
    free(text);
}

static int
compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *) left, *(char *const *) right);
}

// What differs from run to run, or is another member's.
static bool
is_passing(const char *key)
{
    return !strcmp(key, "duration") || !strcmp(key, "error_message") ||
           !strcmp(key, "working_dir");
}

// The members that tell most first, all others in the order of their names, long texts last.
static void
note_payload(stage_t *stage, const json_t *payload)
{
    static const char *const KEYS[] = {
        "prompt",
        "stage",
        "message",
        "outcome",
        "error_type",
        "attempt",
        "will_retry",
        "estimated_delay",
        "retry_after",
        "limit_type",
        "fatal",
        "attempts",
        "tokens_sent",
        "tokens_received",
        "cost",
        "session_cost",
        "exit_code",
        "signal",
        "kind",
        "question",
        "rate_limit_encountered",
        "changes_detected",
        "progress_data",
    };
    enum { KEY_COUNT = sizeof KEYS / sizeof KEYS[0], MOST_MEMBERS = 64 };
    const char *others[MOST_MEMBERS];
    size_t count = 0;
    const char *key;
    json_t *value;
    for (size_t i = 0; i < KEY_COUNT; i++)
        note_member(stage, payload, KEYS[i]);
    json_t *copy = json_deep_copy(payload);
    json_object_foreach(copy, key, value)
    {
        bool noted = is_passing(key);
        for (size_t i = 0; i < KEY_COUNT && !noted; i++)
            noted = !strcmp(key, KEYS[i]);
        if (!noted && count < MOST_MEMBERS)
            others[count++] = key;
    }
    qsort(others, count, sizeof *others, compare_lines);
    for (size_t i = 0; i < count; i++)
        note_member(stage, payload, others[i]);
    note_member(stage, payload, "error_message");
    json_decref(copy);
}

static void
on_report(void *arg, const aider_report_t *event)
{
    stage_t *stage = arg;
    assert_int_equal(strncmp(event->type, "aider.", 6), 0);
    note(stage, event->type + 6);
    note_payload(stage, event->payload);
    note(stage, "\n");
    json_t *entry =
        json_pack("{s:s, s:s*, s:f, s:o}", "type", event->type, "request_id", event->request_id,
                  "timestamp", event->timestamp, "payload", event->payload);
    assert_non_null(entry);
    json_array_append_new(stage->events, entry);
}

static aider_time_t
now_of(const stage_t *stage)
{
    return (aider_time_t){.mono_ms = stage->now_ms,
                          .unix_s = 1800000000.0 + (double) stage->now_ms / 1000};
}

static stage_t *
stage_new(const aider_session_start_t *start)
{
    stage_t *stage = zmalloc(sizeof *stage);
    stage->events = json_array();
    stage->now_ms = 1000;
    stage->session = aider_session_new(start, now_of(stage), on_report, stage);
    return stage;
}

static void
stage_destroy(stage_t **stage_p)
{
    aider_session_destroy(&(*stage_p)->session);
    json_decref((*stage_p)->events);
    free(*stage_p);
    *stage_p = NULL;
}

// Let time pass, with every tick the session asks for.
static void
pass(stage_t *stage, int64_t ms)
{
    int64_t end_ms = stage->now_ms + ms;
    for (int ticks = 0; ticks < 10000; ticks++) {
        int64_t next_ms = aider_session_next_tick_ms(stage->session);
        if (next_ms < 0 || next_ms > end_ms)
            break;
        if (next_ms > stage->now_ms)
            stage->now_ms = next_ms;
        aider_session_tick(stage->session, now_of(stage));
        // A tick that leaves its own reason standing would spin for ever.
        int64_t after_ms = aider_session_next_tick_ms(stage->session);
        assert_true(after_ms < 0 || after_ms > stage->now_ms);
    }
    stage->now_ms = end_ms;
}

static void
say(stage_t *stage, aider_source_t source, const char *line)
{
    aider_session_line(stage->session, source, line, now_of(stage));
}

static void
leave(stage_t *stage, int exit_code, int signal)
{
    aider_session_exit(stage->session, exit_code, signal, now_of(stage));
}

// ---- captures ----

static char *
read_file(const char *path)
{
    FILE *stream = fopen(path, "r");
    if (!stream)
        return NULL;
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    size_t size = (size_t) ftell(stream);
    rewind(stream);
    char *text = zmalloc(size + 1);
    assert_int_equal(fread(text, 1, size, stream), size);
    fclose(stream);
    return text;
}

static char *
read_capture(const char *name, const char *file)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, TEST_FIXTURES "/captures/%s/%s", name, file);
    return read_file(path);
}

// Break lines between words as rich does at 80 columns, a blank staying at the end.
static char *
wrap(const char *text, size_t columns)
{
    char *wrapped = zmalloc(strlen(text) * 2 + 2);
    char *to = wrapped;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        while (length > columns) {
            size_t at = columns;
            while (at > 0 && line[at] != ' ')
                at--;
            // rich keeps the blank at the end of the row when it fits.
            size_t taken = at == 0 ? columns : at < columns ? at + 1 : at;
            memcpy(to, line, taken);
            to += taken;
            *to++ = '\n';
            line += at == columns ? at + 1 : taken;
            length = strcspn(line, "\n");
        }
        memcpy(to, line, length);
        to += length;
        line += length;
        if (*line == '\n')
            *to++ = *line++;
    }
    return wrapped;
}

// ---- playing ----

// Which sources are played, and how.
enum {
    CONSOLE = 1,
    HISTORY = 2,
    ANALYTICS = 4,
    WRAPPED = 8,     // the console as 80 columns would show it
    IN_TURN = 16,    // a line of each source in turn, instead of one source after the other
    CONSOLE_FIRST = 32,    // else the history leads
    TIMED = 64,    // the console as it came, reads and pauses; the history along with it
    SLOW = 128,    // between two lines, AIDER is silent for longer than it stands at a prompt
    STDERR = 256,
    ALL = CONSOLE | HISTORY | ANALYTICS | STDERR,
};

enum { MOST_WORDS = 64 };

typedef struct script {
    aider_source_t source;
    line_reader_t *reader;    // NULL when the source is not played
} script_t;

// The argv of a capture's cmd.txt, quoted as a shell wants it; "--message hi a.py" without one.
static void
read_argv(const char *capture, char *buffer, size_t size, const char *argv[MOST_WORDS])
{
    char *text = read_capture(capture, "cmd.txt");
    const char *command = "aider --model openai/fake-model --message hi a.py";
    for (const char *line = text; line && *line; line += strcspn(line, "\n") + 1) {
        if (line[0] != '#') {
            command = line;
            break;
        }
    }
    size_t count = 0;
    char *to = buffer;
    for (const char *at = command; *at && *at != '\n' && count < MOST_WORDS - 1;) {
        bool quoted = false;
        argv[count++] = to;
        for (; *at && *at != '\n' && (quoted || *at != ' '); at++) {
            if (*at == '\'')
                quoted = !quoted;
            else if (to < buffer + size - 2)
                *to++ = *at;
        }
        *to++ = '\0';
        at += *at == ' ';
    }
    argv[count] = NULL;
    free(text);
}

static void
load(script_t *script, aider_source_t source, const char *capture, const char *file,
     bool wrapped)
{
    script->source = source;
    char *text = read_capture(capture, file);
    if (!text)
        return;
    script->reader = line_reader_new(LINE_READER_DEFAULT_LIMIT_BYTES);
    char *used = wrapped ? wrap(text, 80) : strdup(text);
    line_reader_feed(script->reader, used, strlen(used));
    free(used);
    free(text);
}

// Play one line. Returns false when the source has no more, and else copies it to `played`.
static bool
play_line(stage_t *stage, script_t *script, terminal_text_t *text, char played[PATH_BYTES])
{
    const char *line;
    size_t size;
    if (!script->reader || line_reader_next(script->reader, &line, &size) != LINE_READER_LINE)
        return false;
    const char *plain = terminal_text_plain(text, line, size, NULL);
    snprintf(played, PATH_BYTES, "%s", plain);
    say(stage, script->source, plain);
    return true;
}

// How many lines of the history are told by the time the console shows a line: up to the next
// one of AIDER's that is the same, looking a little ahead only.
static size_t
history_reached(char **lines, size_t count, size_t from, const char *shown)
{
    size_t length = strcspn(shown, "\r\n");
    for (size_t i = from; i < count && i < from + 12 && length > 8; i++) {
        if (!strncmp(lines[i], "> ", 2) && !strncmp(lines[i] + 2, shown, length))
            return i + 1;
    }
    return from;
}

static void
play_chunk(stage_t *stage, line_reader_t *reader, terminal_text_t *text, const char *data)
{
    const char *line;
    size_t size;
    line_reader_feed(reader, data, strlen(data));
    while (line_reader_next(reader, &line, &size) != LINE_READER_NEED_MORE)
        say(stage, AIDER_SOURCE_CONSOLE, terminal_text_plain(text, line, size, NULL));
    line = line_reader_partial(reader, &size);
    aider_session_partial(stage->session, terminal_text_plain(text, line, size, NULL),
                          now_of(stage));
}

// The console in its own time, and, with HISTORY, the chat history along with it.
static void
play_timed(stage_t *stage, const char *capture, int what, terminal_text_t *text)
{
    char *timeline = read_capture(capture, "stdout.timeline.jsonl");
    char *history = what & HISTORY ? read_capture(capture, "chat.history.md") : strdup("");
    assert_non_null(timeline);
    char *lines[2000];
    size_t count = 0;
    for (char *line = strtok(history, "\n"); line && count < 2000; line = strtok(NULL, "\n"))
        lines[count++] = line;
    line_reader_t *reader = line_reader_new(LINE_READER_DEFAULT_LIMIT_BYTES);
    size_t told = 0;
    int64_t start_ms = stage->now_ms;
    size_t position = 0;
    while (timeline[position]) {
        json_error_t error;
        json_t *entry = json_loads(timeline + position, JSON_DISABLE_EOF_CHECK, &error);
        assert_non_null(entry);
        position += strcspn(timeline + position, "\n");
        position += timeline[position] == '\n';
        double at_s = json_number_value(json_object_get(entry, "t"));
        const char *data = json_string_value(json_object_get(entry, "data"));
        int64_t at_ms = start_ms + (int64_t) (at_s * 1000);
        if (at_ms > stage->now_ms)
            pass(stage, at_ms - stage->now_ms);
        for (const char *shown = data; *shown;
             shown += strcspn(shown, "\n") + (strchr(shown, '\n') != NULL)) {
            size_t reached = history_reached(lines, count, told, shown);
            for (; told < reached; told++)
                say(stage, AIDER_SOURCE_HISTORY, lines[told]);
        }
        play_chunk(stage, reader, text, data);
        json_decref(entry);
    }
    for (; told < count; told++)
        say(stage, AIDER_SOURCE_HISTORY, lines[told]);
    line_reader_destroy(&reader);
    free(history);
    free(timeline);
}

static void
play_lines(stage_t *stage, const char *capture, int what, terminal_text_t *text)
{
    enum { SCRIPTS = 4 };
    script_t scripts[SCRIPTS] = {{0}};
    int console = what & CONSOLE_FIRST ? 0 : 1;
    if (what & CONSOLE && !(what & TIMED))
        load(&scripts[console], AIDER_SOURCE_CONSOLE, capture, "stdout.txt",
             (what & WRAPPED) != 0);
    if (what & HISTORY && !(what & TIMED))
        load(&scripts[1 - console], AIDER_SOURCE_HISTORY, capture, "chat.history.md", false);
    if (what & ANALYTICS)
        load(&scripts[2], AIDER_SOURCE_ANALYTICS, capture, "analytics.jsonl", false);
    if (what & STDERR)
        load(&scripts[3], AIDER_SOURCE_STDERR, capture, "stderr.txt", false);
    char played[PATH_BYTES];
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < SCRIPTS; i++) {
            while (play_line(stage, &scripts[i], text, played)) {
                more = true;
                pass(stage, what & SLOW ? AIDER_SESSION_LEVEL_MS + 500 : 1);
                if (what & IN_TURN)
                    break;
            }
        }
    }
    for (int i = 0; i < SCRIPTS; i++)
        line_reader_destroy(&scripts[i].reader);
}

static stage_t *
play(const char *capture, int what)
{
    char words[4096];
    const char *argv[MOST_WORDS];
    read_argv(capture, words, sizeof words, argv);
    char *about = read_capture(capture, "cmd.txt");
    stage_t *stage = stage_new(&(aider_session_start_t){
        .argv = argv,
        .working_dir = "/repo",
        .terminal = about && strstr(about, " terminal=yes"),
    });
    free(about);
    terminal_text_t *text = terminal_text_new();
    if (what & TIMED)
        play_timed(stage, capture, what, text);
    play_lines(stage, capture, what, text);
    terminal_text_destroy(&text);
    char *rc_text = read_capture(capture, "rc");
    int rc = rc_text ? (int) strtol(rc_text, NULL, 10) : 0;
    free(rc_text);
    leave(stage, rc > 0 ? rc : 0, rc < 0 ? -rc : 0);
    return stage;
}

// ---- comparing ----

// What every way of playing a capture must agree on: the lines that tell of attempts and ends,
// without what only some sources know (prompts, exact tokens and costs), sorted, because two
// files and a pipe agree on no common order.
static char *
essence(const char *transcript)
{
    static const char *const KEPT[] = {"rate_limit",
                                       "error_occurred",
                                       "request_",
                                       "session_completed",
                                       "session_progress stage=\"edit\"",
                                       "session_progress stage=\"commit\""};
    static const char *const CUT[] = {
        " prompt=",        " tokens_sent=", " tokens_received=", " cost=", " session_cost=",
        " error_message=", " model="};
    char *copy = strdup(transcript);
    char *lines[500];
    size_t count = 0;
    for (char *line = strtok(copy, "\n"); line && count < 500; line = strtok(NULL, "\n")) {
        bool kept = false;
        for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++)
            kept = kept || !strncmp(line, KEPT[i], strlen(KEPT[i]));
        for (size_t i = 0; i < sizeof CUT / sizeof CUT[0]; i++) {
            char *at = strstr(line, CUT[i]);
            if (at)
                *at = '\0';
        }
        if (kept)
            lines[count++] = line;
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    size_t size = strlen(transcript) + count + 1;
    size_t length = 0;
    char *result = zmalloc(size);
    for (size_t i = 0; i < count; i++) {
        length += (size_t) snprintf(result + length, size - length, "%s\n", lines[i]);
    }
    free(copy);
    return result;
}

// The captures with events written down, by name; made by find_captures.
static glob_t captures;

static int
find_captures(void **state)
{
    (void) state;
    if (glob(TEST_FIXTURES "/aider-events/*.txt", 0, NULL, &captures) != 0)
        return -1;
    for (size_t i = 0; i < captures.gl_pathc; i++) {
        char *name = strrchr(captures.gl_pathv[i], '/') + 1;
        memmove(captures.gl_pathv[i], name, strlen(name) + 1);
        *strstr(captures.gl_pathv[i], ".txt") = '\0';
    }
    return 0;
}

static int
forget_captures(void **state)
{
    (void) state;
    globfree(&captures);
    return 0;
}

static void
each_capture_is_reported_as_written_down(void **state)
{
    (void) state;
    for (size_t i = 0; i < captures.gl_pathc; i++) {
        stage_t *stage = play(captures.gl_pathv[i], ALL);
        char path[PATH_BYTES];
        snprintf(path, sizeof path, TEST_FIXTURES "/aider-events/%s.txt", captures.gl_pathv[i]);
        char *expected = read_file(path);
        if (!expected || strcmp(expected, stage->transcript) != 0)
            fail_msg("%s: want\n%s\nhave\n%s", captures.gl_pathv[i],
                     expected ? expected : "(no file)", stage->transcript);
        free(expected);
        stage_destroy(&stage);
    }
}

// Play all captures but those excepted in another way, and find the same essence.
static void
expect_the_same(int what, const char *const *excepted)
{
    for (size_t i = 0; i < captures.gl_pathc; i++) {
        bool left_out = false;
        for (const char *const *at = excepted; at && *at; at++)
            left_out = left_out || !strcmp(*at, captures.gl_pathv[i]);
        if (left_out)
            continue;
        stage_t *all = play(captures.gl_pathv[i], ALL);
        stage_t *other = play(captures.gl_pathv[i], what);
        char *want = essence(all->transcript);
        char *have = essence(other->transcript);
        if (strcmp(want, have) != 0)
            fail_msg("%s: want\n%s\nhave\n%s", captures.gl_pathv[i], want, have);
        free(want);
        free(have);
        stage_destroy(&all);
        stage_destroy(&other);
    }
}

static void
sources_in_turn_tell_the_same(void **state)
{
    (void) state;
    expect_the_same(ALL | IN_TURN, NULL);
}

static void
a_history_behind_the_console_tells_the_same(void **state)
{
    (void) state;
    expect_the_same(ALL | CONSOLE_FIRST, NULL);
    expect_the_same(ALL | CONSOLE_FIRST | IN_TURN, NULL);
}

static void
the_console_alone_tells_the_same(void **state)
{
    (void) state;
    expect_the_same(CONSOLE, NULL);
    expect_the_same(CONSOLE | TIMED, NULL);
}

static void
a_console_of_80_columns_tells_the_same(void **state)
{
    (void) state;
    expect_the_same(CONSOLE | WRAPPED, NULL);
    expect_the_same(ALL | WRAPPED, NULL);
}

static void
the_history_alone_misses_only_what_is_not_in_it(void **state)
{
    (void) state;
    static const char *const EXCEPTED[] = {"crash",
                                           "edit_commitmsg_401",
                                           "edit_commitmsg_429",
                                           "history_unwritable",
                                           "interactive_crash",
                                           NULL};
    expect_the_same(HISTORY, EXCEPTED);
    expect_the_same(HISTORY | ANALYTICS, EXCEPTED);
}

static void
console_and_history_in_their_own_time_tell_the_same(void **state)
{
    (void) state;
    // Its history cannot be laid beside a console that is painted over.
    static const char *const EXCEPTED[] = {"interactive_fancy", NULL};
    expect_the_same(CONSOLE | HISTORY | TIMED, EXCEPTED);
}

static void
a_prompt_that_a_pipe_answers_at_once_is_answered(void **state)
{
    (void) state;
    // The answer's line feed comes in one read with the prompt, the reply much later.
    stage_t *all = play("interactive_eof", ALL);
    static const int WAYS[] = {ALL | SLOW, ALL | SLOW | CONSOLE_FIRST, CONSOLE | SLOW};
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++) {
        stage_t *slow = play("interactive_eof", WAYS[i]);
        char *want = essence(all->transcript);
        char *have = essence(slow->transcript);
        assert_string_equal(have, want);
        free(want);
        free(have);
        stage_destroy(&slow);
    }
    stage_destroy(&all);
}

static size_t
times(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        count++;
    return count;
}

static void
a_request_is_interrupted_once_whoever_says_so(void **state)
{
    (void) state;
    static const char *const NAMES[] = {"interactive_ctrl_c", "interactive_ctrl_c_twice",
                                        "sigint_retry", "sigint_request"};
    static const int WAYS[] = {ALL, ALL | IN_TURN, ALL | CONSOLE_FIRST,
                               ALL | CONSOLE_FIRST | IN_TURN, ALL | TIMED};
    for (size_t name = 0; name < sizeof NAMES / sizeof NAMES[0]; name++) {
        for (size_t way = 0; way < sizeof WAYS / sizeof WAYS[0]; way++) {
            stage_t *stage = play(NAMES[name], WAYS[way]);
            size_t told = times(stage->transcript, "stage=\"interrupted\"");
            if (told != 1)
                fail_msg("%s, played as %d: %zu times\n%s", NAMES[name], WAYS[way], told,
                         stage->transcript);
            stage_destroy(&stage);
        }
    }
}

static void
an_interrupt_at_a_painted_prompt_is_no_request(void **state)
{
    (void) state;
    static const char *const TALK[] = {"aider", "--model", "openai/fake", NULL};
    stage_t *stage = stage_new(
        &(aider_session_start_t){.argv = TALK, .working_dir = "/repo", .terminal = true});
    static const char *const LINES[] = {"Aider v0.86.2",
                                        "Model: openai/fake with whole format",
                                        "",
                                        ">",
                                        "",
                                        "",
                                        "^C again to exit",
                                        ""};
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++)
        say(stage, AIDER_SOURCE_CONSOLE, LINES[i]);
    leave(stage, 0, 0);
    assert_null(strstr(stage->transcript, "request_"));
    assert_null(strstr(stage->transcript, "stage=\"interrupted\""));
    stage_destroy(&stage);
}

static void
an_error_painted_over_the_spinner_follows_no_reply(void **state)
{
    (void) state;
    static const int WAYS[] = {ALL, ALL | TIMED};
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++) {
        stage_t *stage = play("interactive_fancy", WAYS[i]);
        assert_int_equal(times(stage->transcript, "stage=\"streaming\""), 1);
        stage_destroy(&stage);
    }
}

// The n-th event of a type, from 0; fails the test when there are fewer.
static json_t *
event_of(const stage_t *stage, const char *type, size_t n)
{
    size_t i;
    json_t *event;
    json_array_foreach(stage->events, i, event)
    {
        if (!strcmp(json_string_value(json_object_get(event, "type")), type) && n-- == 0)
            return event;
    }
    fail_msg("no such %s in\n%s", type, stage->transcript);
    return NULL;
}

static json_t *
payload_of(const stage_t *stage, const char *type, size_t n)
{
    return json_object_get(event_of(stage, type, n), "payload");
}

static size_t
count_of(const stage_t *stage, const char *type)
{
    size_t count = 0;
    size_t i;
    json_t *event;
    json_array_foreach(stage->events, i, event) count +=
        !strcmp(json_string_value(json_object_get(event, "type")), type);
    return count;
}

static void
expect_text(const json_t *payload, const char *key, const char *text)
{
    const char *have = json_string_value(json_object_get(payload, key));
    assert_non_null(have);
    assert_string_equal(have, text);
}

static void
the_analytics_log_alone_knows_how_each_request_ended(void **state)
{
    (void) state;
    stage_t *stage = play("429x2_then_ok", ANALYTICS);
    expect_text(payload_of(stage, "aider.request_completed", 0), "outcome", "ok");
    stage_destroy(&stage);
    stage = play("401_auth", ANALYTICS);
    expect_text(payload_of(stage, "aider.request_completed", 0), "outcome", "failed");
    stage_destroy(&stage);
    stage = play("interactive", ANALYTICS);
    assert_int_equal(count_of(stage, "aider.request_completed"), 2);
    stage_destroy(&stage);
}

static bool
holds_null(json_t *value)
{
    bool found = json_is_null(value);
    size_t i;
    const char *key;
    json_t *inner;
    json_object_foreach(value, key, inner) found = found || holds_null(inner);
    json_array_foreach(value, i, inner) found = found || holds_null(inner);
    return found;
}

static void
no_event_holds_a_null(void **state)
{
    (void) state;
    for (size_t i = 0; i < captures.gl_pathc; i++) {
        stage_t *stage = play(captures.gl_pathv[i], ALL);
        assert_false(holds_null(stage->events));
        stage_destroy(&stage);
    }
}

static void
all_events_of_a_request_carry_its_id(void **state)
{
    (void) state;
    stage_t *stage = play("interactive", ALL);
    assert_null(json_object_get(event_of(stage, "aider.session_started", 0), "request_id"));
    assert_null(json_object_get(event_of(stage, "aider.session_completed", 0), "request_id"));
    const char *first = json_string_value(
        json_object_get(event_of(stage, "aider.request_started", 0), "request_id"));
    const char *second = json_string_value(
        json_object_get(event_of(stage, "aider.request_started", 1), "request_id"));
    assert_non_null(first);
    assert_non_null(second);
    assert_string_not_equal(first, second);
    static const char *const OF_FIRST[] = {"aider.rate_limit_detected",
                                           "aider.request_completed"};
    for (size_t i = 0; i < 2; i++)
        expect_text(event_of(stage, OF_FIRST[i], 0), "request_id", first);
    expect_text(event_of(stage, "aider.request_completed", 1), "request_id", second);
    stage_destroy(&stage);
}

static void
the_first_event_says_what_the_command_line_says(void **state)
{
    (void) state;
    static const char *const ARGV[] = {
        "python", "-m",    "aider", "--architect", "--model=gpt-4o", "--read", "README.md",
        "-m",     "do it", "a.py",  "--file",      "b.py",           NULL};
    static const char *const CHAIN[] = {"gpt-4o", "gpt-4o-mini", NULL};
    json_t *members = json_pack("{s:s}", "branch", "main");
    stage_t *stage = stage_new(&(aider_session_start_t){
        .argv = ARGV, .working_dir = "/repo", .members = members, .fallback_models = CHAIN});
    json_t *payload = payload_of(stage, "aider.session_started", 0);
    json_t *want = json_pack("{s:s, s:[s,s], s:[s], s:s, s:s, s:b, s:s, s:s}", "prompt",
                             "do it", "editable_files", "a.py", "b.py", "readonly_files",
                             "README.md", "model", "gpt-4o", "working_dir", "/repo",
                             "architect_mode", 1, "mode", "cli", "branch", "main");
    assert_true(json_equal(payload, want));
    say(stage, AIDER_SOURCE_HISTORY, "#### do it  ");
    say(stage, AIDER_SOURCE_HISTORY, "> litellm.RateLimitError: slow down  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Retrying in 0.2 seconds...  ");
    payload = payload_of(stage, "aider.rate_limit_detected", 0);
    expect_text(payload, "fallback_model", "gpt-4o-mini");
    expect_text(payload, "provider", "openai");
    json_decref(want);
    json_decref(members);
    stage_destroy(&stage);
}

static const char *const INTERACTIVE[] = {"aider", "--model", "openai/fake", NULL};
static const char *const MESSAGE[] = {"aider", "--model", "openai/fake", "-m", "hi", NULL};

static stage_t *
begin(const char *const *argv)
{
    return stage_new(&(aider_session_start_t){.argv = argv, .working_dir = "/repo"});
}

static void
a_long_prompt_is_cut_to_100_characters_and_an_ellipsis(void **state)
{
    (void) state;
    char prompt[301] = "";
    for (size_t i = 0; i < 300; i++)
        prompt[i] = "ä"[i % 2];
    const char *const argv[] = {"aider", "-m", prompt, NULL};
    stage_t *stage = begin(argv);
    const char *preview = json_string_value(
        json_object_get(payload_of(stage, "aider.session_started", 0), "prompt"));
    assert_int_equal(strlen(preview), 203);
    assert_string_equal(preview + 200, "…");
    stage_destroy(&stage);
}

static void
an_error_with_nothing_behind_it_is_final_after_half_a_second(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_CONSOLE,
        "litellm.RateLimitError: RateLimitError: OpenAIException - no");
    pass(stage, AIDER_FACTS_HOLD_MS - 1);
    assert_int_equal(count_of(stage, "aider.rate_limit_detected"), 0);
    pass(stage, 1);
    assert_int_equal(count_of(stage, "aider.rate_limit_detected"), 1);
    json_t *payload = payload_of(stage, "aider.error_occurred", 0);
    assert_true(json_is_true(json_object_get(payload, "fatal")));
    assert_null(json_object_get(payload, "estimated_delay"));
    stage_destroy(&stage);
}

static void
a_sleep_before_a_retry_is_counted_down(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_CONSOLE,
        "litellm.RateLimitError: RateLimitError: OpenAIException - no");
    say(stage, AIDER_SOURCE_CONSOLE, "Retrying in 32.0 seconds...");
    pass(stage, 31000);
    assert_int_equal(count_of(stage, "aider.session_progress"), 3);
    static const double LEFT_S[] = {22, 12, 2};
    for (size_t i = 0; i < 3; i++) {
        json_t *payload = payload_of(stage, "aider.session_progress", i);
        expect_text(payload, "stage", "waiting");
        json_t *data = json_object_get(payload, "progress_data");
        double left_s = json_number_value(json_object_get(data, "retry_in"));
        assert_true(left_s > LEFT_S[i] - 0.01 && left_s < LEFT_S[i] + 0.01);
    }
    stage_destroy(&stage);
}

static void
a_reply_that_trickles_is_streaming_and_not_waiting(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_HISTORY, "#### hi  ");
    say(stage, AIDER_SOURCE_CONSOLE, "Model: openai/fake with whole edit format");
    say(stage, AIDER_SOURCE_CONSOLE, "");
    aider_session_partial(stage->session, "Once upon", now_of(stage));
    pass(stage, 5000);
    aider_session_partial(stage->session, "Once upon a time", now_of(stage));
    pass(stage, 6000);
    pass(stage, 10000);
    assert_non_null(strstr(stage->transcript,
                           "stage=\"streaming\"\nsession_progress stage=\"streaming\"\n"
                           "session_progress stage=\"waiting\"\n"));
    stage_destroy(&stage);
}

static void
nothing_is_waited_for_outside_a_request(void **state)
{
    (void) state;
    stage_t *stage = begin(INTERACTIVE);
    aider_session_partial(stage->session, "> ", now_of(stage));
    pass(stage, 60000);
    assert_int_equal(count_of(stage, "aider.session_progress"), 0);
    assert_int_equal(count_of(stage, "aider.waiting_for_input"), 1);
    assert_int_equal(aider_session_next_tick_ms(stage->session), -1);
    stage_destroy(&stage);
}

static void
a_prompt_answered_at_once_was_not_waited_at(void **state)
{
    (void) state;
    stage_t *stage = begin(INTERACTIVE);
    aider_session_partial(stage->session, "> ", now_of(stage));
    pass(stage, AIDER_SESSION_PROMPT_HOLD_MS - 1);
    say(stage, AIDER_SOURCE_CONSOLE, "> hello");
    pass(stage, 5000);
    assert_int_equal(count_of(stage, "aider.waiting_for_input"), 0);
    assert_int_equal(count_of(stage, "aider.request_started"), 1);
    stage_destroy(&stage);
}

static void
late_lines_of_the_history_stay_out_of_the_next_request(void **state)
{
    (void) state;
    stage_t *stage = begin(INTERACTIVE);
    say(stage, AIDER_SOURCE_HISTORY, "#### one  ");
    say(stage, AIDER_SOURCE_CONSOLE, "> one");
    say(stage, AIDER_SOURCE_CONSOLE,
        "litellm.RateLimitError: RateLimitError: OpenAIException - no");
    say(stage, AIDER_SOURCE_CONSOLE, "Retrying in 0.2 seconds...");
    say(stage, AIDER_SOURCE_CONSOLE, "Tokens: 10 sent, 2 received.");
    say(stage, AIDER_SOURCE_CONSOLE, "> two");
    say(stage, AIDER_SOURCE_HISTORY,
        "> litellm.RateLimitError: RateLimitError: OpenAIException - no  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Retrying in 0.2 seconds...  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Tokens: 10 sent, 2 received.  ");
    say(stage, AIDER_SOURCE_HISTORY, "#### two  ");
    say(stage, AIDER_SOURCE_CONSOLE, "Tokens: 20 sent, 3 received.");
    say(stage, AIDER_SOURCE_HISTORY, "> Tokens: 20 sent, 3 received.  ");
    leave(stage, 0, 0);
    assert_int_equal(count_of(stage, "aider.rate_limit_detected"), 1);
    assert_int_equal(count_of(stage, "aider.request_completed"), 2);
    json_t *second = payload_of(stage, "aider.request_completed", 1);
    assert_int_equal(json_integer_value(json_object_get(second, "tokens_sent")), 20);
    assert_int_equal(json_integer_value(json_object_get(second, "attempts")), 1);
    stage_destroy(&stage);
}

static void
a_second_aider_in_the_same_history_is_not_believed(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_HISTORY, "# aider chat started at 2026-11-22 10:00:00");
    say(stage, AIDER_SOURCE_HISTORY, "#### hi  ");
    say(stage, AIDER_SOURCE_HISTORY, "# aider chat started at 2026-11-22 10:00:07");
    say(stage, AIDER_SOURCE_HISTORY, "#### theirs  ");
    say(stage, AIDER_SOURCE_HISTORY, "> litellm.RateLimitError: RateLimitError: theirs  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Retrying in 0.2 seconds...  ");
    say(stage, AIDER_SOURCE_CONSOLE, "Tokens: 10 sent, 2 received.");
    leave(stage, 0, 0);
    assert_int_equal(count_of(stage, "aider.rate_limit_detected"), 0);
    expect_text(payload_of(stage, "aider.session_completed", 0), "outcome", "ok");
    stage_destroy(&stage);
}

static void
a_second_aider_that_starts_at_the_same_time_is_not_believed(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_HISTORY, "# aider chat started at 2026-11-22 10:00:00");
    say(stage, AIDER_SOURCE_HISTORY, "");
    say(stage, AIDER_SOURCE_HISTORY, "> /usr/bin/aider --message hi a.py  ");
    say(stage, AIDER_SOURCE_HISTORY, "# aider chat started at 2026-11-22 10:00:00");
    say(stage, AIDER_SOURCE_HISTORY, "");
    say(stage, AIDER_SOURCE_HISTORY, "> /usr/bin/aider --message theirs a.py  ");
    say(stage, AIDER_SOURCE_HISTORY, "#### theirs  ");
    say(stage, AIDER_SOURCE_HISTORY, "> litellm.RateLimitError: RateLimitError: theirs  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Retrying in 0.2 seconds...  ");
    say(stage, AIDER_SOURCE_CONSOLE, "Tokens: 10 sent, 2 received.");
    leave(stage, 0, 0);
    assert_int_equal(count_of(stage, "aider.rate_limit_detected"), 0);
    expect_text(payload_of(stage, "aider.session_completed", 0), "outcome", "ok");
    stage_destroy(&stage);
}

static void
an_aider_that_starts_anew_by_itself_is_believed(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    for (int start = 0; start < 2; start++) {
        say(stage, AIDER_SOURCE_HISTORY, "# aider chat started at 2026-11-22 10:00:00");
        say(stage, AIDER_SOURCE_HISTORY, "");
        say(stage, AIDER_SOURCE_HISTORY, "> /usr/bin/aider --message hi a.py  ");
    }
    say(stage, AIDER_SOURCE_HISTORY, "#### hi  ");
    say(stage, AIDER_SOURCE_HISTORY, "> litellm.RateLimitError: RateLimitError: ours  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Retrying in 0.2 seconds...  ");
    leave(stage, 0, 0);
    assert_int_equal(count_of(stage, "aider.rate_limit_detected"), 1);
    stage_destroy(&stage);
}

static void
a_reply_that_quotes_an_error_is_a_reply(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_CONSOLE, "Model: openai/fake with whole edit format");
    say(stage, AIDER_SOURCE_CONSOLE, "");
    say(stage, AIDER_SOURCE_CONSOLE, "Your log says:");
    say(stage, AIDER_SOURCE_CONSOLE,
        "litellm.BadRequestError: OpenAIException - no such thing");
    say(stage, AIDER_SOURCE_CONSOLE, "Applied edit to nothing.py");
    say(stage, AIDER_SOURCE_CONSOLE, "Tokens: 10 sent, 2 received.");
    leave(stage, 0, 0);
    assert_int_equal(count_of(stage, "aider.error_occurred"), 0);
    json_t *payload = payload_of(stage, "aider.session_completed", 0);
    assert_true(json_is_true(json_object_get(payload, "success")));
    assert_true(json_is_false(json_object_get(payload, "changes_detected")));
    stage_destroy(&stage);
}

static void
a_line_broken_over_a_narrow_console_is_one_line(void **state)
{
    (void) state;
    stage_t *stage = stage_new(&(aider_session_start_t){.argv = MESSAGE, .columns = 40});
    say(stage, AIDER_SOURCE_CONSOLE, "litellm.Timeout: APITimeoutError -");
    say(stage, AIDER_SOURCE_CONSOLE, "Request timed out.");
    say(stage, AIDER_SOURCE_CONSOLE, "The API provider timed out without");
    say(stage, AIDER_SOURCE_CONSOLE, "returning a response. They may be down");
    say(stage, AIDER_SOURCE_CONSOLE, "or overloaded.");
    say(stage, AIDER_SOURCE_CONSOLE, "Retrying in 0.2 seconds...");
    say(stage, AIDER_SOURCE_CONSOLE, "Tokens: 1.2k sent, 3k cache hit, 45");
    say(stage, AIDER_SOURCE_CONSOLE, "received. Cost: $0.0020 message, $0.50");
    say(stage, AIDER_SOURCE_CONSOLE, "session.");
    say(stage, AIDER_SOURCE_CONSOLE, "Applied edit to");
    say(stage, AIDER_SOURCE_CONSOLE, "a/path/that/is/longer/than/a/row/of/the/");
    say(stage, AIDER_SOURCE_CONSOLE, "console.py");
    say(stage, AIDER_SOURCE_CONSOLE, "Commit 9bb1efb fix: it");
    leave(stage, 0, 0);
    expect_text(payload_of(stage, "aider.error_occurred", 0), "error_message",
                "litellm.Timeout: APITimeoutError - Request timed out.");
    assert_non_null(strstr(stage->transcript,
                           "message=\"a/path/that/is/longer/than/a/row/of/the/console.py\""));
    json_t *payload = payload_of(stage, "aider.request_completed", 0);
    assert_int_equal(json_integer_value(json_object_get(payload, "tokens_sent")), 1200);
    assert_int_equal(json_integer_value(json_object_get(payload, "tokens_received")), 45);
    double session_cost = json_real_value(json_object_get(payload, "session_cost"));
    assert_true(session_cost > 0.499 && session_cost < 0.501);
    stage_destroy(&stage);
}

static void
a_commit_message_that_is_given_up_fails_no_request(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_HISTORY, "#### hi  ");
    say(stage, AIDER_SOURCE_CONSOLE, "Tokens: 12 sent, 45 received.");
    say(stage, AIDER_SOURCE_CONSOLE, "Applied edit to a.py");
    static const char *const DELAYS[] = {"0.2", "0.5", "1.0",  "2.0",
                                         "4.0", "8.0", "16.0", "32.0"};
    for (size_t i = 0; i < 9; i++) {
        say(stage, AIDER_SOURCE_CONSOLE, "litellm.RateLimitError: OpenAIException - no");
        if (i < 8) {
            char line[64];
            snprintf(line, sizeof line, "Retrying in %s seconds...", DELAYS[i]);
            say(stage, AIDER_SOURCE_CONSOLE, line);
        }
    }
    say(stage, AIDER_SOURCE_CONSOLE, "Failed to generate commit message!");
    leave(stage, 0, 0);
    assert_int_equal(count_of(stage, "aider.rate_limit_detected"), 9);
    json_t *payload = payload_of(stage, "aider.error_occurred", 0);
    assert_true(json_is_false(json_object_get(payload, "fatal")));
    assert_int_equal(json_integer_value(json_object_get(payload, "attempt")), 9);
    expect_text(payload_of(stage, "aider.request_completed", 0), "outcome", "ok");
    stage_destroy(&stage);
}

static void
an_error_glued_to_a_reply_is_an_error(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_CONSOLE,
        "Hello from litellm.APIConnectionError: APIConnectionError: OpenAIException - broke");
    say(stage, AIDER_SOURCE_CONSOLE, "Retrying in 0.2 seconds...");
    json_t *payload = payload_of(stage, "aider.error_occurred", 0);
    expect_text(payload, "error_type", "connection");
    expect_text(payload, "error_message",
                "litellm.APIConnectionError: APIConnectionError: OpenAIException - broke");
    stage_destroy(&stage);
}

static void
without_a_request_the_exit_decides(void **state)
{
    (void) state;
    static const struct {
        int exit_code;
        int signal;
        const char *outcome;
    } ENDS[] = {
        {0, 0, "ok"}, {2, 0, "failed"}, {0, SIGINT, "cancelled"}, {0, SIGTERM, "killed"}};
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++) {
        stage_t *stage = begin(INTERACTIVE);
        leave(stage, ENDS[i].exit_code, ENDS[i].signal);
        json_t *payload = payload_of(stage, "aider.session_completed", 0);
        expect_text(payload, "outcome", ENDS[i].outcome);
        assert_int_equal(json_is_true(json_object_get(payload, "success")), i == 0);
        assert_int_equal(json_object_get(payload, "signal") != NULL, ENDS[i].signal != 0);
        assert_int_equal(json_object_get(payload, "exit_code") != NULL, ENDS[i].signal == 0);
        stage_destroy(&stage);
    }
}

static void
a_finished_request_counts_whatever_the_exit_status(void **state)
{
    (void) state;
    stage_t *stage = begin(INTERACTIVE);
    say(stage, AIDER_SOURCE_HISTORY, "#### one  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Tokens: 10 sent, 2 received.  ");
    say(stage, AIDER_SOURCE_HISTORY, "#### /exit  ");
    leave(stage, 1, 0);
    json_t *payload = payload_of(stage, "aider.session_completed", 0);
    assert_true(json_is_true(json_object_get(payload, "success")));
    stage_destroy(&stage);
}

static void
an_uncaught_exception_is_a_crash(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_HISTORY, "#### hi  ");
    say(stage, AIDER_SOURCE_CONSOLE, "# Uncaught ValueError in coder.py line 7");
    say(stage, AIDER_SOURCE_CONSOLE, "Traceback (most recent call last):");
    say(stage, AIDER_SOURCE_CONSOLE, "ValueError: no");
    leave(stage, 1, 0);
    json_t *payload = payload_of(stage, "aider.error_occurred", 0);
    expect_text(payload, "error_type", "crash");
    assert_int_equal(count_of(stage, "aider.error_occurred"), 1);
    expect_text(payload_of(stage, "aider.session_completed", 0), "outcome", "failed");
    stage_destroy(&stage);
}

// What an MCP server prints between its answers is AIDER's console, without a banner.
static void
play_server(stage_t *stage, const char *capture)
{
    char *text = read_capture(capture, "server-stdout.txt");
    assert_non_null(text);
    say(stage, AIDER_SOURCE_HISTORY, "#### ");
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] != '{')
            say(stage, AIDER_SOURCE_CONSOLE, line);
    }
    leave(stage, 0, 0);
    free(text);
}

static void
the_console_inside_an_mcp_server_tells_the_same(void **state)
{
    (void) state;
    static const char *const SERVERS[] = {"mcp_disler_429x2_then_ok",
                                          "mcp_disler_429_nocolor_wide"};
    for (size_t i = 0; i < 2; i++) {
        stage_t *stage = begin(MESSAGE);
        play_server(stage, SERVERS[i]);
        assert_true(count_of(stage, "aider.rate_limit_detected") > 0);
        assert_int_equal(count_of(stage, "aider.error_occurred"), 0);
        json_t *payload = payload_of(stage, "aider.rate_limit_detected", 0);
        assert_int_equal(json_integer_value(json_object_get(payload, "attempt")), 1);
        expect_text(payload, "limit_type", "tokens_per_minute");
        assert_non_null(strstr(stage->transcript, "stage=\"streaming\""));
        expect_text(payload_of(stage, "aider.session_completed", 0), "outcome", "ok");
        stage_destroy(&stage);
    }
}

static void
reflections_stay_in_one_request(void **state)
{
    (void) state;
    stage_t *stage = play("edit_format", ALL);
    assert_int_equal(count_of(stage, "aider.request_started"), 1);
    stage_destroy(&stage);
    stage = play("edit_format", ANALYTICS);
    assert_int_equal(count_of(stage, "aider.request_started"), 1);
    stage_destroy(&stage);
}

static const char *const HELLO[] = {"aider", "--message", "hi", NULL};

static void
a_source_that_is_lost_is_told_once_and_not_believed(void **state)
{
    (void) state;
    stage_t *stage = stage_new(&(aider_session_start_t){.argv = HELLO, .working_dir = "/repo"});
    aider_session_lose(stage->session, AIDER_SOURCE_HISTORY, true, "shared", now_of(stage));
    aider_session_lose(stage->session, AIDER_SOURCE_HISTORY, true, "shared", now_of(stage));
    aider_session_lose(stage->session, AIDER_SOURCE_ANALYTICS, false, NULL, now_of(stage));
    say(stage, AIDER_SOURCE_HISTORY, "#### another's prompt  ");
    say(stage, AIDER_SOURCE_HISTORY, "> litellm.RateLimitError: another's  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Retrying in 0.2 seconds...  ");
    say(stage, AIDER_SOURCE_ANALYTICS, "{\"event\": \"message_send_starting\"}");
    pass(stage, 1000);
    assert_string_equal(stage->transcript + strcspn(stage->transcript, "\n") + 1,
                        "session_progress stage=\"source_shared\" message=\"shared\""
                        " progress_data={\"source\": \"chat_history\"}\n"
                        "session_progress stage=\"source_failed\""
                        " progress_data={\"source\": \"analytics_log\"}\n");
    say(stage, AIDER_SOURCE_CONSOLE, "litellm.RateLimitError: mine");
    say(stage, AIDER_SOURCE_CONSOLE, "Retrying in 0.2 seconds...");
    assert_non_null(
        strstr(stage->transcript, "error_message=\"litellm.RateLimitError: mine\""));
    assert_null(strstr(stage->transcript, "another's"));
    stage_destroy(&stage);
}

static void
a_users_pattern_makes_an_error_of_a_line_of_aiders_own(void **state)
{
    (void) state;
    static const char TEXT[] =
        "queue\n    match = \"queue is full(, (?<retry_after>[0-9]+s))?\"\n"
        "    error_type = overloaded\n    provider = lab\n"
        "    retryable = true\n";
    char *error = NULL;
    aider_user_patterns_t *patterns =
        aider_user_patterns_new(TEXT, sizeof TEXT - 1, "patterns.cfg", &error);
    assert_non_null(patterns);
    stage_t *stage = stage_new(
        &(aider_session_start_t){.argv = HELLO, .working_dir = "/repo", .patterns = patterns});
    say(stage, AIDER_SOURCE_HISTORY, "#### hi  ");
    say(stage, AIDER_SOURCE_HISTORY, "> The queue is full, 7s  ");
    say(stage, AIDER_SOURCE_HISTORY, "> Retrying in 0.2 seconds...  ");
    say(stage, AIDER_SOURCE_HISTORY, "> The queue is full  ");
    say(stage, AIDER_SOURCE_HISTORY, "");
    pass(stage, 1000);
    const char *first = strstr(stage->transcript, "error_occurred error_type=\"overloaded\" "
                                                  "attempt=1 will_retry=true");
    assert_non_null(first);
    assert_non_null(strstr(first, "retry_after=7"));
    assert_non_null(strstr(first, "provider=\"lab\""));
    assert_non_null(strstr(first + 1, "error_type=\"overloaded\" attempt=2 will_retry=false"));
    stage_destroy(&stage);
    aider_user_patterns_destroy(&patterns);
}

static void
a_model_that_fails_and_is_left_is_a_fallback(void **state)
{
    (void) state;
    stage_t *stage = stage_new(&(aider_session_start_t){.argv = HELLO, .working_dir = "/repo"});
    say(stage, AIDER_SOURCE_CONSOLE, "Aider v0.86.2");
    say(stage, AIDER_SOURCE_CONSOLE, "Model: openai/first with whole edit format");
    say(stage, AIDER_SOURCE_CONSOLE, "");
    say(stage, AIDER_SOURCE_CONSOLE, "litellm.RateLimitError: no");
    say(stage, AIDER_SOURCE_CONSOLE, "Retrying in 0.2 seconds...");
    say(stage, AIDER_SOURCE_CONSOLE, "Model: openai/second with whole edit format");
    leave(stage, 0, 0);
    assert_non_null(strstr(stage->transcript,
                           "stage=\"model_changed\" message=\"openai/second\""
                           " progress_data={\"by\": \"aider\","));
    assert_non_null(strstr(stage->transcript, "fallback_used=true model_used=\"openai/second\" "
                                              "original_model=\"openai/first\""));
    stage_destroy(&stage);
}

static void
lines_of_the_analytics_log_that_are_not_json_are_counted(void **state)
{
    (void) state;
    stage_t *stage = begin(MESSAGE);
    say(stage, AIDER_SOURCE_ANALYTICS, "{\"event\": \"laun");
    say(stage, AIDER_SOURCE_ANALYTICS, "[]");
    say(stage, AIDER_SOURCE_ANALYTICS, "{\"event\": 7}");
    pass(stage, 1000);
    assert_int_equal(aider_session_malformed(stage->session), 2);
    stage_destroy(&stage);
}

int
main(int argc, char *argv[])
{
    // To write down a new capture: test_aider_session CAPTURE > tests/fixtures/aider-events/…
    // A number behind it is another way of playing it.
    if (argc >= 2) {
        stage_t *stage = play(argv[1], argc > 2 ? (int) strtol(argv[2], NULL, 10) : ALL);
        fputs(stage->transcript, stdout);
        stage_destroy(&stage);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_capture_is_reported_as_written_down),
        cmocka_unit_test(sources_in_turn_tell_the_same),
        cmocka_unit_test(a_history_behind_the_console_tells_the_same),
        cmocka_unit_test(the_console_alone_tells_the_same),
        cmocka_unit_test(a_console_of_80_columns_tells_the_same),
        cmocka_unit_test(the_history_alone_misses_only_what_is_not_in_it),
        cmocka_unit_test(console_and_history_in_their_own_time_tell_the_same),
        cmocka_unit_test(a_prompt_that_a_pipe_answers_at_once_is_answered),
        cmocka_unit_test(a_request_is_interrupted_once_whoever_says_so),
        cmocka_unit_test(an_error_painted_over_the_spinner_follows_no_reply),
        cmocka_unit_test(an_interrupt_at_a_painted_prompt_is_no_request),
        cmocka_unit_test(the_analytics_log_alone_knows_how_each_request_ended),
        cmocka_unit_test(no_event_holds_a_null),
        cmocka_unit_test(all_events_of_a_request_carry_its_id),
        cmocka_unit_test(the_first_event_says_what_the_command_line_says),
        cmocka_unit_test(a_long_prompt_is_cut_to_100_characters_and_an_ellipsis),
        cmocka_unit_test(an_error_with_nothing_behind_it_is_final_after_half_a_second),
        cmocka_unit_test(a_sleep_before_a_retry_is_counted_down),
        cmocka_unit_test(a_reply_that_trickles_is_streaming_and_not_waiting),
        cmocka_unit_test(nothing_is_waited_for_outside_a_request),
        cmocka_unit_test(a_prompt_answered_at_once_was_not_waited_at),
        cmocka_unit_test(late_lines_of_the_history_stay_out_of_the_next_request),
        cmocka_unit_test(a_second_aider_in_the_same_history_is_not_believed),
        cmocka_unit_test(a_second_aider_that_starts_at_the_same_time_is_not_believed),
        cmocka_unit_test(an_aider_that_starts_anew_by_itself_is_believed),
        cmocka_unit_test(a_reply_that_quotes_an_error_is_a_reply),
        cmocka_unit_test(a_line_broken_over_a_narrow_console_is_one_line),
        cmocka_unit_test(a_commit_message_that_is_given_up_fails_no_request),
        cmocka_unit_test(an_error_glued_to_a_reply_is_an_error),
        cmocka_unit_test(without_a_request_the_exit_decides),
        cmocka_unit_test(a_finished_request_counts_whatever_the_exit_status),
        cmocka_unit_test(an_uncaught_exception_is_a_crash),
        cmocka_unit_test(the_console_inside_an_mcp_server_tells_the_same),
        cmocka_unit_test(reflections_stay_in_one_request),
        cmocka_unit_test(a_source_that_is_lost_is_told_once_and_not_believed),
        cmocka_unit_test(a_users_pattern_makes_an_error_of_a_line_of_aiders_own),
        cmocka_unit_test(a_model_that_fails_and_is_left_is_a_fallback),
        cmocka_unit_test(lines_of_the_analytics_log_that_are_not_json_are_counted),
    };
    return cmocka_run_group_tests_name("aider_session", tests, find_captures, forget_captures);
}
